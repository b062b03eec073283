// From a model's map of numbers, one a point, to one number for each pixel of the picture: depth, saliency, heat.
#pragma once

#include <cstdint>
#include <span>

#include "core/cancel.h"
#include "core/status.h"
#include "vision/preprocess.h"

namespace foveate {

enum class MapInterpolation : std::uint8_t {
  kBilinear,
  kBicubic,  // a = -0.75, as cv::INTER_CUBIC and PyTorch's
  kLanczos,  // of three lobes, antialiased, as Pillow's; edges are cut off, not repeated
};

enum class MapScaling : std::uint8_t {
  kNone,
  kMinMax,   // so that the map reaches from 0 to 1; 0 everywhere where it is flat
  kSigmoid,  // of each point
};

struct DenseMapSpec {
  int height = 0;  // of the map, which covers the whole input
  int width = 0;
  MapScaling scaling = MapScaling::kNone;  // before interpolation
  MapInterpolation interpolation = MapInterpolation::kBilinear;
};

struct ValueRange {
  float min = 0;
  float max = 0;
};

// Writes source_height rows of source_width values. Every pixel is mapped into the map by `placement`, half-pixel
// centres; edges are repeated, padding has no say, and what the input does not show continues the edge. Returns the
// lowest and the highest finite value written. INVALID_ARGUMENT: a spec that makes no map. ENGINE_FAILED: no value is
// finite. ABORTED. INTERNAL: spans of another size.
Result<ValueRange> decode_dense_map(std::span<const float> output, const DenseMapSpec& spec, const Placement& placement,
                                    std::span<float> values, const CancelToken* cancel = nullptr);

// Writes a grey level for each value: min is 0, max 255, rounded; what is not a number is 0.
void grey_map(std::span<const float> values, const ValueRange& range, std::span<std::uint8_t> grey);

}  // namespace foveate
