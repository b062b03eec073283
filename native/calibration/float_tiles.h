// Elements of tensors in pieces that stay in the nearest cache, as float32 whatever they are.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "calibration/histogram.h"
#include "core/instructions.h"

namespace foveate {

inline constexpr std::size_t kTile = 4096;

// Exact, without a branch: a half's exponent and mantissa, moved into place, are 2^-112 of its value.
inline void halves_to_floats(const std::uint16_t* halves, std::size_t count, float* floats) {
  with_best_instructions([=]() FOVEATE_HOT {
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t magnitude = halves[i] & 0x7fffu;
      const std::uint32_t sign = static_cast<std::uint32_t>(halves[i] & 0x8000u) << 16;
      const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
      const std::uint32_t special = 0x7f800000u | (magnitude << 13);  // infinity or NaN
      const std::uint32_t bits = magnitude >= 0x7c00u ? special : std::bit_cast<std::uint32_t>(scaled);
      floats[i] = std::bit_cast<float>(sign | bits);
    }
  });
}

class FloatTiles {
 public:
  explicit FloatTiles(const FloatElements& elements) : elements_(elements) {}

  // Elements from `begin` on, at most kTile of them. Valid until the next call.
  const float* at(std::size_t begin, std::size_t count) {
    if (!elements_.half) return static_cast<const float*>(elements_.data) + begin;
    halves_to_floats(static_cast<const std::uint16_t*>(elements_.data) + begin, count, converted_.data());
    return converted_.data();
  }

 private:
  FloatElements elements_;
  alignas(64) std::array<float, kTile> converted_;
};

// The order of floats as the order of integers, which vectors find the least and the greatest of in one go; NaN lies
// beyond both infinities.
inline constexpr std::int32_t kInfinityKey = 0x7f800000;
inline constexpr std::int32_t float_key(float value) {
  const auto bits = std::bit_cast<std::int32_t>(value);
  return bits ^ ((bits >> 31) & 0x7fffffff);
}
inline constexpr float float_of_key(std::int32_t key) {
  return std::bit_cast<float>(key ^ ((key >> 31) & 0x7fffffff)) + 0.0F;  // no negative zero
}

struct KeyRange {
  std::int32_t least = 0x7fffffff;
  std::int32_t greatest = -0x7fffffff - 1;

  bool finite() const { return least > float_key(-std::bit_cast<float>(kInfinityKey)) && greatest < kInfinityKey; }
};

inline KeyRange key_range(const float* values, std::size_t count) {
  KeyRange range;
  with_best_instructions([values, count, &range]() FOVEATE_HOT {
    std::int32_t least = range.least;
    std::int32_t greatest = range.greatest;
    for (std::size_t i = 0; i < count; ++i) {
      const std::int32_t key = float_key(values[i]);
      least = key < least ? key : least;
      greatest = key > greatest ? key : greatest;
    }
    range = {least, greatest};
  });
  return range;
}

// Copies the finite of `count` values; how many these are.
inline std::size_t keep_finite(const float* values, std::size_t count, float* kept) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < count; ++i) {
    kept[size] = values[i];
    size += (std::bit_cast<std::uint32_t>(values[i]) & 0x7f800000u) != 0x7f800000u ? 1 : 0;
  }
  return size;
}

}  // namespace foveate
