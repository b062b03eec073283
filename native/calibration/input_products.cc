#include "calibration/input_products.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/half.h"
#include "core/instructions.h"
#include "core/shape.h"

namespace foveate {
namespace {

// Rows are padded to whole vectors of the widest set of instructions.
constexpr std::size_t kVector = 32;
// So many rows are multiplied with each other one at once.
constexpr std::size_t kRows = 4;

std::size_t triangle(std::size_t rows) { return rows * (rows + 1) / 2; }

// SplitMix64 (Steele, Lea, Flood, 2014): evenly spread bits of a counter.
std::uint64_t spread_bits(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

// All of `count`, or one out of each of as many equal parts: ascending.
std::vector<std::size_t> places_of(std::size_t count, std::uint32_t picture) {
  const std::size_t parts = std::min(count, InputProducts::kPlaces);
  std::vector<std::size_t> places(parts);
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t begin = part * count / parts;
    const std::size_t size = (part + 1) * count / parts - begin;
    places[part] = begin + spread_bits((std::uint64_t{picture} << 32) + part) % size;
  }
  return places;
}

// How often a kernel fits; 0 where it does not.
std::size_t outputs_along(const KernelAxis& axis, std::size_t size) {
  const std::size_t padded = size + axis.begin + axis.end;
  const std::size_t extent = (axis.size - 1) * axis.dilation + 1;
  return padded < extent ? 0 : (padded - extent) / axis.stride + 1;
}

Status not_of_layer(const LayerInput& input, std::span<const std::int64_t> dims) {
  return {error_code::kInvalidArgument, "Expected what a layer of " + std::to_string(input.channels) +
                                            " channels reads, but the tensor has the shape " + dims_text(dims)};
}

}  // namespace

InputProducts::InputProducts(const LayerInput& input)
    : input_(input),
      columns_(input.columns()),
      sums_(input.groups * columns_),
      products_(input.groups * triangle(columns_)) {}

Status InputProducts::add(const FloatElements& elements, std::span<const std::int64_t> dims, std::uint32_t picture,
                          const CancelToken* cancel) {
  const std::size_t rank = dims.size();
  if (rank < 2 || rank > 4 || static_cast<std::size_t>(dims[1]) != input_.channels ||
      element_count(dims) != elements.count) {
    return not_of_layer(input_, dims);
  }
  const std::array<std::size_t, 2> size{rank == 4 ? static_cast<std::size_t>(dims[2]) : 1,
                                        rank > 2 ? static_cast<std::size_t>(dims[rank - 1]) : 1};
  const std::array<std::size_t, 2> outputs{outputs_along(input_.axes[0], size[0]),
                                           outputs_along(input_.axes[1], size[1])};
  const auto places = places_of(static_cast<std::size_t>(dims[0]) * outputs[0] * outputs[1], picture);
  if (places.empty()) return {};
  if (places_ + places.size() > kMostPlaces) {
    return {error_code::kInvalidArgument,
            "Expected at most " + std::to_string(kMostPlaces) + " places of all pictures"};
  }
  stride_ = (places.size() + kVector - 1) / kVector * kVector;
  steps_.assign(columns_ * stride_, 0);
  Status status;
  for (std::size_t group = 0; group < input_.groups && status.ok(); ++group) {
    gather(elements, places, size, outputs, group);
    status = multiply(group, cancel);
  }
  places_ += places.size();
  steps_ = {};
  return status;
}

void InputProducts::gather(const FloatElements& elements, std::span<const std::size_t> places,
                           std::array<std::size_t, 2> size, std::array<std::size_t, 2> outputs, std::size_t group) {
  const auto& [rows, across] = input_.axes;
  const std::size_t channels = input_.channels / input_.groups;
  const auto at = [&elements](std::size_t i) {
    return elements.half ? half_to_float(static_cast<const std::uint16_t*>(elements.data)[i])
                         : static_cast<const float*>(elements.data)[i];
  };
  const auto low = static_cast<float>(input_.low - input_.zero_point);
  const auto high = static_cast<float>(input_.high - input_.zero_point);
  for (std::size_t column = 0; column < columns_; ++column) {
    const std::size_t under = column % (rows.size * across.size);
    const std::size_t down = under / across.size * rows.dilation;
    const std::size_t right = under % across.size * across.dilation;
    const std::size_t channel = group * channels + column / (rows.size * across.size);
    std::int16_t* steps = steps_.data() + column * stride_;
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
      const std::size_t place = places[i];
      const std::size_t batch = place / (outputs[0] * outputs[1]);
      // Above the size, too, where it lies before the beginning.
      const std::size_t y = place / outputs[1] % outputs[0] * rows.stride + down - rows.begin;
      const std::size_t x = place % outputs[1] * across.stride + right - across.begin;
      float step = 0;
      if (y < size[0] && x < size[1]) {
        const float value = at(((batch * input_.channels + channel) * size[0] + y) * size[1] + x);
        finite_ = finite_ && std::isfinite(value);
        step = std::isfinite(value) ? std::clamp(std::nearbyint(value / input_.scale), low, high) : 0;
      }
      steps[i] = static_cast<std::int16_t>(step);
      sum += steps[i];
    }
    sums_[group * columns_ + column] += sum;
  }
}

Status InputProducts::multiply(std::size_t group, const CancelToken* cancel) {
  std::int32_t* products = products_.data() + group * triangle(columns_);
  for (std::size_t first = 0; first < columns_; first += kRows) {
    if (cancel != nullptr && cancel->cancelled()) return aborted();
    const std::size_t rows = std::min(kRows, columns_ - first);
    // Of the last rows there may be fewer: one of them then stands for those that are not there.
    std::array<const std::int16_t*, kRows> left;
    for (std::size_t row = 0; row < kRows; ++row) {
      left[row] = steps_.data() + (first + std::min(row, rows - 1)) * stride_;
    }
    with_best_instructions([products, first, rows, left, steps = steps_.data(), stride = stride_]() FOVEATE_HOT {
      for (std::size_t column = 0; column < first + rows; ++column) {
        const std::int16_t* right = steps + column * stride;
        std::int32_t sums[kRows] = {};
        for (std::size_t i = 0; i < stride; ++i) {
          for (std::size_t row = 0; row < kRows; ++row) {
            sums[row] += static_cast<std::int32_t>(left[row][i]) * static_cast<std::int32_t>(right[i]);
          }
        }
        for (std::size_t row = column < first ? 0 : column - first; row < rows; ++row) {
          products[(first + row) * (first + row + 1) / 2 + column] += sums[row];
        }
      }
    });
  }
  return {};
}

double InputProducts::covariance(std::size_t group, std::size_t row, std::size_t column) const {
  if (places_ == 0) return 0;
  const std::int32_t* sums = sums_.data() + group * columns_;
  const auto product = static_cast<std::int64_t>(products_[group * triangle(columns_) + triangle(row) + column]);
  const auto count = static_cast<std::int64_t>(places_);
  const std::int64_t times = product * count - static_cast<std::int64_t>(sums[row]) * sums[column];
  return static_cast<double>(times) / static_cast<double>(count * count);
}

}  // namespace foveate
