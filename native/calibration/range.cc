#include "calibration/range.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "calibration/density.h"

namespace foveate {
namespace {

struct Bounds {
  double low;
  double high;
};

// What really happens to an element.
QuantizedLevels levels_of(const Bounds& bounds, bool symmetric) {
  if (symmetric) {
    const double reach = std::max(-bounds.low, bounds.high);
    return {static_cast<double>(static_cast<float>(reach / 127)), -127, 127};
  }
  const double scale = static_cast<float>((bounds.high - bounds.low) / 255);
  const int zero = static_cast<int>(std::clamp(std::nearbyint(-bounds.low / scale), 0.0, 255.0));
  return {scale, -zero, 255 - zero};
}

Bounds with_zero(double low, double high, bool symmetric) {
  const Bounds bounds{std::min(low, 0.0), std::max(high, 0.0)};
  if (!symmetric) return bounds;
  const double reach = std::max(-bounds.low, bounds.high);
  return {-reach, reach};
}

// Levels too fine for a float32 scale are no levels.
bool usable(const Bounds& bounds) { return bounds.high - bounds.low >= 255 * 0x1p-126; }

class RangeSearch {
 public:
  RangeSearch(const Density& density, bool symmetric) : density_(density), symmetric_(symmetric) {}

  Bounds widest() const { return with_zero(density_.least(), density_.greatest(), symmetric_); }

  // Errors have more than one valley where the two ends of a distribution differ much: a coarse grid finds the deepest,
  // steps that grow shorter its bottom.
  std::optional<Bounds> least_error(const CancelToken* cancel) {
    const std::vector<double> highs = symmetric_ ? steps_to(widest().high) : steps_to(density_.greatest());
    const std::vector<double> lows = symmetric_ ? std::vector{0.0} : steps_to(density_.least());
    for (const double high : highs) {
      if (cancel != nullptr && cancel->cancelled()) return std::nullopt;
      for (const double low : lows) offer({symmetric_ ? -high : low, high});
    }
    for (double ratio = std::sqrt(kCoarseRatio); ratio > kFinestRatio; ratio = std::sqrt(ratio)) {
      for (int i = 0; i < kMostSteps && step(ratio); ++i) {
      }
    }
    return best_;
  }

  // Bounds that leave this share of the elements unclipped.
  Bounds share(double share) const {
    const Bounds widest = this->widest();
    Bounds bounds{0, 0};
    if (symmetric_) {
      const double reach = crossing(0, widest.high, [&](double x) {
        return density_.share_below(x) - density_.share_below(std::nextafter(-x, -INFINITY)) >= share;
      });
      bounds = {-reach, reach};
    } else {
      const double tail = (1 - share) / 2;
      const auto quantile = [&](double part) {
        return crossing(widest.low, widest.high, [&](double x) { return density_.share_below(x) >= part; });
      };
      bounds = with_zero(quantile(tail), quantile(1 - tail), false);
    }
    // Where nearly all is 0, the rest is what there is to tell apart.
    return usable(bounds) ? bounds : widest;
  }

  Bounds entropy() const;

 private:
  static constexpr double kCoarseRatio = 1.681792830507429;  // 2^0.75
  static constexpr double kFinestRatio = 1.002;
  static constexpr int kMostSteps = 16;

  // From an end of the distribution towards 0, and 0.
  std::vector<double> steps_to(double end) const {
    std::vector<double> steps;
    for (double x = end; std::abs(x) > 4 * density_.bin_width(); x /= kCoarseRatio) steps.push_back(x);
    if (steps.empty() && end != 0) steps.push_back(end);
    steps.push_back(0);
    return steps;
  }

  bool offer(const Bounds& bounds) {
    if (bounds.low > 0 || bounds.high < 0 || !usable(bounds)) return false;
    const double error = density_.error(levels_of(bounds, symmetric_));
    if (best_ && error >= best_error_) return false;
    best_ = bounds;
    best_error_ = error;
    return true;
  }

  bool step(double ratio) {
    if (!best_) return false;
    const Bounds from = *best_;
    const Bounds widest = this->widest();
    bool better = false;
    const auto try_scaled = [&](double low, double high) {
      if (offer({std::max(from.low * low, widest.low), std::min(from.high * high, widest.high)})) better = true;
    };
    for (const double factor : {ratio, 1 / ratio}) {
      try_scaled(factor, factor);
      if (symmetric_) continue;
      try_scaled(factor, 1);
      try_scaled(1, factor);
    }
    return better;
  }

  template <typename Holds>
  static double crossing(double low, double high, const Holds& holds) {
    if (holds(low)) return low;
    for (int i = 0; i < 64; ++i) {
      const double middle = low + (high - low) / 2;
      (holds(middle) ? high : low) = middle;
    }
    return high;
  }

  const Density& density_;
  bool symmetric_;
  std::optional<Bounds> best_;
  double best_error_ = 0;
};

// The Kullback-Leibler divergence of a histogram cut off after `kept` bins from itself in `levels` steps. What was cut
// off counts to the last bin. Infinite where a step is empty that should not be.
class Divergence {
 public:
  explicit Divergence(const std::vector<double>& shares) : shares_(shares) {
    sums_.resize(shares.size() + 1);
    for (std::size_t i = 0; i < shares.size(); ++i) {
      const double share = shares[i];
      sums_[i + 1] = {sums_[i].share + share, sums_[i].used + (share > 0 ? 1 : 0),
                      sums_[i].entropy + (share > 0 ? share * std::log(share) : 0)};
    }
  }

  double of(std::size_t kept, std::size_t levels) const {
    const double last = shares_[kept - 1];
    const double outside = sums_.back().share - sums_[kept].share;
    const double inside = sums_[kept].share;
    if (inside <= 0 || (last <= 0 && outside > 0)) return INFINITY;
    const double piled = last + outside;
    double divergence = sums_[kept].entropy;
    if (last > 0) divergence += piled * std::log(piled) - last * std::log(last);
    for (std::size_t level = 0; level < levels; ++level) {
      const Sums& begin = sums_[level * kept / levels];
      const Sums& end = sums_[(level + 1) * kept / levels];
      const double share = end.share - begin.share;
      if (end.used == begin.used || share <= 0) continue;
      // Both sides are taken as parts of one: of all elements here, of those not cut off there.
      const double held = share + (level + 1 == levels ? outside : 0);
      divergence -= held * std::log(share / (end.used - begin.used) / inside);
    }
    return divergence;
  }

 private:
  struct Sums {
    double share = 0;
    double used = 0;  // bins that are not empty
    double entropy = 0;
  };
  const std::vector<double>& shares_;
  std::vector<Sums> sums_;
};

Bounds RangeSearch::entropy() const {
  constexpr std::size_t kBins = 2048;
  const Bounds widest = this->widest();
  const double reach = std::max(-widest.low, widest.high);
  const std::size_t levels = !symmetric_ && widest.low == 0 ? 256 : 128;
  std::vector<double> shares(kBins);
  double before = 0;
  for (std::size_t i = 0; i < kBins; ++i) {
    const double end = reach * static_cast<double>(i + 1) / kBins;
    const double upper = density_.share_below(end);
    const double share = upper - density_.share_below(std::nextafter(-end, -INFINITY));
    shares[i] = std::max(share - before, 0.0);
    before = share;
  }
  shares[0] = shares[1];  // zeros are exact in any range: many of them shall not decide
  const Divergence divergence(shares);
  std::size_t best = kBins;
  double least = divergence.of(kBins, levels);
  for (std::size_t kept = kBins - 1; kept >= levels; --kept) {
    const double found = divergence.of(kept, levels);
    if (found >= least) continue;
    least = found;
    best = kept;
  }
  const double cut = reach * static_cast<double>(best) / kBins;
  return with_zero(std::max(widest.low, -cut), std::min(widest.high, cut), symmetric_);
}

// The least and the greatest value of a function between these.
Bounds image(const Bounds& of, const Activation& activation) {
  std::vector<double> points{of.low, of.high};
  for (const double corner : activation.corners()) {
    if (of.low < corner && corner < of.high) points.push_back(corner);
  }
  for (double& point : points) point = activation(point);
  return {*std::min_element(points.begin(), points.end()), *std::max_element(points.begin(), points.end())};
}

// The mean of what the pictures reach to, those without elements left out; nothing without any other.
std::optional<Bounds> mean_bounds(const TensorStatistics& statistics, const RangeSpec& spec) {
  double low = 0;
  double high = 0;
  double pictures = 0;
  for (std::size_t i = 0; i < statistics.picture_min.size(); ++i) {
    Bounds reach{statistics.picture_min[i], statistics.picture_max[i]};
    if (reach.low > reach.high) continue;
    if (spec.after) reach = image(reach, spec.activation);
    low += reach.low;
    high += reach.high;
    ++pictures;
  }
  if (pictures == 0) return std::nullopt;
  return with_zero(low / pictures, high / pictures, spec.symmetric);
}

}  // namespace

Result<Range> find_range(const TensorStatistics& statistics, const RangeSpec& spec, const CancelToken* cancel) {
  if (auto histogram = histogram_of(statistics); !histogram.ok()) return histogram.take_status();
  if (statistics.count == 0) {
    return Status(error_code::kInvalidArgument, "No range can be found of a tensor without a finite element");
  }
  const std::optional<Bounds> mean = mean_bounds(statistics, spec);
  if (spec.method == RangeMethod::kMovingAverage && !mean) {
    return Status(error_code::kInvalidArgument, "The ranges of single pictures are not known",
                  "Take another method: this table was made without them.");
  }
  const Bounds values = image({statistics.min, statistics.max}, spec.activation);
  constexpr double kMost = std::numeric_limits<float>::max();
  if (!(values.low >= -kMost && values.high <= kMost)) {
    return Status(error_code::kInvalidArgument, "The activation leads to numbers that float32 does not hold");
  }
  const Density density =
      spec.after ? Density::after(statistics, spec.activation) : Density::before(statistics, spec.activation);
  RangeSearch search(density, spec.symmetric);
  const Bounds widest = search.widest();
  if (!usable(widest)) return Range{0, 0, 0, density.signal()};
  Bounds bounds = widest;
  switch (spec.method) {
    case RangeMethod::kMinMax:
      break;
    case RangeMethod::kMovingAverage:
      bounds = *mean;
      break;
    case RangeMethod::kPercentile:
      bounds = search.share(spec.percentile / 100);
      break;
    case RangeMethod::kEntropy:
      bounds = search.entropy();
      break;
    case RangeMethod::kMse: {
      const auto found = search.least_error(cancel);
      if (cancel != nullptr && cancel->cancelled()) return aborted();
      bounds = found.value_or(widest);
      break;
    }
  }
  if (!usable(bounds)) bounds = widest;
  return Range{bounds.low, bounds.high, density.error(levels_of(bounds, spec.symmetric)), density.signal()};
}

}  // namespace foveate
