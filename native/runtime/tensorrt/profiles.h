// Optimization profiles against the model, before a build begins.
#pragma once

#include <span>
#include <vector>

#include "core/status.h"
#include "runtime/tensorrt/engine_builder.h"

namespace foveate::tensorrt {

// INVALID_ARGUMENT for an unknown input, for shapes that contradict the model's, and for an input with free dimensions
// that a profile, or all of them, leave out. A library tells some of it after a while, and of an unknown input nothing.
Status check_profiles(std::span<const NetworkTensor> inputs, const std::vector<std::vector<InputRange>>& profiles);

}  // namespace foveate::tensorrt
