// Which optimization profile of an engine serves a request.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>

#include "core/status.h"
#include "runtime/runtime.h"

namespace foveate::tensorrt {

// `wanted`, or of those that allow the shapes, and the values that shapes are made of, the one whose usual ones are
// nearest; one that is taken only where there is no other. TENSOR_SHAPE, naming input, axis or value, what was given
// and what is allowed; INVALID_ARGUMENT for a profile that is not there.
Result<std::size_t> choose_profile(const ModelInfo& info, std::span<const TensorView> inputs,
                                   std::optional<std::size_t> wanted, const std::function<bool(std::size_t)>& taken);

}  // namespace foveate::tensorrt
