#include "calibration/weights.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "core/half.h"

namespace foveate {
namespace {

constexpr float kGreatest = 127;
constexpr double kBiasLimit = 1 << 30;
// Of a channel without weights: fine enough for any bias, which makes it larger where it must.
constexpr float kDeadScale = 0x1p-40F;
// Numbers of float16 lie at most a sixteenth apart from here up to the highest.
constexpr float kFinestHalf = 0x1p-20F;
constexpr float kHighestHalf = 65504;
// A part of the coarsest channel's steps that is lost among them.
constexpr float kNegligible = 0x1p-8F;

Status not_finite(const char* what, std::size_t channel) {
  return {error_code::kInvalidArgument,
          std::string("Expected finite numbers, but ") + what + " of channel " + std::to_string(channel) +
              " has NaN or infinity",
          "The model is damaged, or was exported from a training run that diverged."};
}

// The least number of float16 that is not below: the largest magnitude still fits.
float up_to_half(float scale) {
  const std::uint16_t nearest = float_to_half(scale);
  // Of numbers above 0, the next has the next bits.
  const bool below = half_to_float(nearest) < scale;
  return half_to_float(static_cast<std::uint16_t>(nearest + (below ? 1 : 0)));
}

// Scales as numbers of float16, where these are no more than a sixteenth larger. A finer one stays as it is, unless
// steps of kFinestHalf are fine beside what the coarsest channel has; so does one beyond the highest number.
void round_to_half(std::vector<float>& scales, std::span<const float> greatest) {
  const float coarsest = *std::max_element(scales.begin(), scales.end());
  const bool negligible = kFinestHalf <= coarsest * kNegligible;
  for (std::size_t channel = 0; channel < scales.size(); ++channel) {
    float& scale = scales[channel];
    if (scale < kFinestHalf && (negligible || greatest[channel] == 0)) scale = kFinestHalf;
    if (scale >= kFinestHalf && scale <= kHighestHalf) scale = up_to_half(scale);
  }
}

}  // namespace

Result<QuantizedWeights> quantize_weights(std::span<const float> weights, const AxisLayout& layout,
                                          const std::optional<BiasSpec>& bias, bool half_scales) {
  // Any number of channels may have none.
  if (weights.empty()) return Status(error_code::kInvalidArgument, "Expected weights, but the shape has no elements");
  std::vector<float> greatest(layout.channels);
  const auto for_runs = [&layout](const auto& use) {
    for (std::size_t i = 0; i < layout.outer * layout.channels; ++i) use(i % layout.channels, i * layout.inner);
  };
  std::optional<std::size_t> odd;
  for_runs([&](std::size_t channel, std::size_t begin) {
    for (const float weight : weights.subspan(begin, layout.inner)) {
      if (!std::isfinite(weight)) odd = channel;
      greatest[channel] = std::max(greatest[channel], std::abs(weight));
    }
  });
  if (odd) return not_finite("the weight", *odd);

  QuantizedWeights result;
  result.scales.resize(layout.channels);
  for (std::size_t channel = 0; channel < layout.channels; ++channel) {
    float scale = greatest[channel] / kGreatest;
    if (scale < std::numeric_limits<float>::min()) scale = kDeadScale;
    if (bias) {
      const double value = bias->values[channel];
      if (!std::isfinite(value)) return not_finite("the bias", channel);
      // Rounded up, so that what float32 makes of it is not below.
      const auto floor = static_cast<float>(std::abs(value) / (kBiasLimit * static_cast<double>(bias->input_scale)));
      if (scale < floor) scale = std::nextafter(floor, INFINITY);
      if (!std::isfinite(scale)) return not_finite("the bias in steps of its input's scale", channel);
    }
    result.scales[channel] = scale;
  }
  if (half_scales) round_to_half(result.scales, greatest);

  result.values.resize(weights.size());
  for_runs([&](std::size_t channel, std::size_t begin) {
    const float scale = result.scales[channel];
    for (std::size_t i = begin; i < begin + layout.inner; ++i) {
      result.values[i] =
          static_cast<std::int8_t>(std::clamp(std::nearbyint(weights[i] / scale), -kGreatest, kGreatest));
    }
  });
  if (!bias) return result;
  result.bias.reserve(layout.channels);
  for (std::size_t channel = 0; channel < layout.channels; ++channel) {
    // The product as float32, which is the scale that is written into the model.
    const float step = bias->input_scale * result.scales[channel];
    if (!(step >= std::numeric_limits<float>::min() && std::isfinite(step))) {
      return Status(error_code::kInvalidArgument, "The scales of the input and of channel " + std::to_string(channel) +
                                                      " of the weight have no product in float32");
    }
    const double value = std::nearbyint(static_cast<double>(bias->values[channel]) / static_cast<double>(step));
    result.bias.push_back(static_cast<std::int32_t>(std::clamp(value, -0x7fffffffp0, 0x7fffffffp0)));
  }
  return result;
}

}  // namespace foveate
