#include "vision/heads/score_scan.h"

#include <algorithm>
#include <array>

namespace foveate {

// Class rows are walked as they lie in memory, a block of anchors at a time, so that the block's scores stay in the
// cache. Nearly all blocks show only background: the class is looked for where some score passes.
void scan_score_rows(std::span<const float> scores, std::size_t anchors, CandidateList& list) {
  constexpr std::size_t kBlock = 256;
  alignas(64) std::array<float, kBlock> best;
  alignas(64) std::array<std::int32_t, kBlock> best_class;
  const std::size_t classes = anchors == 0 ? 0 : scores.size() / anchors;
  for (std::size_t begin = 0; begin < anchors; begin += kBlock) {
    const std::size_t count = std::min(kBlock, anchors - begin);
    const float* block = scores.data() + begin;
    best.fill(-INFINITY);
    for (std::size_t id = 0; id < classes; ++id) {
      const float* row = block + id * anchors;
      for (std::size_t i = 0; i < count; ++i)
        best[i] = std::max(best[i], row[i]);  // in this order: a NaN leaves `best`
    }
    int passing = 0;
    for (std::size_t i = 0; i < count; ++i) passing |= static_cast<int>(best[i] >= list.threshold());
    if (passing == 0) continue;

    best_class.fill(0);
    for (std::size_t id = classes; id-- > 0;) {  // downwards: the lowest of equals comes last
      const float* row = block + id * anchors;
      for (std::size_t i = 0; i < count; ++i) {
        best_class[i] = row[i] == best[i] ? static_cast<std::int32_t>(id) : best_class[i];
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (best[i] >= list.threshold()) list.offer(begin + i, best_class[i], best[i]);
    }
  }
}

// The question whether any score passes is a loop that compilers vectorise.
void offer_best_score(std::span<const float> scores, float factor, std::size_t anchor, CandidateList& list) {
  int passing = 0;
  for (const float score : scores) passing |= static_cast<int>(factor * score >= list.threshold());
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
