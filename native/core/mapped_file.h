// A file as memory, without a copy.
#pragma once

#include <string>

#include "core/memory.h"
#include "core/status.h"

namespace foveate {

// The whole of a file that nobody changes while it is mapped: were it cut short, reading it would end the process.
// MODEL_NOT_FOUND where it cannot be read, or is empty.
Result<BlockPtr> map_file(const std::string& path);

}  // namespace foveate
