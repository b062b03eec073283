#include "vision/classification.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "vision/finite.h"

namespace foveate {
namespace {

// exp(value - maximum), also where both are infinite: classes at the maximum share the probability.
double shifted_exp(float value, float maximum) {
  return value == maximum ? 1.0 : std::exp(static_cast<double>(value) - static_cast<double>(maximum));
}

// Softmax over what is a number.
class Softmax {
 public:
  explicit Softmax(std::span<const float> output) {
    for (const float value : output) maximum_ = std::max(maximum_, value);  // in this order: a NaN leaves it
    for (const float value : output) {
      if (!std::isnan(value)) sum_ += shifted_exp(value, maximum_);
    }
  }

  float operator()(float value) const { return static_cast<float>(shifted_exp(value, maximum_) / sum_); }

 private:
  float maximum_ = -std::numeric_limits<float>::infinity();
  double sum_ = 0;
};

float sigmoid(float value) { return static_cast<float>(1.0 / (1.0 + std::exp(-static_cast<double>(value)))); }

}  // namespace

Result<TopClasses> top_classes(std::span<const float> output, ScoreActivation activation, int k) {
  if (!has_finite(output)) return not_finite("no score is a finite number");
  std::vector<std::int32_t> order(output.size());
  std::iota(order.begin(), order.end(), 0);
  const std::size_t kept = std::min(order.size(), static_cast<std::size_t>(std::max(k, 0)));
  // By the raw value, which every activation leaves in its order: scores that saturate would tie.
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                    [output](std::int32_t a, std::int32_t b) {
                      const bool a_is_number = !std::isnan(output[a]);
                      const bool b_is_number = !std::isnan(output[b]);
                      if (a_is_number != b_is_number) return a_is_number;
                      if (a_is_number && output[a] != output[b]) return output[a] > output[b];
                      return a < b;
                    });
  order.resize(kept);
  while (!order.empty() && std::isnan(output[order.back()])) order.pop_back();

  TopClasses top{std::move(order), {}};
  top.scores.reserve(kept);
  const auto add_scores = [&](const auto& activate) {
    for (const std::int32_t id : top.class_ids) top.scores.push_back(activate(output[id]));
  };
  switch (activation) {
    case ScoreActivation::kNone:
      add_scores([](float value) { return value; });
      break;
    case ScoreActivation::kSoftmax:
      add_scores(Softmax(output));
      break;
    case ScoreActivation::kSigmoid:
      add_scores(sigmoid);
      break;
  }
  return top;
}

}  // namespace foveate
