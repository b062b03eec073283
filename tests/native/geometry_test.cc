#include <gtest/gtest.h>

#include <algorithm>

#include "picture_fixture.h"
#include "vision/preprocess.h"

namespace foveate {
namespace {

PreprocessSpec letterbox(int size) {
  PreprocessSpec spec;
  spec.width = spec.height = size;
  return spec;
}

PreprocessSpec yolox(int size) {
  PreprocessSpec spec = letterbox(size);
  spec.anchor = Anchor::kTopLeft;
  spec.rounding = Rounding::kFloor;
  return spec;
}

PreprocessSpec crop(int edge, int size) {
  PreprocessSpec spec = letterbox(size);
  spec.fit = Fit::kCrop;
  spec.resize_edge = edge;
  return spec;
}

TEST(Geometry, IsThatOfTheReferencesForManySizes) {
  const PreprocessSpec specs[] = {letterbox(640), yolox(416), crop(256, 224), crop(256, 288)};
  int cases = 0;
  for (auto& line : testing::read_lines("geometry.txt")) {
    int width = 0, height = 0;
    line >> width >> height;
    for (const PreprocessSpec& spec : specs) {
      int resized_width = 0, resized_height = 0, left = 0, top = 0;
      line >> resized_width >> resized_height >> left >> top;
      ASSERT_TRUE(line);
      const bool refused =
          std::min(resized_width, resized_height) < 1 || std::max(resized_width, resized_height) > 65536;
      const auto planned = plan_geometry(spec, width, height);
      ASSERT_EQ(planned.ok(), !refused) << width << " x " << height;
      if (refused) continue;
      ++cases;
      const Geometry& geometry = planned.value();
      EXPECT_EQ(geometry.resized_width, resized_width) << width << " x " << height;
      EXPECT_EQ(geometry.resized_height, resized_height) << width << " x " << height;
      EXPECT_EQ(geometry.left, left) << width << " x " << height;
      EXPECT_EQ(geometry.top, top) << width << " x " << height;
    }
  }
  EXPECT_GT(cases, 980);
}

PreprocessSpec shortest_edge(int edge, int longest, int multiple = 1) {
  PreprocessSpec spec;
  spec.fit = Fit::kShortestEdge;
  spec.resize_edge = edge;
  spec.longest_edge = longest;
  spec.multiple_of = multiple;
  return spec;
}

TEST(Geometry, OfTheShortestEdgeIsHuggingFaces) {
  PreprocessSpec cut = crop(256, 224);
  cut.width = 225;
  cut.rounding = Rounding::kFloor;
  const PreprocessSpec specs[] = {shortest_edge(800, 1333), shortest_edge(800, 1333, 16), cut};
  int cases = 0;
  for (auto& line : testing::read_lines("shortest-edge.txt")) {
    int width = 0, height = 0;
    line >> width >> height;
    for (const PreprocessSpec& spec : specs) {
      int expected_width = 0, expected_height = 0;
      line >> expected_width >> expected_height;
      const auto planned = plan_geometry(spec, width, height);
      ASSERT_EQ(planned.ok(), std::min(expected_width, expected_height) > 0) << width << " x " << height;
      ++cases;
      if (!planned.ok()) continue;
      const Geometry& geometry = planned.value();
      EXPECT_EQ(geometry.resized_width, expected_width) << width << " x " << height;
      EXPECT_EQ(geometry.resized_height, expected_height) << width << " x " << height;
      if (spec.fit == Fit::kShortestEdge) {
        EXPECT_EQ(geometry.placement.input_width, expected_width);
        EXPECT_EQ(geometry.placement.input_height, expected_height);
        EXPECT_DOUBLE_EQ(geometry.placement.scale_x, static_cast<double>(expected_width) / width);
        continue;
      }
      int left = 0, top = 0;
      line >> left >> top;
      EXPECT_EQ(geometry.left, -left) << width << " x " << height;
      EXPECT_EQ(geometry.top, -top) << width << " x " << height;
    }
    ASSERT_TRUE(line);
  }
  EXPECT_EQ(cases, 750);
}

TEST(Geometry, OfTheLeastScaleIsHuggingFaces) {
  PreprocessSpec spec;
  spec.fit = Fit::kLeastScale;
  int cases = 0;
  for (auto& line : testing::read_lines("least-scale.txt")) {
    int width = 0, height = 0, expected_width = 0, expected_height = 0;
    line >> width >> height >> spec.width >> spec.height >> spec.multiple_of >> expected_width >> expected_height;
    ASSERT_TRUE(line);
    const auto planned = plan_geometry(spec, width, height);
    ASSERT_EQ(planned.ok(), std::min(expected_width, expected_height) > 0) << width << " x " << height;
    if (!planned.ok()) continue;
    EXPECT_EQ(planned.value().placement.input_width, expected_width) << width << " x " << height;
    EXPECT_EQ(planned.value().placement.input_height, expected_height) << width << " x " << height;
    ++cases;
  }
  EXPECT_GT(cases, 400);
}

TEST(Geometry, StretchesThenCuts) {
  PreprocessSpec spec = crop(256, 225);
  spec.fit = Fit::kStretchCrop;
  const Geometry geometry = plan_geometry(spec, 1000, 50).value();
  EXPECT_EQ(geometry.resized_width, 256);
  EXPECT_EQ(geometry.resized_height, 256);
  EXPECT_EQ(geometry.left, -16);  // 15.5 to even
  EXPECT_EQ(geometry.placement.input_width, 225);
  spec.rounding = Rounding::kFloor;
  EXPECT_EQ(plan_geometry(spec, 1000, 50).value().top, -15);
  spec.resize_edge = 222;
  EXPECT_EQ(plan_geometry(spec, 1000, 50).value().top,
            2);  // 1.5: padding grows where the cut begins before the picture
  spec.rounding = Rounding::kNearest;
  EXPECT_EQ(plan_geometry(spec, 1000, 50).value().top, 1);
}

TEST(Geometry, PlacesASourceWhereItCameToLie) {
  const Geometry geometry = plan_geometry(letterbox(640), 1000, 333).value();
  const Placement& placement = geometry.placement;
  EXPECT_EQ(placement.source_width, 1000);
  EXPECT_EQ(placement.source_height, 333);
  EXPECT_EQ(placement.input_width, 640);
  EXPECT_EQ(placement.input_height, 640);
  EXPECT_EQ(geometry.resized_height, 213);  // 213.12
  EXPECT_DOUBLE_EQ(placement.scale_x, 0.64);
  EXPECT_DOUBLE_EQ(placement.scale_y, 213.0 / 333.0);  // not 0.64: the height was rounded
  EXPECT_DOUBLE_EQ(placement.offset_x, 0);
  EXPECT_DOUBLE_EQ(placement.offset_y, 213);  // 427 rows of padding, the odd one below
  EXPECT_DOUBLE_EQ(333 * placement.scale_y + placement.offset_y, 426);
}

TEST(Geometry, CropsWithNegativeOffsets) {
  const Placement placement = plan_geometry(crop(256, 224), 500, 375).value().placement;
  EXPECT_DOUBLE_EQ(placement.scale_x, 341.0 / 500.0);
  EXPECT_DOUBLE_EQ(placement.offset_x, -58);  // 58.5 to even
  EXPECT_DOUBLE_EQ(placement.offset_y, -16);
}

TEST(Geometry, StretchesBothAxes) {
  PreprocessSpec spec = letterbox(0);
  spec.fit = Fit::kStretch;
  spec.width = 320;
  spec.height = 240;
  const Geometry geometry = plan_geometry(spec, 1000, 50).value();
  EXPECT_EQ(geometry.resized_width, 320);
  EXPECT_EQ(geometry.resized_height, 240);
  EXPECT_DOUBLE_EQ(geometry.placement.scale_x, 0.32);
  EXPECT_DOUBLE_EQ(geometry.placement.scale_y, 4.8);
}

TEST(Geometry, KeepsThePicturesOwnSizeWithoutAFit) {
  PreprocessSpec spec;
  spec.fit = Fit::kNone;
  const Placement placement = plan_geometry(spec, 123, 45).value().placement;
  EXPECT_EQ(placement.input_width, 123);
  EXPECT_EQ(placement.input_height, 45);
  EXPECT_DOUBLE_EQ(placement.scale_x, 1);
  EXPECT_DOUBLE_EQ(placement.offset_y, 0);
}

void expect_refused(const PreprocessSpec& spec, int width, int height, const char* part,
                    std::string_view code = error_code::kMediaInvalid) {
  auto planned = plan_geometry(spec, width, height);
  ASSERT_FALSE(planned.ok()) << width << " x " << height;
  EXPECT_EQ(planned.status().error().code, code);
  EXPECT_NE(planned.status().error().message.find(part), std::string::npos) << planned.status().error().message;
}

TEST(Geometry, RefusesPicturesOfWhichNothingWouldBeLeft) {
  expect_refused(letterbox(640), 20000, 1, "too elongated");
  expect_refused(letterbox(640), 1, 20000, "too elongated");
  expect_refused(yolox(416), 417, 1, "too elongated");
  EXPECT_TRUE(plan_geometry(letterbox(640), 1279, 1).ok());  // 0.5004 rounds to one row
  expect_refused(letterbox(640), 1280, 1, "too elongated");  // 0.5 to even
}

TEST(Geometry, RefusesCropsThatWouldTakeAHugePicture) {
  EXPECT_TRUE(plan_geometry(crop(256, 224), 256, 1).ok());
  expect_refused(crop(256, 224), 257, 1, "too elongated");
  expect_refused(crop(256, 224), 1, 2147483647, "too elongated");
  expect_refused(shortest_edge(256, 0), 257, 1, "too elongated");
  expect_refused(shortest_edge(800, 1333), 1, 2147483647, "too elongated");  // nothing is left of the shorter side
  PreprocessSpec least_scale;
  least_scale.fit = Fit::kLeastScale;
  least_scale.width = least_scale.height = 518;
  least_scale.multiple_of = 14;
  EXPECT_TRUE(plan_geometry(least_scale, 518, 65534).ok());
  expect_refused(least_scale, 518, 65544, "too elongated");  // 65548 is the nearest multiple
  EXPECT_EQ(plan_geometry(shortest_edge(800, 1333), 1, 1333).value().placement.input_height, 1333);
}

TEST(Geometry, RefusesSizesThatAreNone) {
  expect_refused(letterbox(640), 0, 10, "empty");
  expect_refused(letterbox(640), 10, -1, "empty");
  expect_refused(letterbox(0), 10, 10, "no size", error_code::kInvalidArgument);
  expect_refused(crop(0, 224), 10, 10, "resize edge", error_code::kInvalidArgument);
  expect_refused(shortest_edge(0, 1333), 10, 10, "resize edge", error_code::kInvalidArgument);
  expect_refused(shortest_edge(800, 1333, 0), 10, 10, "divisor", error_code::kInvalidArgument);
}

}  // namespace
}  // namespace foveate
