#include "calibration/histogram.h"

#include <cmath>
#include <memory>

#include "calibration/float_tiles.h"

namespace foveate {
namespace {

constexpr std::uint32_t kMask = Histogram::kMaxBins - 1;
// Numbers of bins stay below 2^24, where they are exact as float32; bins narrower than the elements' own steps would
// tell nothing.
constexpr std::int32_t kMantissaBits = 23;
constexpr std::int32_t kLeastExponent = -126;
// Fewer elements than this are counted where they belong: clearing and adding up the partial counts would take longer.
constexpr std::size_t kFewElements = 4 * Histogram::kMaxBins;
constexpr std::size_t kPartials = 4;
// After so many elements no partial count can have wrapped.
constexpr std::size_t kFlushAfter = std::size_t{1} << 30;

std::int32_t bin_of(float value, std::int32_t exponent) {
  return static_cast<std::int32_t>(std::floor(std::ldexp(static_cast<double>(value), -exponent)));
}

std::int32_t exponent_for(float min, float max) {
  const float magnitude = std::max(std::abs(min), std::abs(max));
  std::int32_t exponent =
      magnitude > 0 ? std::max(std::ilogb(magnitude) - kMantissaBits, kLeastExponent) : kLeastExponent;
  while (bin_of(max, exponent) - bin_of(min, exponent) >= Histogram::kMaxBins) ++exponent;
  return exponent;
}

// The place of each value's bin in the ring. Multiplying by a power of two and rounding towards zero could only go
// wrong for negative values: the comparison, which is exact, puts right those that rounding took up to the next bin.
void find_places(const float* values, std::size_t count, std::int32_t exponent, std::uint16_t* places) {
  const float width = std::ldexp(1.0F, exponent);
  const float factor = std::ldexp(1.0F, -exponent);
  with_best_instructions([=]() FOVEATE_HOT {
    for (std::size_t i = 0; i < count; ++i) {
      const auto towards_zero = static_cast<std::int32_t>(values[i] * factor);
      const std::int32_t bin =
          towards_zero - static_cast<std::int32_t>(static_cast<float>(towards_zero) * width > values[i]);
      places[i] = static_cast<std::uint16_t>(static_cast<std::uint32_t>(bin) & kMask);
    }
  });
}

// Counts of several kinds side by side, so that one value many times in a row (the zeros of a ReLU) does not wait for
// its own last increment.
class PartialCounts {
 public:
  void add(const std::uint16_t* places, std::size_t count) {
    std::uint32_t* counts = counts_.data();
    std::size_t i = 0;
    for (; i + kPartials <= count; i += kPartials) {
      ++counts[places[i] * kPartials];
      ++counts[places[i + 1] * kPartials + 1];
      ++counts[places[i + 2] * kPartials + 2];
      ++counts[places[i + 3] * kPartials + 3];
    }
    for (; i < count; ++i) ++counts[places[i] * kPartials];
    added_ += count;
  }

  // Moves what was counted to the bins from `first` to `last`, which hold all of it.
  void flush(std::vector<std::uint64_t>& ring, std::int32_t first, std::int32_t last) {
    for (std::int32_t bin = first; bin <= last; ++bin) {
      const std::size_t place = static_cast<std::uint32_t>(bin) & kMask;
      for (std::size_t i = 0; i < kPartials; ++i) {
        ring[place] += counts_[place * kPartials + i];
        counts_[place * kPartials + i] = 0;
      }
    }
    added_ = 0;
  }

  std::size_t added() const { return added_; }

 private:
  std::vector<std::uint32_t> counts_ = std::vector<std::uint32_t>(kPartials * Histogram::kMaxBins);
  std::size_t added_ = 0;
};

}  // namespace

Histogram::Added Histogram::add(const FloatElements& elements) {
  Added added;
  FloatTiles tiles(elements);
  std::unique_ptr<PartialCounts> partials;
  if (elements.count >= kFewElements) partials = std::make_unique<PartialCounts>();
  const auto flush = [&] {
    if (partials && partials->added() > 0) partials->flush(ring_, bin_of(min_, exponent_), bin_of(max_, exponent_));
  };
  alignas(64) std::array<std::uint16_t, kTile> places;
  alignas(64) std::array<float, kTile> finite_values;
  for (std::size_t begin = 0; begin < elements.count; begin += kTile) {
    std::size_t count = std::min(kTile, elements.count - begin);
    const float* values = tiles.at(begin, count);
    KeyRange range = key_range(values, count);
    if (!range.finite()) {
      const std::size_t kept = keep_finite(values, count, finite_values.data());
      added.non_finite += count - kept;
      if (kept == 0) continue;
      values = finite_values.data();
      count = kept;
      range = key_range(values, count);
    }
    const float min = float_of_key(range.least);
    const float max = float_of_key(range.greatest);
    added.min = added.finite == 0 ? min : std::min(added.min, min);
    added.max = added.finite == 0 ? max : std::max(added.max, max);
    added.finite += count;
    if (finite_ == 0 || min < min_ || max > max_) {
      flush();
      widen(min, max);
    }
    finite_ += count;
    find_places(values, count, exponent_, places.data());
    if (!partials) {
      for (std::size_t i = 0; i < count; ++i) ++ring_[places[i]];
      continue;
    }
    partials->add(places.data(), count);
    if (partials->added() >= kFlushAfter) flush();
  }
  flush();
  non_finite_ += added.non_finite;
  return added;
}

void Histogram::widen(float min, float max) {
  if (finite_ == 0) {
    ring_.assign(kMaxBins, 0);
    min_ = min;
    max_ = max;
    exponent_ = exponent_for(min, max);
    return;
  }
  const float least = std::min(min_, min);
  const float greatest = std::max(max_, max);
  const std::int32_t exponent = exponent_for(least, greatest);
  if (exponent > exponent_) {
    std::vector<std::uint64_t> ring(kMaxBins);
    const std::int32_t shift = std::min(exponent - exponent_, 31);
    const std::int32_t last = bin_of(max_, exponent_);
    for (std::int32_t bin = first(); bin <= last; ++bin) {
      ring[static_cast<std::uint32_t>(bin >> shift) & kMask] += ring_[static_cast<std::uint32_t>(bin) & kMask];
    }
    ring_ = std::move(ring);
    exponent_ = exponent;
  }
  min_ = least;
  max_ = greatest;
}

void Histogram::merge(const Histogram& other) {
  non_finite_ += other.non_finite_;
  if (other.finite_ == 0) return;
  widen(other.min_, other.max_);
  finite_ += other.finite_;
  const std::int32_t shift = std::min(exponent_ - other.exponent_, 31);
  const std::int32_t last = bin_of(other.max_, other.exponent_);
  for (std::int32_t bin = other.first(); bin <= last; ++bin) {
    ring_[static_cast<std::uint32_t>(bin >> shift) & kMask] += other.ring_[static_cast<std::uint32_t>(bin) & kMask];
  }
}

bool Histogram::restore(std::uint64_t non_finite, float min, float max, std::int32_t exponent, std::int32_t first,
                        std::span<const std::uint64_t> counts, Histogram& result) {
  result = {};
  result.non_finite_ = non_finite;
  if (counts.empty()) return true;
  if (!std::isfinite(min) || !std::isfinite(max) || min > max || exponent != exponent_for(min, max)) return false;
  const std::int32_t bins = bin_of(max, exponent) - bin_of(min, exponent) + 1;
  if (first != bin_of(min, exponent) || counts.size() != static_cast<std::size_t>(bins)) return false;
  if (counts.front() == 0 || counts.back() == 0) return false;
  result.widen(min + 0.0F, max + 0.0F);
  for (std::int32_t i = 0; i < bins; ++i) {
    const std::uint64_t count = counts[static_cast<std::size_t>(i)];
    result.ring_[static_cast<std::uint32_t>(first + i) & kMask] = count;
    result.finite_ += count;
  }
  return true;
}

std::int32_t Histogram::first() const { return finite_ == 0 ? 0 : bin_of(min_, exponent_); }

std::vector<std::uint64_t> Histogram::counts() const {
  std::vector<std::uint64_t> counts;
  if (finite_ == 0) return counts;
  const std::int32_t last = bin_of(max_, exponent_);
  for (std::int32_t bin = first(); bin <= last; ++bin) counts.push_back(ring_[static_cast<std::uint32_t>(bin) & kMask]);
  return counts;
}

}  // namespace foveate
