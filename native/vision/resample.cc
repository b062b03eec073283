#include "vision/resample.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <numbers>
#include <vector>

#include <opencv2/core/hal/intrin.hpp>

namespace foveate {
namespace {

// Weights are fixed-point numbers with this many fraction bits: 32, less 8 for a pixel, less 2 for the overshoot of
// negative lobes.
constexpr int kWeightBits = 32 - 8 - 2;
constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);

// Processors multiply 16-bit pairs, and add the two products, in one instruction, but a weight has 24 bits. So a weight
// is kept as high * 2^kLowBits + low, both of which fit. The two sums may wrap around; put together they are exact.
constexpr int kLowBits = 11;

struct WeightPair {  // of two neighbouring source pixels
  std::int16_t low[2];
  std::int16_t high[2];
};

// For each output pixel of a window along one axis: which source pixels make it up, and how much each counts.
struct Axis {
  struct Span {
    int first;
    int count;
  };

  std::vector<Span> spans;
  std::size_t max_count = 0;
  std::vector<std::int32_t> weights;  // max_count for each span
  std::size_t max_pairs = 0;
  std::vector<WeightPair> pairs;  // the same weights, max_pairs for each span; an odd one is paired with 0

  const std::int32_t* weights_of(std::size_t index) const { return &weights[index * max_count]; }
  const WeightPair* pairs_of(std::size_t index) const { return &pairs[index * max_pairs]; }
};

double triangle(double x) {
  x = std::fabs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

// Keys' cubic convolution with a = -0.5.
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::fabs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos(double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

// How much a source pixel counts by its distance, and up to which one, both in pixels of the smaller of the two sizes.
struct Filter {
  double (*weight)(double distance);
  double support;
};

Filter filter_of(Interpolation interpolation) {
  if (interpolation == Interpolation::kLanczosAntialias) return {lanczos, 3.0};
  if (interpolation == Interpolation::kBicubicAntialias) return {cubic, 2.0};
  return {triangle, 1.0};
}

std::int32_t to_fixed(double weight) {
  const double scaled = weight * (1 << kWeightBits);
  return static_cast<std::int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

// The order of the floating point operations is Pillow's, so that the weights are.
void plan_axis(int source_size, int size, int window_first, int window_size, Interpolation interpolation, Axis& axis) {
  const Filter filter = filter_of(interpolation);
  const double scale = static_cast<double>(source_size) / size;
  const double filter_scale = std::max(scale, 1.0);
  const double inverse_filter_scale = 1.0 / filter_scale;
  const double support = filter.support * filter_scale;

  const auto outputs = static_cast<std::size_t>(window_size);
  axis.max_count = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  axis.max_pairs = (axis.max_count + 1) / 2;
  axis.spans.resize(outputs);
  axis.weights.assign(outputs * axis.max_count, 0);
  axis.pairs.assign(outputs * axis.max_pairs, WeightPair{});

  std::vector<double> exact(axis.max_count);
  for (std::size_t i = 0; i < outputs; ++i) {
    const double center = (window_first + static_cast<int>(i) + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int count = std::min(static_cast<int>(center + support + 0.5), source_size) - first;
    double sum = 0.0;
    for (int k = 0; k < count; ++k) {
      const double distance = (k + first - center + 0.5) * inverse_filter_scale;
      const double weight = filter.weight(distance);
      exact[static_cast<std::size_t>(k)] = weight;
      sum += weight;
    }
    axis.spans[i] = {first, count};
    for (std::size_t k = 0; k < static_cast<std::size_t>(count); ++k) {
      const std::int32_t weight = to_fixed(sum != 0.0 ? exact[k] / sum : exact[k]);
      axis.weights[i * axis.max_count + k] = weight;
      WeightPair& pair = axis.pairs[i * axis.max_pairs + k / 2];
      pair.low[k % 2] = static_cast<std::int16_t>(weight & ((1 << kLowBits) - 1));
      pair.high[k % 2] = static_cast<std::int16_t>(weight >> kLowBits);
    }
  }
}

std::uint8_t to_pixel(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255)); }

// Both numbers of a pair in every 32-bit lane.
cv::v_int16x8 broadcast(const std::int16_t (&numbers)[2]) {
  std::int32_t both;
  std::memcpy(&both, numbers, sizeof both);
  return cv::v_reinterpret_as_s16(cv::v_setall_s32(both));
}

// Four sums over pairs of pixels.
struct Sums {
  cv::v_int32x4 low = cv::v_setall_s32(kHalf);
  cv::v_int32x4 high = cv::v_setzero_s32();

  // In each 32-bit lane of `pixels`: two neighbours, as 16-bit numbers.
  void add(const cv::v_int16x8& pixels, const cv::v_int16x8& low_weights, const cv::v_int16x8& high_weights) {
    low = cv::v_add(low, cv::v_dotprod(pixels, low_weights));
    high = cv::v_add(high, cv::v_dotprod(pixels, high_weights));
  }

  cv::v_int32x4 pixels() const { return cv::v_shr<kWeightBits>(cv::v_add(low, cv::v_shl<kLowBits>(high))); }
};

// One row of pixels of 3 or 4 channels; a pixel's channels share a register. With 3 channels the fourth lane is idle.
// `row` is readable for a pixel and one byte past its end.
template <int kChannels>
void resample_row_interleaved(const std::uint8_t* row, const Axis& axis, std::uint8_t* output) {
  for (std::size_t x = 0; x < axis.spans.size(); ++x, output += kChannels) {
    const std::uint8_t* pixel = row + static_cast<std::ptrdiff_t>(axis.spans[x].first) * kChannels;
    const WeightPair* pair = axis.pairs_of(x);
    const WeightPair* end = pair + (axis.spans[x].count + 1) / 2;
    Sums sums;
    for (; pair < end; ++pair, pixel += 2 * kChannels) {
      const cv::v_uint32x4 first = cv::v_load_expand_q(pixel);
      const cv::v_uint32x4 second = cv::v_load_expand_q(pixel + kChannels);
      sums.add(cv::v_reinterpret_as_s16(cv::v_or(first, cv::v_shl<16>(second))), broadcast(pair->low),
               broadcast(pair->high));
    }
    const cv::v_int16x8 packed = cv::v_pack(sums.pixels(), sums.pixels());
    std::uint8_t pixels[16];
    cv::v_store(pixels, cv::v_pack_u(packed, packed));
    std::memcpy(output, pixels, kChannels);
  }
}

void resample_row_grey(const std::uint8_t* row, const Axis& axis, std::uint8_t* output) {
  for (std::size_t x = 0; x < axis.spans.size(); ++x) {
    const std::uint8_t* pixel = row + axis.spans[x].first;
    const std::int32_t* weights = axis.weights_of(x);
    std::int32_t sum = kHalf;
    for (int k = 0; k < axis.spans[x].count; ++k) sum += weights[k] * pixel[k];
    output[x] = to_pixel(sum);
  }
}

// Output row `y` from rows of `bytes` bytes, of which `rows` is number `first_row` of the source.
void resample_column(const std::uint8_t* rows, int first_row, std::size_t bytes, const Axis& axis, std::size_t y,
                     std::uint8_t* output) {
  const auto count = static_cast<std::size_t>(axis.spans[y].count);
  const std::uint8_t* top = rows + static_cast<std::size_t>(axis.spans[y].first - first_row) * bytes;
  const WeightPair* pairs = axis.pairs_of(y);
  constexpr std::size_t kStep = 16;
  std::size_t i = 0;
  for (; i + kStep <= bytes; i += kStep) {
    Sums sums[4];
    for (std::size_t k = 0; k < count; k += 2) {
      const cv::v_uint8x16 first = cv::v_load(top + k * bytes + i);
      const cv::v_uint8x16 second = cv::v_load(top + std::min(k + 1, count - 1) * bytes + i);
      const cv::v_int16x8 low = broadcast(pairs[k / 2].low);
      const cv::v_int16x8 high = broadcast(pairs[k / 2].high);
      cv::v_uint8x16 halves[2];
      cv::v_zip(first, second, halves[0], halves[1]);
      for (std::size_t half = 0; half < 2; ++half) {
        cv::v_uint16x8 left, right;
        cv::v_expand(halves[half], left, right);
        sums[half * 2].add(cv::v_reinterpret_as_s16(left), low, high);
        sums[half * 2 + 1].add(cv::v_reinterpret_as_s16(right), low, high);
      }
    }
    cv::v_store(output + i, cv::v_pack_u(cv::v_pack(sums[0].pixels(), sums[1].pixels()),
                                         cv::v_pack(sums[2].pixels(), sums[3].pixels())));
  }
  const std::int32_t* weights = axis.weights_of(y);
  for (; i < bytes; ++i) {
    std::int32_t sum = kHalf;
    for (std::size_t k = 0; k < count; ++k) sum += weights[k] * top[k * bytes + i];
    output[i] = to_pixel(sum);
  }
}

// Owned by its thread, grown to the largest picture that the thread has met.
struct Scratch {
  Axis columns;
  Axis rows;
  std::vector<std::uint8_t> row;     // one source row, readable past its end
  std::vector<std::uint8_t> narrow;  // source rows at the output's width
};

void resample_rows(const PictureView& source, int first_row, int last_row, std::size_t output_bytes, Scratch& scratch,
                   std::uint8_t* output) {
  const int channels = pixel_channels(source.format);
  const std::size_t bytes = static_cast<std::size_t>(source.width) * static_cast<std::size_t>(channels);
  scratch.row.resize(bytes + 8);
  for (int y = first_row; y < last_row; ++y, output += output_bytes) {
    std::memcpy(scratch.row.data(), source.data + static_cast<std::size_t>(y) * source.stride, bytes);
    switch (channels) {
      case 1:
        resample_row_grey(scratch.row.data(), scratch.columns, output);
        break;
      case 3:
        resample_row_interleaved<3>(scratch.row.data(), scratch.columns, output);
        break;
      default:
        resample_row_interleaved<4>(scratch.row.data(), scratch.columns, output);
        break;
    }
  }
}

// For each output pixel of a window along one axis: the source pixel that it shows. The centre is found by adding up
// steps from the first pixel on, as Pillow does: a product could round to the other side of a border between pixels.
void plan_nearest(int source_size, int size, int window_first, int window_size, std::vector<int>& shown) {
  const double step = static_cast<double>(source_size) / size;
  shown.resize(static_cast<std::size_t>(window_size));
  double center = step * 0.5;
  for (int i = 0; i < window_first + window_size; ++i, center += step) {
    if (i < window_first) continue;
    shown[static_cast<std::size_t>(i - window_first)] = std::min(static_cast<int>(center), source_size - 1);
  }
}

void resample_nearest(const PictureView& source, int width, int height, const Window& window, std::uint8_t* output) {
  thread_local std::vector<int> columns, rows;
  plan_nearest(source.width, width, window.left, window.width, columns);
  plan_nearest(source.height, height, window.top, window.height, rows);
  const auto channels = static_cast<std::size_t>(pixel_channels(source.format));
  for (const int y : rows) {
    const std::uint8_t* row = source.data + static_cast<std::size_t>(y) * source.stride;
    for (const int x : columns) {
      const std::uint8_t* pixel = row + static_cast<std::size_t>(x) * channels;
      for (std::size_t c = 0; c < channels; ++c) *output++ = pixel[c];
    }
  }
}

}  // namespace

void resample(const PictureView& source, Interpolation interpolation, int width, int height, const Window& window,
              std::uint8_t* output) {
  if (interpolation == Interpolation::kNearest) {
    resample_nearest(source, width, height, window, output);
    return;
  }
  thread_local Scratch scratch;
  plan_axis(source.width, width, window.left, window.width, interpolation, scratch.columns);
  plan_axis(source.height, height, window.top, window.height, interpolation, scratch.rows);
  const auto& spans = scratch.rows.spans;
  const std::size_t bytes =
      static_cast<std::size_t>(window.width) * static_cast<std::size_t>(pixel_channels(source.format));

  // Strip by strip, so that a tall picture asks for no more memory than a strip does. Rows that two strips share are
  // made twice.
  constexpr std::size_t kStripBytes = std::size_t{8} << 20;
  for (std::size_t begin = 0; begin < spans.size();) {
    const int first_row = spans[begin].first;
    const auto rows_until = [&](std::size_t y) {
      return static_cast<std::size_t>(spans[y].first + spans[y].count - first_row);
    };
    std::size_t end = begin + 1;
    while (end < spans.size() && rows_until(end) * bytes <= kStripBytes) ++end;
    const std::size_t rows = rows_until(end - 1);
    scratch.narrow.resize(rows * bytes);
    resample_rows(source, first_row, first_row + static_cast<int>(rows), bytes, scratch, scratch.narrow.data());
    for (std::size_t y = begin; y < end; ++y) {
      resample_column(scratch.narrow.data(), first_row, bytes, scratch.rows, y, output + y * bytes);
    }
    begin = end;
  }
}

}  // namespace foveate
