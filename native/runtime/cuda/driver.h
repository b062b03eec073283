// The CUDA driver, which is opened where there is one.
#pragma once

#include <optional>
#include <string>

namespace foveate::cuda {

// Why no GPU can be used; nothing where one can. Opens the driver library, once in a process.
const std::optional<std::string>& obstacle();

}  // namespace foveate::cuda
