// An activation of every kind, with constants that tell each from the next.
#pragma once

#include <limits>
#include <vector>

#include "calibration/activation.h"

namespace foveate {

inline std::vector<Activation> all_activations() {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return {{ActivationKind::kIdentity},
          {ActivationKind::kRelu},
          {ActivationKind::kClip, 0, 3},
          {ActivationKind::kClip, -0.7, 1.3},
          {ActivationKind::kLeakyRelu, -kInfinity, kInfinity, 0.1},
          {ActivationKind::kElu, -kInfinity, kInfinity, 1},
          {ActivationKind::kSigmoid},
          {ActivationKind::kHardSigmoid, -kInfinity, kInfinity, 0.2, 0.5},
          {ActivationKind::kSilu},
          {ActivationKind::kHardSwish},
          {ActivationKind::kTanh},
          {ActivationKind::kGelu},
          {ActivationKind::kMish}};
}

}  // namespace foveate
