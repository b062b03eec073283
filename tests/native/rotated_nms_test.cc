#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>
#include <vector>

#include "vision/detection.h"

namespace foveate {
namespace {

using Indices = std::vector<std::int32_t>;
constexpr float kPi = std::numbers::pi_v<float>;

struct Boxes {
  std::vector<float> values;  // cx, cy, w, h, angle
  std::vector<float> scores;
  Indices class_ids;

  void add(std::array<float, 5> box, float score, std::int32_t class_id = 0) {
    values.insert(values.end(), box.begin(), box.end());
    scores.push_back(score);
    class_ids.push_back(class_id);
  }

  Indices suppress(float iou_threshold, int max_kept = 1000, bool class_agnostic = false) const {
    return non_max_suppression_rotated(values, scores, class_ids, {iou_threshold, max_kept, class_agnostic});
  }
};

using Matrix = std::array<double, 3>;  // [[0, 2], [2, 1]]

Matrix covariance(const float* box) {
  const double c = std::cos(static_cast<double>(box[4]));
  const double s = std::sin(static_cast<double>(box[4]));
  const double w = static_cast<double>(box[2]) * box[2] / 12;
  const double h = static_cast<double>(box[3]) * box[3] / 12;
  return {w * c * c + h * s * s, w * s * s + h * c * c, (w - h) * c * s};
}

double determinant(const Matrix& m) { return m[0] * m[1] - m[2] * m[2]; }

// 1 - Hellinger distance of two Gaussians, from the textbook formula of the Bhattacharyya distance:
// d' S^-1 d / 8 + ln(det S / sqrt(det P det Q)) / 2 with S = (P + Q) / 2.
double similarity(const float* a, const float* b) {
  const Matrix p = covariance(a);
  const Matrix q = covariance(b);
  const Matrix mean = {(p[0] + q[0]) / 2, (p[1] + q[1]) / 2, (p[2] + q[2]) / 2};
  const double dx = static_cast<double>(a[0]) - b[0];
  const double dy = static_cast<double>(a[1]) - b[1];
  const double mahalanobis = (mean[1] * dx * dx - 2 * mean[2] * dx * dy + mean[0] * dy * dy) / determinant(mean);
  const double distance =
      mahalanobis / 8 + std::log(determinant(mean) / std::sqrt(determinant(p) * determinant(q))) / 2;
  return 1 - std::sqrt(1 - std::exp(-std::max(distance, 0.0)));
}

TEST(RotatedNms, AgreesWithTheDefinitionOnRandomBoxes) {
  std::mt19937 random(5);
  std::uniform_real_distribution<float> unit(0, 1);
  int compared = 0;
  for (int round = 0; round < 300; ++round) {
    Boxes boxes;
    const int count = static_cast<int>(random() % 60);
    for (int i = 0; i < count; ++i) {
      boxes.add({unit(random) * 60, unit(random) * 60, 2 + unit(random) * 40, 2 + unit(random) * 40,
                 (unit(random) - 0.5f) * 4 * kPi},
                std::floor(unit(random) * 30) / 30, static_cast<std::int32_t>(random() % 3));
    }
    const float threshold = 0.1f + 0.8f * unit(random);
    Indices order(boxes.scores.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return boxes.scores[a] > boxes.scores[b]; });
    for (const bool agnostic : {false, true}) {
      bool is_close = false;  // to the threshold: rounding decides
      Indices expected;
      for (auto place = order.begin(); place != order.end(); ++place) {
        // Any better one suppresses, whether it is itself suppressed or not.
        bool suppressed = false;
        for (auto better = order.begin(); better != place; ++better) {
          if (!agnostic && boxes.class_ids[*better] != boxes.class_ids[*place]) continue;
          const double value = similarity(&boxes.values[5 * *better], &boxes.values[5 * *place]);
          is_close = is_close || std::fabs(value - threshold) < 1e-3;
          suppressed = suppressed || value > threshold;
        }
        if (!suppressed) expected.push_back(*place);
      }
      if (is_close) continue;
      ++compared;
      EXPECT_EQ(boxes.suppress(threshold, 1000, agnostic), expected) << "round " << round;
      expected.resize(std::min<std::size_t>(expected.size(), 4));
      EXPECT_EQ(boxes.suppress(threshold, 4, agnostic), expected) << "round " << round;
    }
  }
  EXPECT_GT(compared, 200);
}

TEST(RotatedNms, ABoxIsTheSameWhicheverWayItIsTold) {
  for (const std::array<float, 5>& same : {std::array<float, 5>{50, 50, 40, 10, 0.4f},
                                           {50, 50, 40, 10, 0.4f + kPi},
                                           {50, 50, 40, 10, 0.4f - kPi},
                                           {50, 50, 10, 40, 0.4f + kPi / 2},
                                           {50, 50, 10, 40, 0.4f - kPi / 2}}) {
    Boxes boxes;
    boxes.add({50, 50, 40, 10, 0.4f}, 0.9f);
    boxes.add(same, 0.8f);
    boxes.add({50, 50, 40, 10, 0.4f + kPi / 2}, 0.7f);  // across
    EXPECT_EQ(boxes.suppress(0.5f), (Indices{0, 2}));
  }
}

TEST(RotatedNms, WhatIsSuppressedStillSuppresses) {
  Boxes chain;
  chain.add({0, 0, 30, 10, 0}, 0.9f);
  chain.add({5, 0, 30, 10, 0}, 0.8f);
  chain.add({10, 0, 30, 10, 0}, 0.7f);
  const double near = similarity(&chain.values[0], &chain.values[5]);
  const double far = similarity(&chain.values[0], &chain.values[10]);
  EXPECT_EQ(chain.suppress(static_cast<float>((near + far) / 2)), (Indices{0}));
}

TEST(RotatedNms, OddNumbersDoNoHarm) {
  Boxes boxes;
  EXPECT_TRUE(boxes.suppress(0.5f).empty());
  boxes.add({0, 0, 1, 1, 0}, NAN);
  boxes.add({0, 0, 9, 9, NAN}, 0.9f);
  boxes.add({0, 0, INFINITY, 9, 0}, 0.8f);
  boxes.add({9, 9, 1e30f, 1e30f, 0}, 0.7f);
  boxes.add({90, 90, -4, 9, 1e30f}, 0.6f);
  EXPECT_EQ(boxes.suppress(0.5f).size(), 4u);
  EXPECT_TRUE(boxes.suppress(0.5f, 0).empty());
  for (const float threshold : {0.0f, 1.0f}) EXPECT_FALSE(boxes.suppress(threshold).empty());
}

}  // namespace
}  // namespace foveate
