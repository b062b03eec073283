// Weights rounded to integers so that errors make good each other: Frantar, Ashkboos, Hoefler, Alistarh, "GPTQ" (2022).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "calibration/input_products.h"

namespace foveate {

// Weights of a layer: a weight lies at output * output_stride + column * column_stride.
struct WeightsLayout {
  std::size_t outputs = 1;
  std::size_t columns = 1;
  std::size_t output_stride = 1;
  std::size_t column_stride = 1;
};

// What one of the layers that have these weights reads.
struct RoundedInput {
  const InputProducts* products;
  // What a square of its steps counts, as all are added up: that of their scale, where layers have different ones.
  double square = 1;
};

// Integers from -127 to 127, in the order of the weights, with the scale of each output: column after column, those
// that vary most first, each to the nearest of what makes good the errors of those before it; a weight of 0 stays 0.
// Groups and columns of all inputs are those of the weights. Empty where the inputs tell nothing: NaN was seen, or no
// place at all. INVALID_ARGUMENT for weights that are not finite and scales that are not above 0, ABORTED.
Result<std::vector<std::int8_t>> round_weights(std::span<const float> weights, const WeightsLayout& layout,
                                               std::span<const float> scales, std::span<const RoundedInput> inputs,
                                               const CancelToken* cancel = nullptr);

}  // namespace foveate
