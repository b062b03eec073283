// Every head beyond what the reference packages say: numbers that are none, outputs of wrong sizes, specs that fit
// none.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <string>
#include <string_view>
#include <vector>

#include "vision/detection.h"

namespace foveate {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kPi = std::numbers::pi_v<float>;
using Floats = std::vector<float>;

// A picture as large as the input of 64 x 64: boxes map to themselves.
constexpr Placement kIdentity = {64, 64, 64, 64, 1, 1, 0, 0};

// A spec and outputs that fit it.
struct Given {
  DetectionSpec spec;
  std::vector<Floats> outputs;

  Result<Detections> decode(const Placement& placement = kIdentity) const {
    const std::vector<std::span<const float>> spans(outputs.begin(), outputs.end());
    return decode_detections(spans, spec, placement);
  }

  Detections found(const Placement& placement = kIdentity) const {
    auto decoded = decode(placement);
    EXPECT_TRUE(decoded.ok()) << decoded.status().error().message;
    return decoded.ok() ? std::move(decoded).value() : Detections();
  }

  std::string_view code(const Placement& placement = kIdentity) const {
    auto decoded = decode(placement);
    return decoded.ok() ? "OK" : decoded.status().error().code;
  }
};

Given given(DetectionHead head, int classes, int anchors, std::vector<Floats> outputs) {
  Given made;
  made.spec.head = head;
  made.spec.classes = classes;
  made.spec.anchors = anchors;
  made.spec.score_threshold = 0.5f;
  made.outputs = std::move(outputs);
  return made;
}

// One object of class 1 (of SCRFD 0) from (16, 16) to (48, 48), among other candidates that are background.
Given example(DetectionHead head) {
  switch (head) {
    case DetectionHead::kYolov5:
      return given(head, 2, 2, {{8, 8, 4, 4, 0.1f, 0.9f, 0.9f, 32, 32, 32, 32, 0.9f, 0, 0.9f}});
    case DetectionHead::kYolov8:
      return given(head, 2, 2, {{8, 32, 8, 32, 4, 32, 4, 32, 0, 0.1f, 0, 0.9f}});
    case DetectionHead::kYolov8Transposed:
      return given(head, 2, 2, {{8, 8, 4, 4, 0, 0, 32, 32, 32, 32, 0.1f, 0.9f}});
    case DetectionHead::kYolox: {
      Given made = given(head, 2, 4, {Floats(4 * 7)});
      std::ranges::copy(Floats{1, 1, 0, 0, 0.9f, 0, 0.9f}, made.outputs[0].begin());
      made.spec.strides = {32};
      return made;
    }
    case DetectionHead::kEndToEnd:
      return given(head, 2, 2, {{16, 16, 48, 48, 0.9f, 1, 1, 1, 9, 9, 0.1f, 0}});
    case DetectionHead::kDetr:
      return given(head, 2, 2, {{0, 5, 0, 0, 0, 9}, {0.5f, 0.5f, 0.5f, 0.5f, 0.1f, 0.1f, 0.1f, 0.1f}});
    case DetectionHead::kRtDetr:
      return given(head, 2, 2, {{-5, 3, -9, -9}, {0.5f, 0.5f, 0.5f, 0.5f, 0.1f, 0.1f, 0.1f, 0.1f}});
    case DetectionHead::kRtDetrConcatenated:
      return given(head, 2, 2, {{0.5f, 0.5f, 0.5f, 0.5f, 0.1f, 0.9f, 0.1f, 0.1f, 0.1f, 0.1f, 0, 0}});
    case DetectionHead::kRtDetrEndToEnd:
      return given(head, 2, 2, {{0.5f, 0.5f, 0.5f, 0.5f, 0.9f, 1, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0}});
    case DetectionHead::kSsd:
      return given(head, 2, 2, {{0.1f, 0, 0.9f, 1, 0, 0}, {0.25f, 0.25f, 0.75f, 0.75f, 0, 0, 0.1f, 0.1f}});
    case DetectionHead::kScrfd: {
      Given made = given(head, 1, 4, {{0, 0, 0, 0.9f}, Floats(16, 0.5f), {0, 0, 0, 0, 0, 0, 0.25f, -0.25f}});
      made.spec.strides = {32};
      made.spec.keypoints = 1;
      made.spec.keypoint_values = 2;
      return made;
    }
  }
  return {};
}

void expect_near(const Floats& received, const Floats& expected, float tolerance = 1e-4f) {
  ASSERT_EQ(received.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(received[i], expected[i], tolerance) << i;
}

class EveryHead : public ::testing::TestWithParam<DetectionHead> {};
INSTANTIATE_TEST_SUITE_P(Heads, EveryHead,
                         ::testing::Values(DetectionHead::kYolov5, DetectionHead::kYolov8,
                                           DetectionHead::kYolov8Transposed, DetectionHead::kYolox,
                                           DetectionHead::kEndToEnd, DetectionHead::kDetr, DetectionHead::kRtDetr,
                                           DetectionHead::kRtDetrConcatenated, DetectionHead::kRtDetrEndToEnd,
                                           DetectionHead::kSsd, DetectionHead::kScrfd));

TEST_P(EveryHead, FindsTheObject) {
  const Detections detections = example(GetParam()).found();
  expect_near(detections.boxes, {16, 16, 48, 48});
  ASSERT_EQ(detections.size(), 1u);
  EXPECT_EQ(detections.class_ids[0], GetParam() == DetectionHead::kScrfd ? 0 : 1);
  EXPECT_GT(detections.scores[0], 0.8f);
}

TEST_P(EveryHead, MapsEachAxisByItsOwnFactor) {
  expect_near(example(GetParam()).found({128, 32, 64, 64, 0.5, 2, 0, 0}).boxes, {32, 8, 96, 24});
  expect_near(example(GetParam()).found({100, 100, 64, 64, 0.5, 0.25, 6, 4}).boxes, {20, 48, 84, 100});
}

TEST_P(EveryHead, NoNumberThatIsNoneComesOut) {
  const Given sound = example(GetParam());
  for (std::size_t k = 0; k < sound.outputs.size(); ++k) {
    for (std::size_t i = 0; i < sound.outputs[k].size(); ++i) {
      for (const float poison : {NAN, kInfinity, -kInfinity}) {
        Given poisoned = sound;
        poisoned.outputs[k][i] = poison;
        poisoned.spec.score_threshold = 0;
        poisoned.spec.keypoints = 0;  // where a point lies says nothing about the box
        auto decoded = poisoned.decode();
        if (!decoded.ok()) {
          EXPECT_EQ(decoded.status().error().code, error_code::kEngineFailed);
          continue;
        }
        for (const float value : decoded.value().boxes) EXPECT_TRUE(value >= 0 && value <= 64) << value;
        for (const float value : decoded.value().scores) EXPECT_TRUE(value >= 0 && value <= 1) << value;
      }
    }
  }
}

TEST_P(EveryHead, FailsWhereNothingIsFinite) {
  for (const float poison : {NAN, kInfinity}) {
    Given failed = example(GetParam());
    for (Floats& output : failed.outputs) std::ranges::fill(output, poison);
    EXPECT_EQ(failed.code(), error_code::kEngineFailed);
  }
}

TEST_P(EveryHead, OutputsOfAnotherSizeAreRefused) {
  const Given sound = example(GetParam());
  for (std::size_t k = 0; k < sound.outputs.size(); ++k) {
    Given longer = sound;
    longer.outputs[k].push_back(0);
    EXPECT_EQ(longer.code(), error_code::kInternal) << k;
    Given shorter = sound;
    shorter.outputs[k].pop_back();
    EXPECT_EQ(shorter.code(), error_code::kInternal) << k;
    Given fewer = sound;
    fewer.outputs.resize(k);
    EXPECT_EQ(fewer.code(), error_code::kInternal) << k;
  }
}

TEST_P(EveryHead, WithoutAnchorsFindsNothing) {
  Given none = example(GetParam());
  none.spec.anchors = 0;
  none.spec.strides.clear();  // no cell
  for (Floats& output : none.outputs) output.clear();
  EXPECT_EQ(none.found().size(), 0u);
}

TEST_P(EveryHead, AbsurdSpecsAreRefused) {
  const auto refused = [](std::function<void(DetectionSpec&)> change) {
    Given absurd = example(GetParam());
    change(absurd.spec);
    EXPECT_EQ(absurd.code(), error_code::kInvalidArgument);
  };
  refused([](auto& spec) { spec.classes = 0; });
  refused([](auto& spec) { spec.anchors = -1; });
  refused([](auto& spec) { spec.keypoints = -1; });
  refused([](auto& spec) { spec.keypoint_values = 5; });
  refused([](auto& spec) { spec.keypoint_values = 1; });
  refused([](auto& spec) { spec.mask_coefficients = -1; });
  for (const Placement& placement :
       {Placement{64, 64, 0, 64, 1, 1, 0, 0}, Placement{64, 64, 64, -1, 1, 1, 0, 0},
        Placement{64, 64, 64, 64, kInfinity, 1, 0, 0}, Placement{64, 64, 64, 64, 1, 1, NAN, 0}}) {
    EXPECT_EQ(example(GetParam()).code(placement), error_code::kInvalidArgument);
  }
}

TEST_P(EveryHead, WithoutAPlaceForMoreThanBoxesRefusesIt) {
  const bool has_extras = GetParam() == DetectionHead::kYolov5 || GetParam() == DetectionHead::kYolov8 ||
                          GetParam() == DetectionHead::kYolov8Transposed || GetParam() == DetectionHead::kEndToEnd;
  const std::string_view expected = has_extras ? error_code::kInternal : error_code::kInvalidArgument;
  Given masks = example(GetParam());
  masks.spec.mask_coefficients = 3;
  EXPECT_EQ(masks.code(), expected);
  Given rotated = example(GetParam());
  rotated.spec.rotated = true;
  EXPECT_EQ(rotated.code(), expected);
  Given keypoints = example(GetParam());
  keypoints.spec.keypoints = 2;
  EXPECT_EQ(keypoints.code(), GetParam() == DetectionHead::kScrfd ? error_code::kInternal : expected);
}

TEST(Heads, GridsThatDoNotHoldTheAnchorsAreRefused) {
  for (const DetectionHead head : {DetectionHead::kYolox, DetectionHead::kScrfd}) {
    for (const std::vector<int>& strides : {std::vector{0}, {-32}, {16}, {}, {32, 32}}) {
      Given wrong = example(head);
      wrong.spec.strides = strides;
      EXPECT_EQ(wrong.code(), error_code::kInvalidArgument);
    }
  }
}

TEST(Heads, CellsOfWhichTheInputHoldsAPartCountForYoloxAlone) {
  // 3 x 3 cells of 32 and a strip of 4 pixels.
  const Placement odd = {100, 100, 100, 100, 1, 1, 0, 0};
  Given yolox = given(DetectionHead::kYolox, 1, 16, {Floats(16 * 6)});
  yolox.spec.strides = {32};
  // The second cell of the second row of four.
  std::ranges::copy(Floats{0.5f, 0.5f, 0, 0, 0.9f, 0.9f}, yolox.outputs[0].begin() + 5 * 6);
  expect_near(yolox.found(odd).boxes, {32, 32, 64, 64});
  yolox.spec.anchors = 9;
  EXPECT_EQ(yolox.code(odd), error_code::kInvalidArgument);

  Given scrfd = given(DetectionHead::kScrfd, 1, 9, {Floats(9), Floats(9 * 4, 0.5f)});
  scrfd.spec.strides = {32};
  scrfd.outputs[0][4] = 0.9f;  // the second cell of the second row of three
  expect_near(scrfd.found(odd).boxes, {16, 16, 48, 48});
  scrfd.spec.anchors = 16;
  EXPECT_EQ(scrfd.code(odd), error_code::kInvalidArgument);
}

TEST(ScrfdHead, NeedsPointsAndKeypointsOfTwoValues) {
  Given wrong = example(DetectionHead::kScrfd);
  wrong.spec.keypoint_values = 3;
  EXPECT_EQ(wrong.code(), error_code::kInvalidArgument);
  for (const int points : {0, -1, 2}) {
    wrong = example(DetectionHead::kScrfd);
    wrong.spec.points_per_cell = points;
    EXPECT_EQ(wrong.code(), error_code::kInvalidArgument) << points;
  }
}

TEST(ScrfdHead, KeypointsAreOffsetsFromTheirCell) {
  expect_near(example(DetectionHead::kScrfd).found().keypoints, {40, 24, 1});
}

TEST(EndToEndHead, WhatIsNoClassIdIsNoDetection) {
  Given ids = given(DetectionHead::kEndToEnd, 2, 7, {{}});
  for (const float id : {-1.0f, NAN, kInfinity, -kInfinity, 1e30f, 0.0f, 1.0f}) {
    const Floats row = {1, 1, 9, 9, 0.9f, id};
    ids.outputs[0].insert(ids.outputs[0].end(), row.begin(), row.end());
  }
  EXPECT_EQ(ids.found().class_ids, (std::vector<std::int32_t>{0, 1}));
}

TEST(EndToEndHead, ClassesThatHaveNoLabelAreNoticedFromTheThresholdOn) {
  for (const DetectionHead head : {DetectionHead::kEndToEnd, DetectionHead::kRtDetrEndToEnd}) {
    Given ids = example(head);
    ids.spec.classes = 1;
    ids.spec.class_filter = {0};
    EXPECT_EQ(ids.code(), error_code::kLabelsInvalid);
    ids.spec.score_threshold = 0.95f;
    EXPECT_EQ(ids.found().size(), 0u);
  }
}

TEST(DetrHead, ABrokenQuerySpoilsNoOther) {
  Given broken = example(DetectionHead::kDetr);
  for (std::size_t i = 3; i < 6; ++i) broken.outputs[0][i] = NAN;
  expect_near(broken.found().boxes, {16, 16, 48, 48});
}

TEST(RtDetrHead, AScoreThatRoundsToOneReachesAThresholdOfOne) {
  Given sure = example(DetectionHead::kRtDetr);
  sure.spec.score_threshold = 1;
  EXPECT_EQ(sure.found().size(), 0u);
  sure.outputs[0][1] = 30;
  EXPECT_EQ(sure.found().scores, (Floats{1}));
}

TEST(RtDetrHead, AQueryMayStandForSeveralClassesButNoMoreThanThereAreQueries) {
  Given several = example(DetectionHead::kRtDetr);
  several.outputs[0] = {2, 3, 1, -9};
  EXPECT_EQ(several.found().class_ids, (std::vector<std::int32_t>{1, 0}));
}

// Two cells of 32 x 32 and 16 x 16 boxes, in a row.
Given with_priors() {
  Given made = given(DetectionHead::kSsd, 1, 2, {{0, 0.9f, 1, 0}, Floats(8)});
  made.spec.priors.levels = {{2, 1, 32, 64, {{32, 16}}}};
  return made;
}

TEST(SsdHead, OffsetsStartFromThePriors) {
  expect_near(with_priors().found().boxes, {0, 24, 32, 40});
  Given moved = with_priors();
  moved.outputs[1] = {1, -1, std::log(2.0f) / 0.2f, 0, 0, 0, 0, 0};  // by a tenth of its sides; twice as wide
  expect_near(moved.found({128, 64, 64, 64, 1, 1, -64, 0}).boxes, {51.2f, 22.4f, 115.2f, 38.4f});
}

TEST(SsdHead, PriorsThatDoNotFitAreRefused) {
  const auto refused = [](std::function<void(PriorBoxes&)> change) {
    Given wrong = with_priors();
    change(wrong.spec.priors);
    EXPECT_EQ(wrong.code(), error_code::kInvalidArgument);
  };
  refused([](auto& priors) { priors.levels[0].columns = 3; });
  refused([](auto& priors) { priors.levels[0].rows = 0; });
  refused([](auto& priors) { priors.levels[0].columns = -2; });
  refused([](auto& priors) { priors.levels[0].columns = 1 << 30; });
  refused([](auto& priors) { priors.levels[0].sizes.clear(); });
  refused([](auto& priors) { priors.levels.push_back(priors.levels[0]); });
}

TEST(SsdHead, PriorsWithoutASizeFindNothing) {
  Given empty = with_priors();
  empty.spec.priors.levels[0].sizes = {{0, 0}};
  EXPECT_EQ(empty.found().size(), 0u);
  empty.spec.priors.levels[0].sizes = {{NAN, 16}};
  EXPECT_EQ(empty.code(), error_code::kEngineFailed);
}

TEST(AnchorHead, KeypointsOfTwoValuesAreAllVisible) {
  Given pose = given(DetectionHead::kYolov8Transposed, 1, 1, {{32, 32, 32, 32, 0.9f, 10, 20, 300, -40}});
  pose.spec.keypoints = 2;
  pose.spec.keypoint_values = 2;
  EXPECT_EQ(pose.found().keypoints, (Floats{10, 20, 1, 300, -40, 1}));
  // Beyond the picture they stay where they are.
  EXPECT_EQ(pose.found({128, 64, 64, 64, 0.5, 1, 0, 10}).keypoints, (Floats{20, 10, 1, 600, -50, 1}));
}

TEST(AnchorHead, CoefficientsComeAsTheyAreAlsoWithoutPrototypes) {
  Given masks = given(DetectionHead::kYolov5, 1, 1, {{32, 32, 32, 32, 1, 0.9f, -1, 2, NAN}});
  masks.spec.mask_coefficients = 3;
  const Floats coefficients = masks.found().mask_coefficients;
  ASSERT_EQ(coefficients.size(), 3u);
  EXPECT_EQ(coefficients[0], -1);
  EXPECT_EQ(coefficients[1], 2);
  EXPECT_TRUE(std::isnan(coefficients[2]));
}

// 32, 32 is the centre of a box of 20 x 10.
Detections rotated_by(float angle, const Placement& placement = kIdentity) {
  Given box = given(DetectionHead::kYolov8Transposed, 1, 1, {{32, 32, 20, 10, 0.9f, angle}});
  box.spec.rotated = true;
  return box.found(placement);
}

TEST(RotatedBoxes, ComeToLieBetweenZeroAndARightAngle) {
  struct Case {
    float angle;
    Floats expected;
  };
  const Floats flat = {32, 32, 20, 10, 0};
  const Floats upright = {32, 32, 10, 20, 0};
  for (const auto& [angle, expected] :
       {Case{0, flat}, Case{kPi / 2, upright}, Case{-kPi / 2, upright}, Case{kPi, flat}, Case{2 * kPi, flat},
        Case{0.3f, {32, 32, 20, 10, 0.3f}}, Case{kPi + 0.3f, {32, 32, 20, 10, 0.3f}},
        Case{0.3f - 4 * kPi, {32, 32, 20, 10, 0.3f}}, Case{-0.3f, {32, 32, 10, 20, kPi / 2 - 0.3f}},
        Case{2, {32, 32, 10, 20, 2 - kPi / 2}}}) {
    SCOPED_TRACE(angle);
    Floats received = rotated_by(angle).rotated_boxes;
    ASSERT_EQ(received.size(), 5u);
    EXPECT_GE(received[4], 0);
    EXPECT_LT(received[4], kPi / 2);
    // Just below a right angle is the same box as just above 0 with its sides exchanged.
    if (expected[4] == 0 && received[4] > kPi / 4) {
      std::swap(received[2], received[3]);
      received[4] -= kPi / 2;
    }
    expect_near(received, expected, 1e-4f);
  }
}

TEST(RotatedBoxes, HaveTheUprightBoxAroundThem) {
  expect_near(rotated_by(0).boxes, {22, 27, 42, 37});
  expect_near(rotated_by(kPi / 2).boxes, {27, 22, 37, 42}, 1e-3f);
  const float half = (20 + 10) / 2 * std::sqrt(0.5f);
  expect_near(rotated_by(kPi / 4).boxes, {32 - half, 32 - half, 32 + half, 32 + half}, 1e-3f);
}

TEST(RotatedBoxes, AreMappedSideBySide) {
  const Placement letterbox = {128, 128, 64, 64, 0.5, 0.5, 0, 16};
  expect_near(rotated_by(0.3f, letterbox).rotated_boxes, {64, 32, 40, 20, 0.3f});
  // Stretched: flat boxes keep their angle.
  expect_near(rotated_by(0, {128, 64, 64, 64, 0.5, 1, 0, 0}).rotated_boxes, {64, 32, 40, 10, 0});
  // Twice as wide: the side along (1, 1) comes to lie along (2, 1).
  const Floats wide = rotated_by(kPi / 4, {128, 64, 64, 64, 0.5, 1, 0, 0}).rotated_boxes;
  ASSERT_EQ(wide.size(), 5u);
  EXPECT_NEAR(wide[4], std::atan2(1.0f, 2.0f), 1e-5f);
  EXPECT_NEAR(wide[2], 20 * std::sqrt(2.5f), 1e-3f);
}

TEST(RotatedBoxes, WithAnAngleThatIsNoNumberAreDropped) {
  Given box = given(DetectionHead::kEndToEnd, 1, 2, {{32, 32, 20, 10, 0.9f, 0, NAN, 32, 32, 20, 10, 0.8f, 0, 0}});
  box.spec.rotated = true;
  EXPECT_EQ(box.found().scores, (Floats{0.8f}));
}

}  // namespace
}  // namespace foveate
