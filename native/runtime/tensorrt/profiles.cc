#include "runtime/tensorrt/profiles.h"

#include <algorithm>

namespace foveate::tensorrt {
namespace {

bool is_free(const NetworkTensor& tensor) {
  return std::ranges::any_of(tensor.dims, [](std::int64_t size) { return size < 0; });
}

bool fits(const Dims& dims, const Dims& model) {
  return std::ranges::equal(dims, model, [](std::int64_t size, std::int64_t of_model) {
    return size >= 0 && (of_model < 0 || size == of_model);
  });
}

std::string names_of(std::span<const NetworkTensor> tensors) {
  std::string names;
  for (const NetworkTensor& tensor : tensors) names += (names.empty() ? "\"" : ", \"") + tensor.name + "\"";
  return names;
}

Status check_range(std::span<const NetworkTensor> inputs, const InputRange& range, const std::string& where) {
  const auto input = std::ranges::find(inputs, range.input, &NetworkTensor::name);
  if (input == inputs.end()) {
    return {error_code::kInvalidArgument,
            "Expected an input of the model in " + where + " but received \"" + range.input + "\"",
            "The model's inputs are " + names_of(inputs) + "."};
  }
  for (const Dims* const dims : {&range.min, &range.opt, &range.max}) {
    if (fits(*dims, input->dims)) continue;
    return {error_code::kInvalidArgument,
            "Expected shapes that fit " + dims_text(input->dims) + " for the input \"" + range.input + "\" in " +
                where + " but received " + dims_text(*dims),
            "Only the dimensions that the model leaves free, which are shown as ?, can be chosen."};
  }
  return {};
}

}  // namespace

Status check_profiles(std::span<const NetworkTensor> inputs, const std::vector<std::vector<InputRange>>& profiles) {
  const auto unnamed = [](const NetworkTensor& input, const std::string& what) {
    return Status(error_code::kInvalidArgument,
                  "The input \"" + input.name + "\" has free dimensions, " + dims_text(input.dims) + ", but " + what,
                  "Give its smallest, usual and largest shape.");
  };
  const auto first_free = std::ranges::find_if(inputs, is_free);
  if (profiles.empty() && first_free != inputs.end()) return unnamed(*first_free, "there is no optimization profile");

  for (std::size_t i = 0; i < profiles.size(); ++i) {
    const std::string where = "optimization profile " + std::to_string(i);
    for (const InputRange& range : profiles[i]) FOVEATE_RETURN_IF_ERROR(check_range(inputs, range, where));
    for (const NetworkTensor& input : inputs) {
      const bool named = std::ranges::find(profiles[i], input.name, &InputRange::input) != profiles[i].end();
      if (is_free(input) && !named) return unnamed(input, where + " leaves it out");
    }
  }
  return {};
}

}  // namespace foveate::tensorrt
