#include "vision/merge.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace foveate {
namespace {

using Box = std::array<float, 4>;  // x1, y1, x2, y2

float area_of(const Box& box) { return (box[2] - box[0]) * (box[3] - box[1]); }

float overlap_of(const Box& a, const Box& b, OverlapMetric metric) {
  const float width = std::min(a[2], b[2]) - std::max(a[0], b[0]);
  const float height = std::min(a[3], b[3]) - std::max(a[1], b[1]);
  const float both = std::max(width, 0.0f) * std::max(height, 0.0f);
  const float whole =
      metric == OverlapMetric::kUnion ? area_of(a) + area_of(b) - both : std::min(area_of(a), area_of(b));
  return both / whole;
}

}  // namespace

Result<MergedBoxes> merge_boxes(std::span<const float> boxes, std::span<const float> scores,
                                std::span<const std::int32_t> class_ids, const MergeOptions& options,
                                const CancelToken* cancel) {
  const std::size_t count = std::min({boxes.size() / 4, scores.size(), class_ids.size()});
  const auto box_of = [&](std::size_t i) {
    return Box{boxes[i * 4], boxes[i * 4 + 1], boxes[i * 4 + 2], boxes[i * 4 + 3]};
  };
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < count; ++i) {
    if (!std::isnan(scores[i])) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [scores](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });

  MergedBoxes merged;
  std::vector<bool> ended(count, false);
  for (std::size_t place = 0; place < order.size(); ++place) {
    const std::size_t best = order[place];
    if (ended[best]) continue;
    if (merged.kept.size() >= static_cast<std::size_t>(std::max(options.max_kept, 0))) break;
    const Box box = box_of(best);
    if (cancel != nullptr && cancel->cancelled()) return aborted();
    Box grown = box;
    for (std::size_t next = place + 1; next < order.size(); ++next) {
      const std::size_t other = order[next];
      if (ended[other] || (!options.class_agnostic && class_ids[other] != class_ids[best])) continue;
      const Box rival = box_of(other);
      if (!(overlap_of(box, rival, options.metric) >= options.threshold)) continue;
      ended[other] = true;
      if (!options.grow || !(overlap_of(grown, rival, options.metric) >= options.threshold)) continue;
      grown = {std::min(grown[0], rival[0]), std::min(grown[1], rival[1]), std::max(grown[2], rival[2]),
               std::max(grown[3], rival[3])};
    }
    merged.kept.push_back(static_cast<std::int32_t>(best));
    merged.boxes.insert(merged.boxes.end(), grown.begin(), grown.end());
  }
  return merged;
}

}  // namespace foveate
