// Masks of single objects, lines and points.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "draw_fixture.h"

namespace foveate {
namespace {

using testing::bytes_of;
using testing::changed;
using testing::Changed;
using testing::kGround;
using testing::kInfinity;
using testing::kRed;
using testing::kYellow;
using testing::pixel;
using testing::plain;
using testing::region_of;

Picture with_lines(std::vector<LineMark> lines, int width = 40, int height = 30) {
  Picture picture = plain(width, height);
  draw_lines(picture, lines);
  return picture;
}

Picture with_points(std::vector<PointMark> points, int width = 40, int height = 30) {
  Picture picture = plain(width, height);
  draw_points(picture, points);
  return picture;
}

TEST(DrawInstances, BlendsAndOutlinesTheObjectAlone) {
  Picture picture = plain(40, 30);
  std::vector<std::uint8_t> mask(12 * 10, 0);
  for (std::size_t y = 2; y < 10; ++y) {
    for (std::size_t x = 0; x < 8; ++x) mask[y * 12 + x] = 1;
  }
  draw_instances(picture, std::vector<InstanceMark>{{20, 10, 12, 10, mask, kRed}});
  const Changed object = changed(picture);
  EXPECT_EQ(object.left, 20);
  EXPECT_EQ(object.top, 12);
  EXPECT_EQ(object.right, 27);
  EXPECT_EQ(object.bottom, 19);
  EXPECT_EQ(pixel(picture, 22, 15), (Color{145, 55, 65}));  // half and half
  EXPECT_EQ(pixel(picture, 27, 15), kRed);                  // where it ends within its mask
}

TEST(DrawInstances, TheFirstMarkLiesOnTop) {
  Picture picture = plain(20, 20);
  const std::vector<std::uint8_t> mask(64, 1);
  draw_instances(picture, std::vector<InstanceMark>{{0, 0, 8, 8, mask, kYellow}, {0, 0, 8, 8, mask, kRed}});
  const Color seen = pixel(picture, 4, 4);
  EXPECT_GT(seen[1], 140);  // half of yellow's green over the rest
}

TEST(DrawInstances, MarksThatDoNotFitAreLeftOut) {
  Picture picture = plain(20, 10);
  const std::vector<std::uint8_t> mask(16, 1);
  for (const InstanceMark& mark : std::vector<InstanceMark>{{-1, 0, 4, 4, mask, kRed},
                                                            {17, 0, 4, 4, mask, kRed},
                                                            {0, 7, 4, 4, mask, kRed},
                                                            {0, 0, 4, 5, mask, kRed},
                                                            {0, 0, -4, -4, mask, kRed},
                                                            {0, 0, 0, 0, {}, kRed},
                                                            {5, 5, 0, 4, mask, kRed},
                                                            {0x7fffffff, 0, 0x7fffffff, 1, mask, kRed}}) {
    draw_instances(picture, std::vector<InstanceMark>{mark});
  }
  draw_instances(picture, {});
  EXPECT_EQ(changed(picture).count, 0);
  draw_instances(picture, std::vector<InstanceMark>{{16, 6, 4, 4, mask, kRed}});  // just in the corner
  EXPECT_EQ(changed(picture).count, 16);
}

TEST(DrawLines, GoFromPointToPoint) {
  const Picture picture = with_lines({{{{5, 10}, {35, 10}}, false, kRed}});
  const Changed line = changed(picture);
  EXPECT_NEAR(line.left, 4, 2);  // its ends are round
  EXPECT_NEAR(line.right, 35, 2);
  EXPECT_NEAR((line.top + line.bottom + 1) / 2.0, 10, 0.5);
  EXPECT_LE(line.bottom - line.top, 4);
}

TEST(DrawLines, CloseWhereTheyAreAskedTo) {
  const std::vector<std::array<float, 2>> corners = {{5, 5}, {35, 5}, {35, 25}, {5, 25}};
  EXPECT_EQ(pixel(with_lines({{corners, false, kRed}}), 5, 15), kGround);
  EXPECT_EQ(pixel(with_lines({{corners, true, kRed}}), 5, 15), kRed);
}

TEST(DrawLines, BeyondThePictureTheyAreCut) {
  EXPECT_GT(changed(with_lines({{{{-1e30f, 15}, {1e30f, 15}}, false, kRed}})).count, 40);
  EXPECT_EQ(changed(with_lines({{{{-100, -100}, {-50, 200}}, false, kRed}})).count, 0);
}

TEST(DrawLines, ThoseThatMakeNoSenseAreLeftOutAndTheOthersDrawn) {
  EXPECT_EQ(bytes_of(with_lines({})), bytes_of(plain(40, 30)));
  const std::vector<LineMark> lines = {{{}, true, kRed},
                                       {{{NAN, 5}, {30, 5}}, false, kRed},
                                       {{{5, 5}, {kInfinity, 5}}, true, kRed},
                                       {{{5, 20}, {35, 20}}, false, kYellow}};
  const Picture picture = with_lines(lines);
  EXPECT_EQ(region_of(picture, kRed).count, 0);
  EXPECT_GT(region_of(picture, kYellow).count, 25);
}

TEST(DrawLines, OfOnePointDoNoHarm) { EXPECT_LE(changed(with_lines({{{{20, 15}}, true, kRed}})).count, 25); }

TEST(DrawPoints, LieWhereTheyAreToldWithARim) {
  const Picture picture = with_points({{20, 15, kYellow}});
  const Changed dot = changed(picture);
  EXPECT_NEAR((dot.left + dot.right + 1) / 2.0, 20, 0.51);
  EXPECT_NEAR((dot.top + dot.bottom + 1) / 2.0, 15, 0.51);
  EXPECT_EQ(pixel(picture, 20, 15), kYellow);
  for (const Color& rim : {pixel(picture, dot.left, 15), pixel(picture, dot.right, 15), pixel(picture, 20, dot.top)}) {
    EXPECT_LT(rim[0], kGround[0]);
  }
}

TEST(DrawPoints, BeyondThePictureOrNowhereAreLeftOut) {
  const std::vector<PointMark> nowhere = {{NAN, 5, kRed},        {5, NAN, kRed},  {kInfinity, 5, kRed},
                                          {-1e30f, 1e30f, kRed}, {-30, 15, kRed}, {20, 60, kRed}};
  EXPECT_EQ(changed(with_points(nowhere)).count, 0);
  EXPECT_EQ(changed(with_points({})).count, 0);
  // Half of one on the edge is seen.
  EXPECT_GT(changed(with_points({{0, 0, kRed}})).count, 0);
}

TEST(DrawMarks, PicturesOfAnySizeAreSafe) {
  for (const auto& [width, height] : std::vector<std::pair<int, int>>{{1, 1}, {1, 50}, {50, 1}, {2, 3}, {3000, 2}}) {
    const auto right = static_cast<float>(width);
    const auto bottom = static_cast<float>(height);
    with_lines({{{{-5, -5}, {right + 5, bottom + 5}, {right, 0}}, true, kRed}}, width, height);
    with_points({{0, 0, kRed}, {right, bottom, kRed}, {right / 2, bottom / 2, kRed}}, width, height);
    Picture picture = plain(width, height);
    const std::vector<std::uint8_t> mask(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), 1);
    draw_instances(picture, std::vector<InstanceMark>{{0, 0, width, height, mask, kRed}});
    EXPECT_EQ(changed(picture).count, width * height);
  }
}

TEST(DrawMarks, WhatIsNoRgbPictureIsLeftAlone) {
  Picture empty;
  draw_lines(empty, std::vector<LineMark>{{{{0, 0}, {9, 9}}, false, kRed}});
  draw_points(empty, std::vector<PointMark>{{0, 0, kRed}});
  const std::vector<std::uint8_t> mask(4, 1);
  draw_instances(empty, std::vector<InstanceMark>{{0, 0, 2, 2, mask, kRed}});
  Picture grey = plain(9, 9);
  grey.format = PixelFormat::kGrey;
  const auto before = bytes_of(grey);
  draw_lines(grey, std::vector<LineMark>{{{{0, 0}, {9, 9}}, false, kRed}});
  draw_points(grey, std::vector<PointMark>{{0, 0, kRed}});
  draw_instances(grey, std::vector<InstanceMark>{{0, 0, 2, 2, mask, kRed}});
  EXPECT_EQ(bytes_of(grey), before);
}

}  // namespace
}  // namespace foveate
