// Dimensions of tensors and their overflow-checked sizes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/dtype.h"

namespace foveate {

// A dimension that is only known when a model runs is kDynamic in a model's description, never in a tensor.
inline constexpr std::int64_t kDynamic = -1;

using Dims = std::vector<std::int64_t>;

// Number of elements; nullopt where a dimension is negative or the product does not fit. A scalar (no dims) has one.
inline std::optional<std::size_t> element_count(std::span<const std::int64_t> dims) {
  std::size_t count = 1;
  bool empty = false;
  for (std::int64_t dim : dims) {
    if (dim < 0) return std::nullopt;
    if (dim == 0) {
      empty = true;
      continue;
    }
    auto size = static_cast<std::size_t>(dim);
    if (count > std::numeric_limits<std::size_t>::max() / size) return std::nullopt;
    count *= size;
  }
  return empty ? 0 : count;
}

inline std::optional<std::size_t> byte_count(std::span<const std::int64_t> dims, DType dtype) {
  auto count = element_count(dims);
  if (!count || *count > std::numeric_limits<std::size_t>::max() / dtype_bytes(dtype)) return std::nullopt;
  return *count * dtype_bytes(dtype);
}

// "[1, 3, ?, ?]"
inline std::string dims_text(std::span<const std::int64_t> dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (i > 0) text += ", ";
    text += dims[i] == kDynamic ? "?" : std::to_string(dims[i]);
  }
  return text + "]";
}

}  // namespace foveate
