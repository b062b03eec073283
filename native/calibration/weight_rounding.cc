#include "calibration/weight_rounding.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "core/instructions.h"

namespace foveate {
namespace {

constexpr double kGreatest = 127;
// A part of the mean variance is added to that of each column: columns that hardly vary in a few pictures would take
// errors of any size.
constexpr double kDamping = 0.01;
// Rows that are factorised at once, columns of them that stay in the nearest cache, rows that are subtracted at once.
constexpr std::size_t kBlock = 64;
constexpr std::size_t kTile = 256;
constexpr std::size_t kAtOnce = 8;
// Outputs that are rounded at once.
constexpr std::size_t kOutputs = 16;

// Rows of a matrix, each from its diagonal on.
class UpperMatrix {
 public:
  explicit UpperMatrix(std::size_t size) : size_(size), elements_(size * (size + 1) / 2) {}

  std::size_t size() const { return size_; }
  // Indexed by the column, from `i` on.
  double* row(std::size_t i) { return elements_.data() + i * size_ - i * (i + 1) / 2; }
  const double* row(std::size_t i) const { return elements_.data() + i * size_ - i * (i + 1) / 2; }

 private:
  std::size_t size_;
  std::vector<double> elements_;
};

// Takes from columns [begin, end) of row `target` what kAtOnce rows above it, from `first` on, make of it. Each product
// is rounded before it is added: no machine may do both in one.
void subtract_rows(UpperMatrix& matrix, std::size_t target, std::size_t first, std::size_t begin, std::size_t end) {
  double factors[kAtOnce];
  const double* rows[kAtOnce];
  for (std::size_t k = 0; k < kAtOnce; ++k) {
    rows[k] = matrix.row(first + k);
    factors[k] = rows[k][target];
  }
  with_best_instructions([&factors, &rows, into = matrix.row(target), begin, end]() FOVEATE_HOT {
    double factor[kAtOnce];
    const double* row[kAtOnce];
    for (std::size_t k = 0; k < kAtOnce; ++k) {
      factor[k] = factors[k];
      row[k] = rows[k];
    }
    for (std::size_t j = begin; j < end; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < kAtOnce; ++k) {
        const double product = factor[k] * row[k][j];
        sum += product;
      }
      into[j] -= sum;
    }
  });
}

bool is_cancelled(const CancelToken* cancel) { return cancel != nullptr && cancel->cancelled(); }

// A symmetric matrix as U^T U, in its place; false where it is not positive definite, and where it was cancelled.
bool factorize(UpperMatrix& matrix, const CancelToken* cancel) {
  const std::size_t size = matrix.size();
  for (std::size_t first = 0; first < size; first += kBlock) {
    if (is_cancelled(cancel)) return false;
    const std::size_t last = std::min(size, first + kBlock);
    for (std::size_t tile = first; tile < size; tile += kTile) {
      const std::size_t end = std::min(size, tile + kTile);
      for (std::size_t above = 0; above < first; above += kAtOnce) {
        for (std::size_t i = first; i < last; ++i) {
          subtract_rows(matrix, i, above, std::max(i, tile), end);
        }
      }
    }
    for (std::size_t i = first; i < last; ++i) {
      double* row = matrix.row(i);
      for (std::size_t above = first; above < i; ++above) {
        const double* other = matrix.row(above);
        for (std::size_t j = i; j < size; ++j) {
          const double product = other[i] * other[j];
          row[j] -= product;
        }
      }
      if (!(row[i] > 0 && std::isfinite(row[i]))) return false;
      const double pivot = std::sqrt(row[i]);
      for (std::size_t j = i; j < size; ++j) row[j] /= pivot;
    }
  }
  return true;
}

// The columns of a group, and the factor of how they vary together, in ascending order of how much they do.
struct Columns {
  std::vector<std::size_t> order;
  UpperMatrix factor;
};

double covariance(std::span<const RoundedInput> inputs, std::size_t group, std::size_t row, std::size_t column) {
  double sum = 0;
  for (const RoundedInput& input : inputs) {
    // Rounded before it is added, as in subtract_rows.
    const double product = input.square * input.products->covariance(group, row, column);
    sum += product;
  }
  return sum;
}

std::optional<Columns> columns_of(std::span<const RoundedInput> inputs, std::size_t group, std::size_t count,
                                  const CancelToken* cancel) {
  Columns columns{std::vector<std::size_t>(count), UpperMatrix(count)};
  std::vector<double> diagonal(count);
  for (std::size_t i = 0; i < count; ++i) diagonal[i] = covariance(inputs, group, i, i);
  std::iota(columns.order.begin(), columns.order.end(), std::size_t{0});
  std::stable_sort(columns.order.begin(), columns.order.end(),
                   [&diagonal](std::size_t a, std::size_t b) { return diagonal[a] > diagonal[b]; });
  std::reverse(columns.order.begin(), columns.order.end());
  const double mean = std::accumulate(diagonal.begin(), diagonal.end(), 0.0) / static_cast<double>(count);
  // Where nothing varies, each weight is rounded by itself.
  const double damping = mean > 0 ? kDamping * mean : 1;
  for (std::size_t i = 0; i < count; ++i) {
    double* row = columns.factor.row(i);
    const std::size_t own = columns.order[i];
    for (std::size_t j = i; j < count; ++j) {
      const std::size_t other = columns.order[j];
      row[j] = covariance(inputs, group, std::max(own, other), std::min(own, other));
    }
    row[i] += damping;
  }
  if (!factorize(columns.factor, cancel)) return std::nullopt;
  return columns;
}

/*
 * With the covariance H = U^T U, an output's errors e make a noise of |U e|^2: rows from r on can all be made 0 by the
 * columns up to r, whatever the errors of those after it, so that U_rr e_r = - sum over t > r of U_rt e_t is best for
 * column r. That is what "GPTQ" finds by the inverse of H, without one.
 */
class OutputRounding {
 public:
  explicit OutputRounding(const Columns& columns) : columns_(columns), errors_(columns.order.size() * kOutputs) {}

  void round(std::span<const float> weights, const WeightsLayout& layout, std::span<const float> scales,
             std::size_t first, std::size_t count, std::span<std::int8_t> integers) {
    const std::size_t size = columns_.order.size();
    for (std::size_t r = size; r-- > 0;) {
      const double* row = columns_.factor.row(r);
      double sums[kOutputs] = {};
      with_best_instructions([row, r, size, errors = errors_.data(), &sums]() FOVEATE_HOT {
        double sum[kOutputs] = {};
        for (std::size_t t = r + 1; t < size; ++t) {
          for (std::size_t output = 0; output < kOutputs; ++output) {
            const double product = row[t] * errors[t * kOutputs + output];
            sum[output] += product;
          }
        }
        for (std::size_t output = 0; output < kOutputs; ++output) sums[output] = sum[output];
      });
      for (std::size_t output = 0; output < count; ++output) {
        const std::size_t at = (first + output) * layout.output_stride + columns_.order[r] * layout.column_stride;
        const double weight = weights[at];
        const double scale = scales[first + output];
        const double wanted = (weight + sums[output] / row[r]) / scale;
        // One that was pruned is to stay so, whatever it could make good.
        const double integer = weight == 0 ? 0 : std::clamp(std::nearbyint(wanted), -kGreatest, kGreatest);
        integers[at] = static_cast<std::int8_t>(integer);
        errors_[r * kOutputs + output] = weight - integer * scale;
      }
    }
  }

 private:
  const Columns& columns_;
  std::vector<double> errors_;  // of each column, for each output
};

}  // namespace

Result<std::vector<std::int8_t>> round_weights(std::span<const float> weights, const WeightsLayout& layout,
                                               std::span<const float> scales, std::span<const RoundedInput> inputs,
                                               const CancelToken* cancel) {
  for (const float weight : weights) {
    if (!std::isfinite(weight)) {
      return Status(error_code::kInvalidArgument, "Expected finite weights, but there is NaN or infinity");
    }
  }
  for (const float scale : scales) {
    if (!(scale > 0 && std::isfinite(scale))) {
      return Status(error_code::kInvalidArgument, "Expected scales above 0, but one is " + std::to_string(scale));
    }
  }
  const bool tells = std::all_of(inputs.begin(), inputs.end(), [](const RoundedInput& input) {
    return input.products->finite() && input.products->places() > 0;
  });
  if (inputs.empty() || !tells) return std::vector<std::int8_t>{};
  std::vector<std::int8_t> integers(weights.size());
  const std::size_t groups = inputs.front().products->input().groups;
  for (std::size_t group = 0; group < groups; ++group) {
    const auto columns = columns_of(inputs, group, layout.columns, cancel);
    if (is_cancelled(cancel)) return aborted();
    if (!columns) return std::vector<std::int8_t>{};
    OutputRounding rounding(*columns);
    const std::size_t last = (group + 1) * layout.outputs / groups;
    for (std::size_t output = group * layout.outputs / groups; output < last; output += kOutputs) {
      if (is_cancelled(cancel)) return aborted();
      rounding.round(weights, layout, scales, output, std::min(kOutputs, last - output), integers);
    }
  }
  return integers;
}

}  // namespace foveate
