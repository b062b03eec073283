// Ownership of the library's objects.
#pragma once

#include <memory>

namespace foveate::onnxruntime {

// Released through the table that made it.
template <typename T>
using Handle = std::unique_ptr<T, void (*)(T*) noexcept>;

}  // namespace foveate::onnxruntime
