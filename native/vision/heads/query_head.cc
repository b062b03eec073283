// DETR and its descendants: a fixed number of queries, each with class logits in one output and a box in another.
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "vision/heads/head.h"

namespace foveate {
namespace {

class QueryHead : public Head {
 public:
  QueryHead(HeadOutputs outputs, const DetectionSpec& spec, const Placement& placement, std::size_t logits_per_query)
      : logits_(outputs[0]),
        boxes_(outputs[1]),
        queries_(static_cast<std::size_t>(spec.anchors)),
        logits_per_query_(logits_per_query),
        input_width_(static_cast<float>(placement.input_width)),
        input_height_(static_cast<float>(placement.input_height)) {}

  Suppression suppression() const override { return Suppression::kNone; }

  bool has_finite_anchor() const override {
    for (std::size_t query = 0; query < queries_; ++query) {
      const auto logits = logits_of(query);
      const bool finite = std::any_of(logits.begin(), logits.end(), [](float logit) { return std::isfinite(logit); });
      if (finite && is_finite(box(query))) return true;
    }
    return queries_ == 0;
  }

  Corners box(std::size_t query) const override {
    const float* box = boxes_.data() + query * 4;
    return corners_of(box[0] * input_width_, box[1] * input_height_, box[2] * input_width_, box[3] * input_height_);
  }

 protected:
  std::span<const float> logits_of(std::size_t query) const {
    return logits_.subspan(query * logits_per_query_, logits_per_query_);
  }

  std::size_t queries() const { return queries_; }

 private:
  std::span<const float> logits_;
  std::span<const float> boxes_;
  std::size_t queries_;
  std::size_t logits_per_query_;
  float input_width_;
  float input_height_;
};

// Softmax over the classes and "nothing"; the best class counts.
class DetrHead final : public QueryHead {
 public:
  DetrHead(HeadOutputs outputs, const DetectionSpec& spec, const Placement& placement)
      : QueryHead(outputs, spec, placement, static_cast<std::size_t>(spec.classes) + 1) {}

  void collect(CandidateList& list) const override {
    for (std::size_t query = 0; query < queries(); ++query) {
      const auto logits = logits_of(query);
      const auto classes = logits.first(logits.size() - 1);
      const auto best = std::max_element(classes.begin(), classes.end());
      const float highest = std::max(*best, logits.back());
      float sum = 0;
      for (const float logit : logits) sum += std::exp(logit - highest);
      list.offer(query, static_cast<std::int32_t>(best - classes.begin()), std::exp(*best - highest) / sum);
    }
  }
};

// A sigmoid for each class: a query may stand for several. As many pairs of query and class as there are queries count.
class RtDetrHead final : public QueryHead {
 public:
  RtDetrHead(HeadOutputs outputs, const DetectionSpec& spec, const Placement& placement)
      : QueryHead(outputs, spec, placement, static_cast<std::size_t>(spec.classes)) {}

  std::size_t max_candidates() const override { return queries(); }

  void collect(CandidateList& list) const override {
    // Nearly all pairs are background: what is clearly below the threshold is told by the logit alone. A threshold of 1
    // has no logit, yet large ones round up to it.
    const float threshold = std::min(list.threshold(), 0.99f);
    const float lowest = std::log(threshold / (1.0f - threshold)) - 0.01f;
    for (std::size_t query = 0; query < queries(); ++query) {
      const auto logits = logits_of(query);
      for (std::size_t id = 0; id < logits.size(); ++id) {
        if (logits[id] < lowest) continue;
        list.offer(query, static_cast<std::int32_t>(id), 1.0f / (1.0f + std::exp(-logits[id])));
      }
    }
  }
};

}  // namespace

HeadResult make_query_head(HeadOutputs outputs, const DetectionSpec& spec, const Placement& placement) {
  const auto queries = static_cast<std::size_t>(spec.anchors);
  const bool has_nothing = spec.head == DetectionHead::kDetr;
  const std::size_t logits = static_cast<std::size_t>(spec.classes) + (has_nothing ? 1 : 0);
  FOVEATE_RETURN_IF_ERROR(check_output(outputs, 0, queries * logits));
  FOVEATE_RETURN_IF_ERROR(check_output(outputs, 1, queries * 4));
  if (has_nothing) return std::unique_ptr<Head>(std::make_unique<DetrHead>(outputs, spec, placement));
  return std::unique_ptr<Head>(std::make_unique<RtDetrHead>(outputs, spec, placement));
}

}  // namespace foveate
