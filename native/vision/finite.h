// Outputs that hold no number at all: what overflow leaves of them is NaN or infinite.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>

#include "core/status.h"

namespace foveate {

// False only where there are values and none is a finite number. Ends at the first that is: at once for a sound output.
inline bool has_finite(std::span<const float> values) {
  return values.empty() || std::any_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
}

// `message` says what is missing; whoever knows the output's name puts it before.
inline Status not_finite(std::string message) {
  return {error_code::kEngineFailed, std::move(message),
          "Usual causes: float16 that overflows (export the model as float32), or preprocessing that does not fit the "
          "model (scale, mean, std)."};
}

}  // namespace foveate
