#include "calibration/difference.h"

#include <array>
#include <cmath>

#include "calibration/float_tiles.h"

namespace foveate {
namespace {

// As in channel_sums.cc: no result depends on the width of vectors.
constexpr std::size_t kWays = 8;
using WaySums = std::array<double, kWays>;

struct Sums {
  WaySums signal{};
  WaySums candidate_signal{};
  WaySums dot{};
  WaySums noise{};
  WaySums largest{};
};

double total(const WaySums& sums) {
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

TensorDifference compare_finite(const float* reference, const float* candidate, std::size_t count) {
  Sums sums;
  with_best_instructions([reference, candidate, count, &sums]() FOVEATE_HOT {
    double signal[kWays] = {};
    double candidate_signal[kWays] = {};
    double dot[kWays] = {};
    double noise[kWays] = {};
    double largest[kWays] = {};
    const auto add = [&](std::size_t i, std::size_t way) FOVEATE_HOT {
      const double wanted = reference[i];
      const double found = candidate[i];
      const double difference = std::abs(found - wanted);
      signal[way] += wanted * wanted;  // products of two float32 are exact
      candidate_signal[way] += found * found;
      dot[way] += wanted * found;
      // A statement of its own, so that it is rounded before it is added, whatever the machine could do.
      const double square = difference * difference;
      noise[way] += square;
      largest[way] = difference > largest[way] ? difference : largest[way];
    };
    std::size_t i = 0;
    for (; i + kWays <= count; i += kWays) {
      for (std::size_t way = 0; way < kWays; ++way) add(i + way, way);
    }
    for (std::size_t way = 0; i < count; ++i, ++way) add(i, way);
    for (std::size_t way = 0; way < kWays; ++way) {
      sums.signal[way] = signal[way];
      sums.candidate_signal[way] = candidate_signal[way];
      sums.dot[way] = dot[way];
      sums.noise[way] = noise[way];
      sums.largest[way] = largest[way];
    }
  });
  TensorDifference result;
  result.count = count;
  result.signal = total(sums.signal);
  result.candidate_signal = total(sums.candidate_signal);
  result.dot = total(sums.dot);
  result.noise = total(sums.noise);
  for (const double largest : sums.largest) result.largest = std::max(result.largest, largest);
  return result;
}

// Compares stretches of two tensors that lie alike.
class Comparison {
 public:
  Comparison(const FloatElements& reference, const FloatElements& candidate)
      : reference_(reference), candidate_(candidate) {}

  void add(std::size_t begin, std::size_t count, TensorDifference& result) {
    for (const std::size_t end = begin + count; begin < end; begin += kTile) {
      const std::size_t size = std::min(kTile, end - begin);
      const float* wanted = reference_.at(begin, size);
      const float* found = candidate_.at(begin, size);
      result.add(key_range(wanted, size).finite() && key_range(found, size).finite()
                     ? compare_finite(wanted, found, size)
                     : compare_some(wanted, found, size));
    }
  }

 private:
  TensorDifference compare_some(const float* wanted, const float* found, std::size_t count) {
    TensorDifference odd;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count; ++i) {
      odd.reference_non_finite += std::isfinite(wanted[i]) ? 0 : 1;
      odd.candidate_non_finite += std::isfinite(found[i]) ? 0 : 1;
      if (!std::isfinite(wanted[i]) || !std::isfinite(found[i])) continue;
      wanted_[kept] = wanted[i];
      found_[kept++] = found[i];
    }
    TensorDifference result = compare_finite(wanted_.data(), found_.data(), kept);
    result.add(odd);
    return result;
  }

  FloatTiles reference_;
  FloatTiles candidate_;
  std::array<float, kTile> wanted_;
  std::array<float, kTile> found_;
};

}  // namespace

void TensorDifference::add(const TensorDifference& other) {
  count += other.count;
  reference_non_finite += other.reference_non_finite;
  candidate_non_finite += other.candidate_non_finite;
  signal += other.signal;
  candidate_signal += other.candidate_signal;
  dot += other.dot;
  noise += other.noise;
  largest = std::max(largest, other.largest);
}

std::vector<TensorDifference> compare_tensors(const FloatElements& reference, const FloatElements& candidate,
                                              const AxisLayout& layout, std::span<const ChannelGroup> groups) {
  std::vector<TensorDifference> results(groups.size());
  Comparison comparison(reference, candidate);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const auto [begin, end] = groups[i];
    if (begin == end || layout.inner == 0) continue;  // however many of them there are
    for (std::size_t outer = 0; outer < layout.outer; ++outer) {
      comparison.add((outer * layout.channels + begin) * layout.inner, (end - begin) * layout.inner, results[i]);
    }
  }
  return results;
}

}  // namespace foveate
