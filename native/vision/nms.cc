// Greedy non-maximum suppression.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <unordered_map>

#include "vision/detection.h"

namespace foveate {
namespace {

struct Box {
  float x1, y1, x2, y2;

  float area() const { return (x2 - x1) * (y2 - y1); }
};

// Boxes that suppress one another, as a struct of arrays: the loop over the boxes has neither a branch nor a gather, so
// compilers vectorise it.
class KeptBoxes {
 public:
  void add(const Box& box) {
    x1_.push_back(box.x1);
    y1_.push_back(box.y1);
    x2_.push_back(box.x2);
    y2_.push_back(box.y2);
    area_.push_back(box.area());
  }

  bool suppress(const Box& box, float iou_threshold) const {
    // Far more boxes fall to one of the first than to one of the last, and a loop that can leave at any element is not
    // vectorised: so it is asked once a stretch.
    constexpr std::size_t kStretch = 64;
    for (std::size_t begin = 0; begin < area_.size(); begin += kStretch) {
      if (any_overlap(begin, std::min(begin + kStretch, area_.size()), box, iou_threshold)) return true;
    }
    return false;
  }

 private:
  bool any_overlap(std::size_t begin, std::size_t end, const Box& box, float iou_threshold) const {
    const float area = box.area();
    int found = 0;
    for (std::size_t i = begin; i < end; ++i) {
      const float width = std::min(x2_[i], box.x2) - std::max(x1_[i], box.x1);
      const float height = std::min(y2_[i], box.y2) - std::max(y1_[i], box.y1);
      const float intersection = std::max(width, 0.0f) * std::max(height, 0.0f);
      // Divided, not multiplied out: a tie with the threshold then falls as it does in torchvision. 0 / 0 is no
      // overlap.
      const float iou = intersection / (area_[i] + area - intersection);
      found |= static_cast<int>(iou > iou_threshold);
    }
    return found != 0;
  }

  std::vector<float> x1_, y1_, x2_, y2_, area_;
};

}  // namespace

std::vector<std::int32_t> non_max_suppression(std::span<const float> boxes, std::span<const float> scores,
                                              std::span<const std::int32_t> class_ids, float iou_threshold,
                                              int max_kept, bool class_agnostic) {
  const std::size_t count = std::min({boxes.size() / 4, scores.size(), class_ids.size()});
  std::vector<std::int32_t> order;
  order.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (!std::isnan(scores[i])) order.push_back(static_cast<std::int32_t>(i));
  }
  std::sort(order.begin(), order.end(), [scores](std::int32_t a, std::int32_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });

  std::vector<std::int32_t> kept;
  std::unordered_map<std::int32_t, KeptBoxes> kept_by_class;
  for (const std::int32_t index : order) {
    if (kept.size() >= static_cast<std::size_t>(std::max(max_kept, 0))) break;
    const auto corner = boxes.subspan(static_cast<std::size_t>(index) * 4, 4);
    const Box box{corner[0], corner[1], corner[2], corner[3]};
    KeptBoxes& rivals = kept_by_class[class_agnostic ? 0 : class_ids[index]];
    if (rivals.suppress(box, iou_threshold)) continue;
    rivals.add(box);
    kept.push_back(index);
  }
  return kept;
}

}  // namespace foveate
