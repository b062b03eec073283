#include "vision/heads/score_scan.h"

#include <algorithm>
#include <array>

#include "core/instructions.h"

namespace foveate {
namespace {

// Anchors that are looked at together: so many maxima stay in registers.
constexpr std::size_t kStrip = 64;

// The best score of each anchor of a strip, and whether any reaches the threshold.
struct BestScores {
  alignas(64) std::array<float, kStrip> scores;
  bool passing = false;
};

// `strip` points at the strip's part of the first row.
void find_best(const float* strip, std::size_t classes, std::size_t anchors, float threshold, BestScores& result) {
  with_best_instructions([=, &result]() FOVEATE_HOT {
    float best[kStrip];
    for (float& score : best) score = -INFINITY;
    for (std::size_t id = 0; id < classes; ++id) {
      const float* row = strip + id * anchors;
      for (std::size_t i = 0; i < kStrip; ++i) best[i] = best[i] < row[i] ? row[i] : best[i];  // a NaN leaves `best`
    }
    int passing = 0;
    for (std::size_t i = 0; i < kStrip; ++i) {
      result.scores[i] = best[i];
      passing |= static_cast<int>(best[i] >= threshold);
    }
    result.passing = passing != 0;
  });
}

// The lowest class with the best score of each anchor of a strip.
void find_classes(const float* strip, std::size_t classes, std::size_t anchors, const BestScores& best,
                  std::array<std::int32_t, kStrip>& result) {
  with_best_instructions([=, &best, &result]() FOVEATE_HOT {
    float scores[kStrip];
    std::int32_t found[kStrip] = {};
    for (std::size_t i = 0; i < kStrip; ++i) scores[i] = best.scores[i];
    for (std::size_t id = classes; id-- > 0;) {  // downwards: the lowest of equals comes last
      const float* row = strip + id * anchors;
      for (std::size_t i = 0; i < kStrip; ++i)
        found[i] = row[i] == scores[i] ? static_cast<std::int32_t>(id) : found[i];
    }
    for (std::size_t i = 0; i < kStrip; ++i) result[i] = found[i];
  });
}

}  // namespace

// Class rows are walked a strip of anchors at a time. Nearly all strips show only background: the class is looked for
// where some score passes.
void scan_score_rows(std::span<const float> scores, std::size_t anchors, CandidateList& list) {
  BestScores best;
  alignas(64) std::array<std::int32_t, kStrip> best_class;
  const std::size_t classes = anchors == 0 ? 0 : scores.size() / anchors;
  std::vector<float> rest;  // the last strip, filled up
  for (std::size_t begin = 0; begin < anchors; begin += kStrip) {
    const std::size_t count = std::min(kStrip, anchors - begin);
    const float* strip = scores.data() + begin;
    std::size_t step = anchors;
    if (count < kStrip) {
      rest.assign(classes * kStrip, -INFINITY);
      for (std::size_t id = 0; id < classes; ++id) std::copy_n(strip + id * anchors, count, &rest[id * kStrip]);
      strip = rest.data();
      step = kStrip;
    }
    find_best(strip, classes, step, list.threshold(), best);
    if (!best.passing) continue;
    find_classes(strip, classes, step, best, best_class);
    for (std::size_t i = 0; i < count; ++i) {
      if (best.scores[i] >= list.threshold()) list.offer(begin + i, best_class[i], best.scores[i]);
    }
  }
}

// Whether any score passes is a question that vectors answer.
void offer_best_score(std::span<const float> scores, float factor, std::size_t anchor, CandidateList& list) {
  const float threshold = list.threshold();
  int passing = 0;
  for (const float score : scores) passing |= static_cast<int>(factor * score >= threshold);
  if (passing == 0) return;
  float best = -INFINITY;
  std::size_t best_class = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!(scores[i] > best)) continue;
    best = scores[i];
    best_class = i;
  }
  list.offer(anchor, static_cast<std::int32_t>(best_class), factor * best);
}

}  // namespace foveate
