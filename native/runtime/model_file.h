// What can be said about a model's file before it is opened.
#pragma once

#include <filesystem>

#include "core/status.h"

namespace foveate {

inline constexpr const char* kNotAModelHint =
    "Give a complete .onnx file or engine; if it was copied or downloaded, get it again.";

// MODEL_NOT_FOUND when there is no such file, or none that may be read; MODEL_INVALID when it is a folder, no regular
// file, or empty.
Status check_model_file(const std::filesystem::path& path);

}  // namespace foveate
