// Greedy non-maximum suppression.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <unordered_map>

#include "core/instructions.h"
#include "vision/detection.h"

namespace foveate {
namespace {

struct Box {
  float x1, y1, x2, y2;
};

// Boxes that suppress one another, as a struct of arrays: the loop over the boxes has neither a branch nor a gather, so
// compilers vectorise it.
class KeptBoxes {
 public:
  explicit KeptBoxes(float pixel_extent) : extent_(pixel_extent) {}

  void add(const Box& box) {
    x1_.push_back(box.x1);
    y1_.push_back(box.y1);
    x2_.push_back(box.x2);
    y2_.push_back(box.y2);
    area_.push_back(area_of(box));
  }

  bool suppress(const Box& box, float iou_threshold) const {
    const float *x1 = x1_.data(), *y1 = y1_.data(), *x2 = x2_.data(), *y2 = y2_.data(), *areas = area_.data();
    const std::size_t size = area_.size();
    const float area = area_of(box);
    const float extent = extent_;
    bool suppressed = false;
    with_best_instructions([=, &suppressed]() FOVEATE_HOT {
      // Far more boxes fall to one of the first than to one of the last, and a loop that can leave at any element is
      // not vectorised: so it is asked once a stretch.
      constexpr std::size_t kStretch = 64;
      for (std::size_t begin = 0; begin < size && !suppressed; begin += kStretch) {
        const std::size_t end = std::min(begin + kStretch, size);
        int found = 0;
        for (std::size_t i = begin; i < end; ++i) {
          const float width = std::min(x2[i], box.x2) - std::max(x1[i], box.x1) + extent;
          const float height = std::min(y2[i], box.y2) - std::max(y1[i], box.y1) + extent;
          const float intersection = std::max(width, 0.0f) * std::max(height, 0.0f);
          // Divided, not multiplied out: a tie with the threshold then falls as it does in torchvision. 0 / 0 is no
          // overlap.
          const float iou = intersection / (areas[i] + area - intersection);
          found |= static_cast<int>(iou > iou_threshold);
        }
        suppressed = found != 0;
      }
    });
    return suppressed;
  }

 private:
  float area_of(const Box& box) const { return (box.x2 - box.x1 + extent_) * (box.y2 - box.y1 + extent_); }

  float extent_;
  std::vector<float> x1_, y1_, x2_, y2_, area_;
};

// An oriented box as the Gaussian with its centre and the covariance [[a, c], [c, b]] of a uniform distribution on it.
struct Gaussian {
  float x, y, a, b, c;

  explicit Gaussian(std::span<const float> box) : x(box[0]), y(box[1]) {
    const float across = box[2] * box[2] / 12;
    const float down = box[3] * box[3] / 12;
    const float cosine = std::cos(box[4]);
    const float sine = std::sin(box[4]);
    a = across * cosine * cosine + down * sine * sine;
    b = across * sine * sine + down * cosine * cosine;
    c = (across - down) * cosine * sine;
  }
};

// 1 less the Hellinger distance of the two, by way of the Bhattacharyya distance (equations 9 and 11 of the paper).
float probabilistic_iou(const Gaussian& p, const Gaussian& q) {
  constexpr float kEpsilon = 1e-7f;
  const float a = p.a + q.a;
  const float b = p.b + q.b;
  const float c = p.c + q.c;
  const float determinant = a * b - c * c;
  const float dx = p.x - q.x;
  const float dy = p.y - q.y;
  const float across = (a * dy * dy + b * dx * dx) / (determinant + kEpsilon) * 0.25f;
  const float along = -c * dx * dy / (determinant + kEpsilon) * 0.5f;
  const float p_area = std::max(p.a * p.b - p.c * p.c, 0.0f);
  const float q_area = std::max(q.a * q.b - q.c * q.c, 0.0f);
  const float spread = std::log(determinant / (4 * std::sqrt(p_area * q_area) + kEpsilon) + kEpsilon) * 0.5f;
  const float bhattacharyya = std::clamp(across + along + spread, kEpsilon, 100.0f);
  return 1 - std::sqrt(1 - std::exp(-bhattacharyya) + kEpsilon);
}

// The Bhattacharyya distance from which on the overlap is no more than `iou`.
float distance_of(float iou) { return -std::log(1 - (1 - iou) * (1 - iou)); }

// Whether two are further apart than that, told without an exponential or a root: the distance is at least a quarter of
// the squared distance of the centres over the largest variance, which is no larger than the sum of both.
bool is_beyond(const Gaussian& p, const Gaussian& q, float distance) {
  const float dx = p.x - q.x;
  const float dy = p.y - q.y;
  return dx * dx + dy * dy > 4 * distance * (p.a + q.a + p.b + q.b);
}

// Descending scores, ties by index; a NaN takes no part.
std::vector<std::int32_t> by_score(std::span<const float> scores, std::size_t count) {
  std::vector<std::int32_t> order;
  order.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (!std::isnan(scores[i])) order.push_back(static_cast<std::int32_t>(i));
  }
  std::sort(order.begin(), order.end(), [scores](std::int32_t a, std::int32_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  return order;
}

bool is_full(const std::vector<std::int32_t>& kept, const SuppressionOptions& options) {
  return kept.size() >= static_cast<std::size_t>(std::max(options.max_kept, 0));
}

}  // namespace

std::vector<std::int32_t> non_max_suppression(std::span<const float> boxes, std::span<const float> scores,
                                              std::span<const std::int32_t> class_ids,
                                              const SuppressionOptions& options) {
  const std::size_t count = std::min({boxes.size() / 4, scores.size(), class_ids.size()});
  std::vector<std::int32_t> kept;
  std::unordered_map<std::int32_t, KeptBoxes> kept_by_class;
  for (const std::int32_t index : by_score(scores, count)) {
    if (is_full(kept, options)) break;
    const auto corner = boxes.subspan(static_cast<std::size_t>(index) * 4, 4);
    const Box box{corner[0], corner[1], corner[2], corner[3]};
    const std::int32_t group = options.class_agnostic ? 0 : class_ids[index];
    KeptBoxes& rivals = kept_by_class.try_emplace(group, options.pixel_extent).first->second;
    if (rivals.suppress(box, options.iou_threshold)) continue;
    rivals.add(box);
    kept.push_back(index);
  }
  return kept;
}

std::vector<std::int32_t> non_max_suppression_rotated(std::span<const float> boxes, std::span<const float> scores,
                                                      std::span<const std::int32_t> class_ids,
                                                      const SuppressionOptions& options) {
  const std::size_t count = std::min({boxes.size() / 5, scores.size(), class_ids.size()});
  const float limit = distance_of(options.iou_threshold);
  std::vector<std::int32_t> kept;
  std::unordered_map<std::int32_t, std::vector<Gaussian>> seen_by_class;
  for (const std::int32_t index : by_score(scores, count)) {
    if (is_full(kept, options)) break;
    const Gaussian box(boxes.subspan(static_cast<std::size_t>(index) * 5, 5));
    std::vector<Gaussian>& rivals = seen_by_class[options.class_agnostic ? 0 : class_ids[index]];
    const bool suppressed = std::any_of(rivals.begin(), rivals.end(), [&](const Gaussian& rival) {
      return !is_beyond(rival, box, limit) && probabilistic_iou(rival, box) > options.iou_threshold;
    });
    rivals.push_back(box);
    if (!suppressed) kept.push_back(index);
  }
  return kept;
}

}  // namespace foveate
