#include "vision/detection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "postprocess_fixture.h"

namespace foveate {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

DetectionHead head_of(const std::string& name) {
  return name == "yolox"               ? DetectionHead::kYolox
         : name == "yolov8-transposed" ? DetectionHead::kYolov8Transposed
                                       : DetectionHead::kYolov8;
}

// Of a head with one output.
Result<Detections> decode_one(std::span<const float> output, const DetectionSpec& spec, const Placement& placement) {
  return decode_detections(std::array{output}, spec, placement);
}

TEST(Detection, MatchesTheReference) {
  const testing::PostprocessFixture fixture("detection.json");
  int number = 0;
  for (const cv::FileNode& node : fixture.cases()) {
    SCOPED_TRACE("case " + std::to_string(number++));
    const cv::FileNode given = node["spec"];
    DetectionSpec spec;
    spec.head = head_of(given["head"].string());
    spec.classes = static_cast<int>(given["classes"].real());
    spec.anchors = static_cast<int>(given["anchors"].real());
    spec.strides = testing::numbers_of<int>(given["strides"]);
    spec.score_threshold = static_cast<float>(given["scoreThreshold"].real());
    spec.iou_threshold = static_cast<float>(given["iouThreshold"].real());
    spec.max_detections = static_cast<int>(given["maxDetections"].real());
    spec.class_agnostic = given["classAgnostic"].real() != 0;
    spec.class_filter = testing::numbers_of<std::int32_t>(given["classFilter"]);
    const auto output = testing::numbers_of<float>(node["output"]);
    auto decoded = decode_one(output, spec, testing::placement_of(node["placement"]));
    ASSERT_TRUE(decoded.ok()) << decoded.status().error().message;

    const Detections& detections = decoded.value();
    EXPECT_EQ(detections.class_ids, testing::numbers_of<std::int32_t>(node["expected"]["classIds"]));
    const auto scores = testing::numbers_of<float>(node["expected"]["scores"]);
    const auto boxes = testing::numbers_of<float>(node["expected"]["boxes"]);
    ASSERT_EQ(detections.size(), scores.size());
    ASSERT_EQ(detections.boxes.size(), boxes.size());
    for (std::size_t i = 0; i < scores.size(); ++i) EXPECT_FLOAT_EQ(detections.scores[i], scores[i]) << i;
    for (std::size_t i = 0; i < boxes.size(); ++i) EXPECT_NEAR(detections.boxes[i], boxes[i], 1e-4) << i;
  }
}

// A picture as large as the input: boxes map to themselves.
Placement identity(int width, int height) { return {width, height, width, height, 1, 1, 0, 0}; }

// An output put together anchor by anchor, in the layout of the head.
class Head {
 public:
  Head(DetectionHead head, int classes) { spec.head = head, spec.classes = classes; }

  void add(std::vector<float> values) {
    anchors_.push_back(std::move(values));
    spec.anchors = static_cast<int>(anchors_.size());
  }

  std::vector<float> output() const {
    std::vector<float> values;
    if (spec.head != DetectionHead::kYolov8) {
      for (const auto& anchor : anchors_) values.insert(values.end(), anchor.begin(), anchor.end());
      return values;
    }
    for (std::size_t row = 0; row < 4 + static_cast<std::size_t>(spec.classes); ++row) {
      for (const auto& anchor : anchors_) values.push_back(anchor[row]);
    }
    return values;
  }

  Detections decode(const Placement& placement = identity(100, 100)) const {
    auto decoded = decode_one(output(), spec, placement);
    EXPECT_TRUE(decoded.ok()) << decoded.status().error().message;
    return decoded.ok() ? std::move(decoded).value() : Detections();
  }

  DetectionSpec spec;

 private:
  std::vector<std::vector<float>> anchors_;
};

class BothLayouts : public ::testing::TestWithParam<DetectionHead> {};
INSTANTIATE_TEST_SUITE_P(Detection, BothLayouts,
                         ::testing::Values(DetectionHead::kYolov8, DetectionHead::kYolov8Transposed));

TEST_P(BothLayouts, KeepsScoresFromTheThresholdOn) {
  Head head(GetParam(), 2);
  head.spec.score_threshold = 0.5f;
  head.add({10, 10, 4, 4, 0.5f, 0.1f});
  head.add({50, 50, 4, 4, std::nextafter(0.5f, 0.0f), 0.2f});
  const Detections detections = head.decode();
  EXPECT_EQ(detections.boxes, (std::vector<float>{8, 8, 12, 12}));
  EXPECT_EQ(detections.scores, (std::vector<float>{0.5f}));
}

TEST_P(BothLayouts, TheBestClassCountsAndTheLowestOfEquals) {
  Head head(GetParam(), 4);
  head.add({10, 10, 4, 4, 0.3f, 0.9f, 0.9f, 0.5f});
  EXPECT_EQ(head.decode().class_ids, (std::vector<std::int32_t>{1}));
}

TEST_P(BothLayouts, NumbersThatAreNotFiniteAreDropped) {
  Head head(GetParam(), 2);
  head.spec.score_threshold = 0.1f;
  head.add({10, 10, 4, 4, NAN, NAN});
  head.add({20, 10, 4, 4, kInfinity, 0.9f});
  head.add({30, 10, 4, 4, -kInfinity, -kInfinity});
  head.add({NAN, 10, 4, 4, 0.9f, 0});
  head.add({40, kInfinity, 4, 4, 0.9f, 0});
  head.add({40, 10, kInfinity, 4, 0.9f, 0});
  head.add({50, 10, 4, 4, NAN, 0.7f});  // the other class is sound
  const Detections detections = head.decode();
  EXPECT_EQ(detections.boxes, (std::vector<float>{48, 8, 52, 12}));
  EXPECT_EQ(detections.class_ids, (std::vector<std::int32_t>{1}));
}

TEST_P(BothLayouts, FailsWhereNoCandidateIsFinite) {
  Head head(GetParam(), 2);
  head.add({10, 10, 4, 4, NAN, kInfinity});
  head.add({20, NAN, 4, 4, 0.9f, 0.1f});
  head.add({20, 10, kInfinity, 4, 0.9f, 0.1f});
  auto failed = decode_one(head.output(), head.spec, identity(100, 100));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.status().error().code, error_code::kEngineFailed);
  head.add({30, 10, 4, 4, NAN, 0});  // sound, and nothing is found
  EXPECT_EQ(head.decode().size(), 0u);
}

TEST_P(BothLayouts, BoxesWithoutAreaInThePictureAreDropped) {
  Head head(GetParam(), 1);
  head.add({50, 50, 0, 9, 0.9f});
  head.add({50, 50, -4, 9, 0.9f});
  head.add({-50, 50, 90, 90, 0.9f});  // left of the picture
  head.add({-5, 50, 10, 10, 0.9f});   // touches its edge
  head.add({50, 104, 10, 10, 0.8f});  // one row is inside
  EXPECT_EQ(head.decode().boxes, (std::vector<float>{45, 99, 55, 100}));
}

TEST_P(BothLayouts, EqualScoresKeepTheOrderOfTheirAnchors) {
  Head head(GetParam(), 1);
  for (int i = 0; i < 90; ++i) head.add({static_cast<float>(i) + 0.5f, 5, 1, 1, i % 3 == 0 ? 0.5f : 0.25f});
  head.spec.max_candidates = 40;  // all 30 better ones, and the first 10 of the rest
  const Detections detections = head.decode();
  std::vector<float> left;
  for (std::size_t i = 0; i < detections.size(); ++i) left.push_back(detections.boxes[4 * i]);
  std::vector<float> expected;
  for (int i = 0; i < 90; i += 3) expected.push_back(static_cast<float>(i));
  for (const int x : {1, 2, 4, 5, 7, 8, 10, 11, 13, 14}) expected.push_back(static_cast<float>(x));
  EXPECT_EQ(left, expected);
}

TEST_P(BothLayouts, TheClassFilterComesBeforeSuppression) {
  Head head(GetParam(), 2);
  head.spec.class_agnostic = true;
  head.add({50, 50, 20, 20, 0.9f, 0.3f});
  head.add({50, 50, 20, 20, 0.3f, 0.8f});
  EXPECT_EQ(head.decode().class_ids, (std::vector<std::int32_t>{0}));
  head.spec.class_filter = {1, 7, -1};
  EXPECT_EQ(head.decode().class_ids, (std::vector<std::int32_t>{1}));
  head.spec.class_filter = {7};
  EXPECT_EQ(head.decode().size(), 0u);
}

TEST_P(BothLayouts, SuppressionIsNotChangedByClipping) {
  Head head(GetParam(), 1);
  head.add({0, 50, 100, 10, 0.9f});  // half of it lies outside
  head.add({35, 50, 30, 10, 0.8f});  // IoU 0.3 as predicted, 0.6 once clipped
  EXPECT_EQ(head.decode().size(), 2u);
}

TEST_P(BothLayouts, ManyAnchorsAreAllLookedAt) {
  Head head(GetParam(), 3);
  for (int i = 0; i < 2500; ++i) {
    const auto x = static_cast<float>(i % 50) * 2 + 1;
    const auto y = static_cast<float>(i / 50) * 2 + 1;
    std::vector<float> values = {x, y, 2, 2, 0, 0, 0};
    values[4 + static_cast<std::size_t>(i % 3)] = 0.9f;
    head.add(std::move(values));
  }
  head.spec.max_detections = 5000;
  const Detections detections = head.decode();
  ASSERT_EQ(detections.size(), 2500u);
  for (std::size_t i = 0; i < detections.size(); ++i) {
    EXPECT_EQ(detections.class_ids[i], static_cast<std::int32_t>(i % 3));
    EXPECT_EQ(detections.boxes[4 * i], static_cast<float>(i % 50 * 2));
  }
}

TEST_P(BothLayouts, NoAnchorsGiveNoDetections) {
  Head head(GetParam(), 3);
  EXPECT_EQ(head.decode().size(), 0u);
}

TEST(Detection, BoxesComeBackThroughThePlacement) {
  Head head(DetectionHead::kYolov8, 1);
  head.add({32, 32, 16, 8, 0.9f});
  // 200 x 100, halved into 128 x 128: 100 x 50 at (14, 39).
  const Detections detections = head.decode({200, 100, 128, 128, 0.5, 0.5, 14, 24});
  EXPECT_EQ(detections.boxes, (std::vector<float>{20, 8, 52, 24}));
}

TEST(Detection, YoloxScoreIsObjectnessTimesClass) {
  Head head(DetectionHead::kYolox, 2);
  head.spec.strides = {32, 64};  // on 128 x 64: 4 x 2 cells, then 2 x 1
  head.spec.score_threshold = 0.3f;
  for (int i = 0; i < 10; ++i) head.add({0, 0, 0, 0, 0, 0, 0});
  std::vector<float> output = head.output();
  const auto set = [&](std::size_t anchor, std::array<float, 7> values) {
    std::copy(values.begin(), values.end(), output.begin() + static_cast<std::ptrdiff_t>(anchor) * 7);
  };
  set(6, {0.5f, 0.25f, std::log(0.5f), 0, 0.8f, 0.2f, 0.5f});  // cell (2, 1) of the first grid
  set(9, {0.5f, 0.5f, 0, std::log(0.25f), 0.5f, 0.9f, 0.1f});  // cell (1, 0) of the second
  set(1, {0.5f, 0.5f, 0, 0, 0.5f, 0.5f, 0.5f});                // 0.25: below the threshold
  set(2, {0.5f, 0.5f, 0, 0, NAN, 0.9f, 0.9f});
  set(3, {0.5f, 0.5f, 100, 0, 0.9f, 0.9f, 0.9f});  // its width overflows
  auto decoded = decode_one(output, head.spec, identity(128, 64));
  ASSERT_TRUE(decoded.ok());
  const Detections& detections = decoded.value();
  EXPECT_EQ(detections.class_ids, (std::vector<std::int32_t>{0, 1}));
  EXPECT_FLOAT_EQ(detections.scores[0], 0.45f);
  EXPECT_FLOAT_EQ(detections.scores[1], 0.4f);
  const std::array<float, 8> boxes = {64, 24, 128, 40, 72, 24, 88, 56};
  for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(detections.boxes[i], boxes[i], 1e-4) << i;
}

std::string_view code_of(const DetectionSpec& spec, std::size_t values, const Placement& placement) {
  auto decoded = decode_one(std::vector<float>(values), spec, placement);
  return decoded.ok() ? "OK" : decoded.status().error().code;
}

TEST(Detection, YoloxFailsWhereNoObjectnessIsFinite) {
  Head head(DetectionHead::kYolox, 1);
  head.spec.strides = {50};
  for (int i = 0; i < 4; ++i) head.add({0, 0, 0, 0, NAN, 0.9f});
  auto failed = decode_one(head.output(), head.spec, identity(100, 100));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.status().error().code, error_code::kEngineFailed);
}

TEST(Detection, WrongSpecsAreRefused) {
  DetectionSpec spec;
  spec.classes = 2;
  spec.anchors = 84;
  EXPECT_EQ(code_of(spec, 6 * 84, identity(64, 64)), "OK");
  EXPECT_EQ(code_of(spec, 6 * 84 - 1, identity(64, 64)), error_code::kInternal);
  EXPECT_EQ(code_of(spec, 6 * 84 + 1, identity(64, 64)), error_code::kInternal);
  EXPECT_EQ(code_of(spec, 6 * 84, Placement()), error_code::kInvalidArgument);
  const auto refused = [&](auto&& change) {
    DetectionSpec wrong = spec;
    change(wrong);
    EXPECT_EQ(code_of(wrong, 6 * 84, identity(64, 64)), error_code::kInvalidArgument);
  };
  refused([](auto& wrong) { wrong.classes = 0; });
  refused([](auto& wrong) { wrong.anchors = -1; });
  refused([](auto& wrong) { wrong.max_detections = -1; });
  refused([](auto& wrong) { wrong.max_candidates = -1; });
  refused([](auto& wrong) { wrong.score_threshold = NAN; });
  refused([](auto& wrong) { wrong.iou_threshold = kInfinity; });

  spec.head = DetectionHead::kYolox;
  spec.strides = {8, 16, 32};
  EXPECT_EQ(code_of(spec, 7 * 84, identity(64, 64)), "OK");
  const auto refused_grids = [&](std::vector<int> strides) {
    spec.strides = std::move(strides);
    EXPECT_EQ(code_of(spec, 7 * 84, identity(64, 64)), error_code::kInvalidArgument);
  };
  refused_grids({8, 16});
  refused_grids({});
  refused_grids({8, 16, 0});
  refused_grids({-8, 16, 32});
}

}  // namespace
}  // namespace foveate
