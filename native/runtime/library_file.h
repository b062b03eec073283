// What can be said about a library's file before it is opened: the dynamic loader's own words are poor.
#pragma once

#include <filesystem>
#include <string>

#include "core/status.h"

namespace foveate {

// BACKEND_NOT_FOUND when there is no such file, BACKEND_INVALID when it is a folder, no shared library, cut short, or
// one for another processor. `product` is what it should be, and `example` how such a file is called.
Status check_library_file(const std::filesystem::path& path, const std::string& product, const std::string& example);

}  // namespace foveate
