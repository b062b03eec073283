// Which optimization profile of an engine serves a request.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "core/status.h"
#include "runtime/runtime.h"

namespace foveate::tensorrt {

// `wanted`, or of those that allow the shapes the one whose usual shapes are nearest. TENSOR_SHAPE, naming input, axis,
// what was given and what is allowed; INVALID_ARGUMENT for a profile that is not there.
Result<std::size_t> choose_profile(const ModelInfo& info, std::span<const TensorView> inputs,
                                   std::optional<std::size_t> wanted);

}  // namespace foveate::tensorrt
