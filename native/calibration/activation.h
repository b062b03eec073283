// The functions that follow a convolution, as ONNX defines them: ranges are judged by what comes out of them.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace foveate {

enum class ActivationKind : std::uint8_t {
  kIdentity,
  kRelu,
  kClip,
  kLeakyRelu,
  kElu,
  kSigmoid,
  kHardSigmoid,
  kSilu,
  kHardSwish,
  kTanh,
  kGelu,
  kMish,
};

struct Activation {
  ActivationKind kind = ActivationKind::kIdentity;
  double min = -std::numeric_limits<double>::infinity();  // kClip
  double max = std::numeric_limits<double>::infinity();   // kClip
  double alpha = 0;  // kLeakyRelu, kElu: the factor below 0; kHardSigmoid: the slope
  double beta = 0;   // kHardSigmoid: the value at 0

  double operator()(double x) const;
  // Where it has a corner or turns, ascending: between two of them it is smooth and monotone.
  std::vector<double> corners() const;
  // Whether it is more than straight pieces.
  bool curved() const;
};

// Beyond, the curved ones are straight for all that matters here.
inline constexpr double kCurvedWithin = 16;

}  // namespace foveate
