// Pictures to draw into, and where in them something was drawn.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "vision/draw.h"

namespace foveate::testing {

inline constexpr Color kGround = {90, 100, 110};
inline constexpr Color kRed = {200, 10, 20};
inline constexpr Color kYellow = {240, 230, 60};
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A picture of one colour in memory of just its size, so that the address sanitizer sees a pixel too far.
inline Picture plain(int width, int height, const Color& color = kGround) {
  const std::size_t bytes = static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3;
  auto* data = new std::uint8_t[bytes];
  for (std::size_t i = 0; i < bytes; ++i) data[i] = color[i % 3];
  const auto release = [](Block& block) { delete[] reinterpret_cast<std::uint8_t*>(block.data()); };
  return {std::make_shared<Block>(data, bytes, MemoryPlace{}, release), width, height, PixelFormat::kRgb};
}

inline std::vector<std::uint8_t> bytes_of(const Picture& picture) {
  return {picture.data(), picture.data() + picture.block->bytes()};
}

inline Color pixel(const Picture& picture, int x, int y) {
  const std::uint8_t* data =
      picture.data() + static_cast<std::size_t>(y) * picture.stride() + static_cast<std::size_t>(x) * 3;
  return {data[0], data[1], data[2]};
}

struct Changed {
  int left = std::numeric_limits<int>::max(), top = left, right = -1, bottom = -1;  // inclusive
  int count = 0;

  bool operator==(const Changed&) const = default;
};

// The smallest region that holds all pixels for which `holds`.
template <typename Predicate>
Changed region_where(const Picture& picture, Predicate holds) {
  Changed region;
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      if (!holds(pixel(picture, x, y))) continue;
      region = {std::min(region.left, x), std::min(region.top, y), std::max(region.right, x),
                std::max(region.bottom, y), region.count + 1};
    }
  }
  return region;
}

inline Changed region_of(const Picture& picture, const Color& color) {
  return region_where(picture, [&](const Color& seen) { return seen == color; });
}

inline Changed changed(const Picture& picture) {
  return region_where(picture, [](const Color& seen) { return seen != kGround; });
}

// Letters are smoothed: few of their pixels have the full colour.
inline Changed white_letters(const Picture& picture) {
  return region_where(picture, [](const Color& seen) { return *std::min_element(seen.begin(), seen.end()) > 120; });
}

inline Changed black_letters(const Picture& picture) {
  return region_where(picture, [](const Color& seen) { return *std::max_element(seen.begin(), seen.end()) < 80; });
}

inline void draw(Picture& picture, std::vector<BoxMark> marks) { draw_boxes(picture, marks); }

}  // namespace foveate::testing
