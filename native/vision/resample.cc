#include "vision/resample.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include <opencv2/core/hal/intrin.hpp>

#include "core/instructions.h"
#include "vision/resample_axis.h"

namespace foveate {
namespace {

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

// So much may be read past the end of a row.
constexpr std::size_t kRowMargin = 16;

#if defined(__x86_64__)

// Which byte of a source each byte of a register is to be; kZero: 0.
struct Shuffle {
  static constexpr std::uint8_t kZero = 0x80;
  alignas(32) std::uint8_t bytes[32];
};

// Of four pixels: two to each half, as 16-bit numbers, a channel of both side by side.
template <int kChannels>
constexpr Shuffle kSpreadPixels = [] {
  Shuffle shuffle{};
  for (int i = 0; i < 32; ++i) {
    const int half = i / 16, channel = i % 16 / 4, neighbour = i % 4 / 2;
    const bool is_pixel = i % 2 == 0 && channel < kChannels;
    shuffle.bytes[i] =
        is_pixel ? static_cast<std::uint8_t>((2 * half + neighbour) * kChannels + channel) : Shuffle::kZero;
  }
  return shuffle;
}();

// Of two pairs of weights: the low parts, one pair to each half, the same for every channel.
constexpr Shuffle kSpreadWeights = [] {
  Shuffle shuffle{};
  for (int i = 0; i < 32; ++i)
    shuffle.bytes[i] = static_cast<std::uint8_t>(i / 16 * static_cast<int>(sizeof(WeightPair)) + i % 4);
  return shuffle;
}();

[[gnu::target("avx2")]] inline __m256i load_twice(const void* from) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(from)));
}

// Four neighbours at a time, two in each half of a register; `resample_row_baseline` gives the same to the bit.
template <int kChannels>
[[gnu::target("avx2")]] void resample_row_avx2(const std::uint8_t* row, const Axis& axis, std::uint8_t* output) {
  const __m256i spread = _mm256_load_si256(reinterpret_cast<const __m256i*>(kSpreadPixels<kChannels>.bytes));
  const __m256i low_weights = _mm256_load_si256(reinterpret_cast<const __m256i*>(kSpreadWeights.bytes));
  const __m256i high_weights = _mm256_add_epi8(low_weights, _mm256_set1_epi8(sizeof(WeightPair::low)));
  for (std::size_t x = 0; x < axis.spans.size(); ++x, output += kChannels) {
    const std::uint8_t* pixel = row + static_cast<std::ptrdiff_t>(axis.spans[x].first) * kChannels;
    const WeightPair* pair = axis.pairs_of(x);
    const WeightPair* end = pair + (axis.spans[x].count + 1) / 2;
    __m256i low = _mm256_setzero_si256();
    __m256i high = _mm256_setzero_si256();
    for (; pair < end; pair += 2, pixel += 4 * kChannels) {
      const __m256i pixels = _mm256_shuffle_epi8(load_twice(pixel), spread);
      const __m256i weights = load_twice(pair);
      low = _mm256_add_epi32(low, _mm256_madd_epi16(pixels, _mm256_shuffle_epi8(weights, low_weights)));
      high = _mm256_add_epi32(high, _mm256_madd_epi16(pixels, _mm256_shuffle_epi8(weights, high_weights)));
    }
    const __m256i sums = _mm256_add_epi32(low, _mm256_slli_epi32(high, kLowBits));
    const __m128i sum = _mm_add_epi32(_mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1)),
                                      _mm_set1_epi32(kHalf));
    const __m128i words = _mm_packs_epi32(_mm_srai_epi32(sum, kWeightBits), _mm_setzero_si128());
    const std::int32_t pixels = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    std::memcpy(output, &pixels, kChannels);
  }
}

#endif

// One row of pixels of 3 or 4 channels; a pixel's channels share a register. With 3 channels the fourth lane is idle.
// `row` is readable for a pixel and one byte past its end.
template <int kChannels>
void resample_row_baseline(const std::uint8_t* row, const Axis& axis, std::uint8_t* output) {
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

// `row` is readable for kRowMargin past its end.
template <int kChannels>
void resample_row_interleaved(const std::uint8_t* row, const Axis& axis, std::uint8_t* output) {
#if defined(__x86_64__)
  if (best_instructions() >= Instructions::kAvx2) return resample_row_avx2<kChannels>(row, axis, output);
#endif
  resample_row_baseline<kChannels>(row, axis, output);
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
  scratch.row.resize(bytes + kRowMargin);
  for (int y = first_row; y < last_row; ++y, output += output_bytes) {
    const std::uint8_t* row = source.data + static_cast<std::size_t>(y) * source.stride;
    const bool readable_past_end = y + 1 < source.height && bytes >= kRowMargin;  // into the next row
    if (!readable_past_end) row = std::copy_n(row, bytes, scratch.row.data()) - bytes;
    switch (channels) {
      case 1:
        resample_row_grey(row, scratch.columns, output);
        break;
      case 3:
        resample_row_interleaved<3>(row, scratch.columns, output);
        break;
      default:
        resample_row_interleaved<4>(row, scratch.columns, output);
        break;
    }
  }
}

void resample_nearest(const PictureView& source, const Origin& origin, int width, int height, const Region& window,
                      std::uint8_t* output) {
  const std::vector<int> columns = plan_nearest({origin.whole.width, origin.left, width, window.left, window.width});
  const std::vector<int> rows = plan_nearest({origin.whole.height, origin.top, height, window.top, window.height});
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

Region resampled_from(PictureSize whole, Interpolation interpolation, int width, int height, const Region& window) {
  const Span columns = source_span({whole.width, 0, width, window.left, window.width}, interpolation);
  const Span rows = source_span({whole.height, 0, height, window.top, window.height}, interpolation);
  return {columns.first, rows.first, columns.count, rows.count};
}

void resample(const PictureView& source, const Origin& origin, Interpolation interpolation, int width, int height,
              const Region& window, std::uint8_t* output) {
  if (interpolation == Interpolation::kNearest) {
    resample_nearest(source, origin, width, height, window, output);
    return;
  }
  thread_local Scratch scratch;
  plan_axis({origin.whole.width, origin.left, width, window.left, window.width}, interpolation, scratch.columns);
  plan_axis({origin.whole.height, origin.top, height, window.top, window.height}, interpolation, scratch.rows);
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
