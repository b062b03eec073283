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
  const auto is_side = [](int side) { return side >= 1 && side <= kMaxPictureSide + 1; };
  const bool is_sound = is_side(placement.source_width) && is_side(placement.source_height) &&
                        is_side(placement.input_width) && is_side(placement.input_height) &&
                        is_factor(placement.scale_x) && is_factor(placement.scale_y) &&
                        std::isfinite(placement.offset_x) && std::isfinite(placement.offset_y);
  if (is_sound) return {};
  return {error_code::kInvalidArgument,
          what + " cannot be mapped back: the picture's placement is empty, or has a side beyond " +
              std::to_string(kMaxPictureSide + 1) + " pixels"};
}

}  // namespace foveate
