#include "vision/draw.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "draw_fixture.h"

namespace foveate {
namespace {

using namespace foveate::testing;

// The left half is class 0, the right one class 1.
std::vector<std::uint8_t> halves(int width, int height) {
  std::vector<std::uint8_t> mask;
  for (int i = 0; i < width * height; ++i) mask.push_back(i % width < width / 2 ? 0 : 1);
  return mask;
}

TEST(DrawMask, BlendsTheColourOfTheClass) {
  Picture picture = plain(40, 20);
  draw_mask(picture, halves(40, 20), std::vector<Color>{kRed, kYellow}, 0.5f, -1, true);
  EXPECT_EQ(pixel(picture, 3, 3), (Color{145, 55, 65}));
  EXPECT_EQ(pixel(picture, 30, 3), (Color{165, 165, 85}));
}

TEST(DrawMask, OutlinesRegionsInFullColour) {
  Picture picture = plain(40, 20);
  draw_mask(picture, halves(40, 20), std::vector<Color>{kRed, kYellow}, 0.25f, -1, true);
  EXPECT_EQ(region_of(picture, kRed), (Changed{19, 0, 19, 19, 20}));  // the picture's own edge has none
  EXPECT_EQ(region_of(picture, kYellow), (Changed{20, 0, 20, 19, 20}));
  Picture large = plain(1440, 1440);
  draw_mask(large, halves(1440, 1440), std::vector<Color>{kRed, kYellow}, 0.25f, -1, true);
  EXPECT_EQ(region_of(large, kRed), (Changed{717, 0, 719, 1439, 3 * 1440}));
}

TEST(DrawMask, TransparentAndUnknownClassesLeaveThePicture) {
  Picture picture = plain(40, 20);
  draw_mask(picture, halves(40, 20), std::vector<Color>{kRed, kYellow}, 0.5f, 0, true);
  EXPECT_EQ(changed(picture), (Changed{20, 0, 39, 19, 400}));
  Picture unknown = plain(40, 20);
  draw_mask(unknown, halves(40, 20), std::vector<Color>{kRed}, 0.5f, -1, true);
  EXPECT_EQ(changed(unknown), (Changed{0, 0, 19, 19, 400}));
  Picture none = plain(40, 20);
  draw_mask(none, halves(40, 20), {}, 0.5f, -1, true);
  EXPECT_EQ(changed(none).count, 0);
}

TEST(DrawMask, OpacityHasLimits) {
  const auto inside = [](float opacity) {
    Picture picture = plain(40, 20);
    draw_mask(picture, halves(40, 20), std::vector<Color>{kRed, kYellow}, opacity, -1, true);
    return pixel(picture, 3, 3);
  };
  EXPECT_EQ(inside(0), kGround);
  EXPECT_EQ(inside(-1), kGround);
  EXPECT_EQ(inside(NAN), kGround);
  EXPECT_EQ(inside(1), kRed);
  EXPECT_EQ(inside(kInfinity), kRed);
}

TEST(DrawMask, AMaskOfAnotherSizeIsLeftOut) {
  Picture picture = plain(40, 20);
  for (const std::size_t size : {0, 799, 801}) {
    draw_mask(picture, std::vector<std::uint8_t>(size, 0), std::vector<Color>{kRed}, 0.5f, -1, true);
  }
  EXPECT_EQ(changed(picture).count, 0);
}

TEST(ColorMask, EveryClassHasItsColour) {
  std::array<Color, 256> colors;
  std::vector<std::uint8_t> mask;
  for (std::size_t id = 0; id < 256; ++id) {
    const auto value = static_cast<std::uint8_t>(id);
    colors[id] = {value, static_cast<std::uint8_t>(255 - value), static_cast<std::uint8_t>(value ^ 0x55)};
    mask.insert(mask.begin(), value);
  }
  std::vector<std::uint8_t> rgb(mask.size() * 3);
  color_mask(mask, colors, rgb);
  for (std::size_t i = 0; i < mask.size(); ++i) {
    EXPECT_EQ((Color{rgb[i * 3], rgb[i * 3 + 1], rgb[i * 3 + 2]}), colors[mask[i]]) << "pixel " << i;
  }
  color_mask({}, colors, {});
}

}  // namespace
}  // namespace foveate
