#include "runtime/tensorrt/profile_choice.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace foveate::tensorrt {
namespace {

// Farther than any shape.
constexpr double kTakenDistance = 1e6;

constexpr const char* kHint = "Give shapes that the engine was built for, or build it with a profile for these.";

// A size of an input, or one of the values that shapes are made of, and what a profile has for it.
struct Limit {
  std::int64_t given, min, opt, max;

  bool allows() const { return given >= min && given <= max; }
};

constexpr std::int64_t kNone = -2;  // what no size is

std::int64_t value_at(const TensorView& view, std::size_t index) {
  const auto* const data = static_cast<const std::byte*>(view.data) + index * dtype_bytes(view.dtype);
  if (view.dtype == DType::kInt64) {
    std::int64_t value;
    std::memcpy(&value, data, sizeof(value));
    return value;
  }
  std::int32_t value;
  std::memcpy(&value, data, sizeof(value));
  return value;
}

// How many of the values the profile says something of.
std::size_t known_values(const OptimizationProfile& profile, std::size_t input, const TensorView& view) {
  if (view.place.kind == MemoryKind::kDevice || input >= profile.min_values.size()) return 0;
  if (view.dtype != DType::kInt64 && view.dtype != DType::kInt32) return 0;
  return std::min({profile.min_values[input].size(), profile.opt_values[input].size(), profile.max_values[input].size(),
                   view.bytes / dtype_bytes(view.dtype)});
}

// For every size of the input, and then every value.
template <typename Call>
void each_limit(const OptimizationProfile& profile, std::size_t input, const TensorView& view, const Call& call) {
  for (std::size_t axis = 0; axis < view.dims.size(); ++axis) {
    const bool known = axis < std::min(profile.min[input].size(), profile.max[input].size());
    call(axis,
         known ? Limit{view.dims[axis], profile.min[input][axis], profile.opt[input][axis], profile.max[input][axis]}
               : Limit{view.dims[axis], kNone, kNone, kNone});
  }
  const std::size_t values = known_values(profile, input, view);
  for (std::size_t i = 0; i < values; ++i) {
    call(view.dims.size() + i, Limit{value_at(view, i), profile.min_values[input][i], profile.opt_values[input][i],
                                     profile.max_values[input][i]});
  }
}

bool allows(const OptimizationProfile& profile, std::span<const TensorView> inputs) {
  bool all = true;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    each_limit(profile, i, inputs[i], [&](std::size_t, const Limit& limit) { all = all && limit.allows(); });
  return all;
}

// 0 for the usual shapes themselves; twice and half of a size are equally far.
double distance(const OptimizationProfile& profile, std::span<const TensorView> inputs) {
  double sum = 0;
  const auto grown = [](std::int64_t number) { return static_cast<double>(std::max<std::int64_t>(number, 0)) + 1; };
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    each_limit(profile, i, inputs[i], [&](std::size_t, const Limit& limit) {
      sum += std::abs(std::log(grown(limit.given) / grown(limit.opt)));
    });
  }
  return sum;
}

std::string range_text(std::int64_t min, std::int64_t max) {
  return min == max ? std::to_string(min) : std::to_string(min) + " to " + std::to_string(max);
}

// What the profiles that count allow at one place of an input.
struct Allowed {
  std::int64_t given = 0;
  std::string text;
  bool any = false;
};

// `only`: the profiles that count.
Status refusal(const ModelInfo& info, std::span<const TensorView> inputs, const std::vector<std::size_t>& only) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    std::map<std::size_t, Allowed> places;
    for (const std::size_t at : only) {
      each_limit(info.profiles[at], i, inputs[i], [&](std::size_t place, const Limit& limit) {
        Allowed& allowed = places[place];
        allowed.given = limit.given;
        allowed.any = allowed.any || limit.allows();
        const std::string range = limit.max == kNone ? "" : range_text(limit.min, limit.max);
        if (allowed.text.find(range) == std::string::npos)
          allowed.text += (allowed.text.empty() ? "" : ", or ") + range;
      });
    }
    const std::size_t rank = inputs[i].dims.size();
    for (const auto& [place, allowed] : places) {
      if (allowed.any) continue;
      const std::string where = place < rank
                                    ? " in dimension " + std::to_string(place)
                                    : " as value " + std::to_string(place - rank) + ", of which shapes are made";
      return {error_code::kTensorShape,
              "Input \"" + info.inputs[i].name + "\": expected " + allowed.text + where + ", received " +
                  std::to_string(allowed.given) + (place < rank ? " of " + dims_text(inputs[i].dims) : std::string()) +
                  ".",
              kHint};
    }
  }
  // Each is allowed by some profile, but not all by one.
  std::string given;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    given += (i == 0 ? "" : ", ") + ("\"" + info.inputs[i].name + "\" " + dims_text(inputs[i].dims));
  return {error_code::kTensorShape,
          "Expected shapes that one optimization profile of the engine allows together, received " + given + ".",
          kHint};
}

}  // namespace

Result<std::size_t> choose_profile(const ModelInfo& info, std::span<const TensorView> inputs,
                                   std::optional<std::size_t> wanted, const std::function<bool(std::size_t)>& taken) {
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
    const double far = distance(info.profiles[i], inputs) + (taken(i) ? kTakenDistance : 0);
    if (far < nearest) {
      nearest = far;
      best = i;
    }
  }
  if (best) return *best;
  return refusal(info, inputs, all);
}

}  // namespace foveate::tensorrt
