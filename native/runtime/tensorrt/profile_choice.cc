#include "runtime/tensorrt/profile_choice.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace foveate::tensorrt {
namespace {

constexpr const char* kHint = "Give shapes that the engine was built for, or build it with a profile for these.";

bool allows(const OptimizationProfile& profile, std::size_t input, std::size_t axis, std::int64_t size) {
  const Dims& min = profile.min[input];
  const Dims& max = profile.max[input];
  return axis < min.size() && axis < max.size() && size >= min[axis] && size <= max[axis];
}

bool allows(const OptimizationProfile& profile, std::span<const TensorView> inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    for (std::size_t axis = 0; axis < inputs[i].dims.size(); ++axis) {
      if (!allows(profile, i, axis, inputs[i].dims[axis])) return false;
    }
  }
  return true;
}

// 0 for the usual shapes themselves; twice and half of a size are equally far.
double distance(const OptimizationProfile& profile, std::span<const TensorView> inputs) {
  double sum = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    for (std::size_t axis = 0; axis < inputs[i].dims.size(); ++axis) {
      const auto given = static_cast<double>(inputs[i].dims[axis]);
      const auto usual = static_cast<double>(profile.opt[i][axis]);
      sum += std::abs(std::log((given + 1) / (usual + 1)));
    }
  }
  return sum;
}

std::string range_text(std::int64_t min, std::int64_t max) {
  return min == max ? std::to_string(min) : std::to_string(min) + " to " + std::to_string(max);
}

// `only`: the profiles that count.
Status refusal(const ModelInfo& info, std::span<const TensorView> inputs, const std::vector<std::size_t>& only) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    for (std::size_t axis = 0; axis < inputs[i].dims.size(); ++axis) {
      const std::int64_t size = inputs[i].dims[axis];
      std::string allowed;
      bool any = false;
      for (const std::size_t at : only) {
        const OptimizationProfile& profile = info.profiles[at];
        if (axis >= profile.min[i].size() || axis >= profile.max[i].size()) continue;
        any = any || allows(profile, i, axis, size);
        const std::string range = range_text(profile.min[i][axis], profile.max[i][axis]);
        if (allowed.find(range) == std::string::npos) allowed += (allowed.empty() ? "" : ", or ") + range;
      }
      if (any) continue;
      return {error_code::kTensorShape,
              "Input \"" + info.inputs[i].name + "\": expected " + allowed + " in dimension " + std::to_string(axis) +
                  ", received " + std::to_string(size) + " of " + dims_text(inputs[i].dims) + ".",
              kHint};
    }
  }
  // Every size is allowed by some profile, but not all by one.
  std::string given;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    given += (i == 0 ? "" : ", ") + ("\"" + info.inputs[i].name + "\" " + dims_text(inputs[i].dims));
  return {error_code::kTensorShape,
          "Expected shapes that one optimization profile of the engine allows together, received " + given + ".",
          kHint};
}

}  // namespace

Result<std::size_t> choose_profile(const ModelInfo& info, std::span<const TensorView> inputs,
                                   std::optional<std::size_t> wanted) {
  if (wanted) {
    if (*wanted >= info.profiles.size()) {
      return Status(error_code::kInvalidArgument, "Expected an optimization profile below " +
                                                      std::to_string(info.profiles.size()) + ", received " +
                                                      std::to_string(*wanted) + ".");
    }
    if (!allows(info.profiles[*wanted], inputs)) return refusal(info, inputs, {*wanted});
    return *wanted;
  }
  std::vector<std::size_t> all;
  std::optional<std::size_t> best;
  double nearest = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < info.profiles.size(); ++i) {
    all.push_back(i);
    if (!allows(info.profiles[i], inputs)) continue;
    const double far = distance(info.profiles[i], inputs);
    if (far < nearest) {
      nearest = far;
      best = i;
    }
  }
  if (best) return *best;
  return refusal(info, inputs, all);
}

}  // namespace foveate::tensorrt
