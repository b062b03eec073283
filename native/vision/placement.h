// What all decoders ask of a placement before they map anything back through it.
#pragma once

#include <cmath>
#include <string>

#include "core/status.h"
#include "vision/preprocess.h"

namespace foveate {

// INVALID_ARGUMENT unless pixels of the input can be told from those of the picture. `what` begins the message.
inline Status check_placement(const Placement& placement, const std::string& what) {
  const auto is_factor = [](double scale) { return std::isfinite(scale) && scale > 0; };
  const bool is_sound = placement.source_width >= 1 && placement.source_height >= 1 && placement.input_width >= 1 &&
                        placement.input_height >= 1 && is_factor(placement.scale_x) && is_factor(placement.scale_y) &&
                        std::isfinite(placement.offset_x) && std::isfinite(placement.offset_y);
  if (is_sound) return {};
  return {error_code::kInvalidArgument, what + " cannot be mapped back: the picture's placement is empty"};
}

}  // namespace foveate
