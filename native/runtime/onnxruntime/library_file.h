// What can be said about a library's file before it is opened: the dynamic loader's own words are poor.
#pragma once

#include <filesystem>

#include "core/status.h"

namespace foveate::onnxruntime {

// BACKEND_NOT_FOUND when there is no such file, BACKEND_INVALID when it is a folder, no shared library, or one for
// another processor.
Status check_library_file(const std::filesystem::path& path);

}  // namespace foveate::onnxruntime
