#include "calibration/channel_sums.h"

#include <array>

#include "calibration/float_tiles.h"

namespace foveate {
namespace {

// Sums are kept apart by the place of an element modulo this, whatever the width of the machine's vectors, so that no
// result depends on it.
constexpr std::size_t kWays = 16;
using WaySums = std::array<double, kWays>;

double total(const WaySums& sums) {
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

// Finite values, contiguous.
void add_values(const float* values, std::size_t count, const KeyRange& range, ChannelTotals& totals) {
  WaySums sums{};
  WaySums squares{};
  with_best_instructions([values, count, &sums, &squares]() FOVEATE_HOT {
    double sum[kWays] = {};
    double square[kWays] = {};
    std::size_t i = 0;
    for (; i + kWays <= count; i += kWays) {
      for (std::size_t way = 0; way < kWays; ++way) {
        const double value = values[i + way];
        sum[way] += value;
        square[way] += value * value;  // exact before it is added
      }
    }
    for (std::size_t way = 0; i < count; ++i, ++way) {
      const double value = values[i];
      sum[way] += value;
      square[way] += value * value;
    }
    for (std::size_t way = 0; way < kWays; ++way) {
      sums[way] = sum[way];
      squares[way] = square[way];
    }
  });
  ChannelTotals part{count, float_of_key(range.least), float_of_key(range.greatest), {}, {}};
  part.sum.add(total(sums));
  part.square.add(total(squares));
  totals.add(part);
}

void add_run(FloatTiles& tiles, std::size_t begin, std::size_t count, ChannelTotals& totals) {
  std::array<float, kTile> kept;
  for (const std::size_t end = begin + count; begin < end; begin += kTile) {
    std::size_t size = std::min(kTile, end - begin);
    const float* values = tiles.at(begin, size);
    KeyRange range = key_range(values, size);
    if (!range.finite()) {
      size = keep_finite(values, size, kept.data());
      if (size == 0) continue;
      values = kept.data();
      range = key_range(values, size);
    }
    add_values(values, size, range, totals);
  }
}

// Channels side by side, as in the output of a matrix product: each element belongs to another one.
class AdjacentChannels {
 public:
  explicit AdjacentChannels(std::size_t channels)
      : counts_(channels),
        least_(channels, KeyRange{}.least),
        greatest_(channels, KeyRange{}.greatest),
        sums_(channels),
        squares_(channels) {}

  void add(const float* values, std::size_t first, std::size_t count) {
    if (!key_range(values, count).finite()) return add_some(values, first, count);
    with_best_instructions([values, count, counts = counts_.data() + first, least = least_.data() + first,
                            greatest = greatest_.data() + first, sums = sums_.data() + first,
                            squares = squares_.data() + first]() FOVEATE_HOT {
      for (std::size_t i = 0; i < count; ++i) {
        const std::int32_t key = float_key(values[i]);
        least[i] = key < least[i] ? key : least[i];
        greatest[i] = key > greatest[i] ? key : greatest[i];
      }
      for (std::size_t i = 0; i < count; ++i) {
        const double value = values[i];
        ++counts[i];
        sums[i] += value;
        squares[i] += value * value;
      }
    });
  }

  void add_to(std::span<ChannelTotals> totals) const {
    for (std::size_t i = 0; i < totals.size(); ++i) {
      if (counts_[i] == 0) continue;
      ChannelTotals part{counts_[i], float_of_key(least_[i]), float_of_key(greatest_[i]), {}, {}};
      part.sum.add(sums_[i]);
      part.square.add(squares_[i]);
      totals[i].add(part);
    }
  }

 private:
  void add_some(const float* values, std::size_t first, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      float kept = 0;
      if (keep_finite(values + i, 1, &kept) == 1) add(&kept, first + i, 1);
    }
  }

  std::vector<std::uint64_t> counts_;
  std::vector<std::int32_t> least_;
  std::vector<std::int32_t> greatest_;
  std::vector<double> sums_;
  std::vector<double> squares_;
};

}  // namespace

void ChannelTotals::add(const ChannelTotals& other) {
  if (other.count == 0) return;
  min = count == 0 ? other.min : std::min(min, other.min);
  max = count == 0 ? other.max : std::max(max, other.max);
  count += other.count;
  sum.add(other.sum);
  square.add(other.square);
}

AxisLayout AxisLayout::of(std::span<const std::int64_t> dims, std::size_t axis) {
  AxisLayout layout;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    (i < axis ? layout.outer : i > axis ? layout.inner : layout.channels) *= static_cast<std::size_t>(dims[i]);
  }
  return layout;
}

void add_channels(const FloatElements& elements, const AxisLayout& layout, std::span<ChannelTotals> totals) {
  FloatTiles tiles(elements);
  if (layout.inner != 1) {
    for (std::size_t i = 0; i < layout.outer * layout.channels; ++i) {
      add_run(tiles, i * layout.inner, layout.inner, totals[i % layout.channels]);
    }
    return;
  }
  AdjacentChannels channels(layout.channels);
  for (std::size_t row = 0; row < layout.outer; ++row) {
    for (std::size_t first = 0; first < layout.channels; first += kTile) {
      const std::size_t count = std::min(kTile, layout.channels - first);
      channels.add(tiles.at(row * layout.channels + first, count), first, count);
    }
  }
  channels.add_to(totals);
}

}  // namespace foveate
