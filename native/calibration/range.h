// Which range of a tensor its eight bits should stand for.
#pragma once

#include <cstdint>

#include "calibration/activation.h"
#include "calibration/tensor_observer.h"
#include "core/cancel.h"
#include "core/status.h"

namespace foveate {

enum class RangeMethod : std::uint8_t { kMinMax, kMovingAverage, kPercentile, kEntropy, kMse };

struct RangeSpec {
  RangeMethod method = RangeMethod::kMse;
  // kPercentile: the part of the elements, in percent, that is not clipped; what is clipped is the largest magnitudes
  // where symmetric, else as many elements at either end.
  double percentile = 99.99;
  // int8 from -127 to 127 with zero point 0, else uint8 with an integer zero point.
  bool symmetric = false;
  Activation activation;
  // Whether f(x) is quantised, instead of x. The error is that of f(x) in both cases.
  bool after = false;
};

struct Range {
  // Contain 0; both are 0 where all elements are. -max where symmetric.
  double min = 0;
  double max = 0;
  double error = 0;   // mean square of what quantising does to f(x)
  double signal = 0;  // mean square of f(x)
};

// INVALID_ARGUMENT for statistics without elements, or without pictures where the method takes their mean, and for an
// activation whose values float32 does not hold.
Result<Range> find_range(const TensorStatistics& statistics, const RangeSpec& spec,
                         const CancelToken* cancel = nullptr);

}  // namespace foveate
