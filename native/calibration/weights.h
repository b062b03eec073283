// Eight bits for weights, and the biases that go with them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "calibration/channel_sums.h"
#include "core/status.h"

namespace foveate {

// A bias is kept as an integer of input_scale * weight scale of its channel.
struct BiasSpec {
  std::span<const float> values;  // one for each channel
  float input_scale = 1;
};

struct QuantizedWeights {
  std::vector<std::int8_t> values;  // -127 to 127
  std::vector<float> scales;        // above 0, one for each channel
  std::vector<std::int32_t> bias;   // empty without one
};

// Of each channel, the largest magnitude becomes 127; halves are rounded to even. A scale is made larger where the bias
// would not fit into 30 bits. With `half_scales`, it is rounded up to a number of float16 where little is lost by that;
// else it stays as it is, and cannot be written as one. INVALID_ARGUMENT for NaN and infinity, and where there are no
// weights.
Result<QuantizedWeights> quantize_weights(std::span<const float> weights, const AxisLayout& layout,
                                          const std::optional<BiasSpec>& bias, bool half_scales = false);

}  // namespace foveate
