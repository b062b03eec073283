// From the raw output of a classifier to its top-k classes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/status.h"

namespace foveate {

enum class ScoreActivation : std::uint8_t { kNone, kSoftmax, kSigmoid };

struct TopClasses {
  std::vector<std::int32_t> class_ids;  // highest raw value first (ties: lower id first)
  std::vector<float> scores;
};

// The k best classes, or all where there are fewer. Softmax is taken over all classes in double precision with the
// maximum subtracted. NaN takes no part in it and is never among the classes. ENGINE_FAILED: no value is finite.
Result<TopClasses> top_classes(std::span<const float> output, ScoreActivation activation, int k);

}  // namespace foveate
