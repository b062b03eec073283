#include "calibration/density.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>

namespace foveate {
namespace {

// Curves are followed in steps of this, which keeps a straight piece within 1e-4 of them.
constexpr double kCurveStep = 1.0 / 32;
// What a distribution of f(x) is made of.
constexpr double kMostBins = 16384;

double lowest_width(double least, double greatest) {
  const double span = std::max(greatest, 0.0) - std::min(least, 0.0);
  return span >= std::numeric_limits<float>::denorm_min()
             ? std::ldexp(1.0, static_cast<int>(std::ceil(std::log2(span / (kMostBins - 2)))))
             : 1.0;
}

}  // namespace

double QuantizedLevels::operator()(double x) const {
  return std::clamp(std::nearbyint(x / scale), static_cast<double>(low), static_cast<double>(high)) * scale;
}

Density Density::before(const TensorStatistics& statistics, const Activation& activation) {
  Density density(std::ldexp(1.0, statistics.exponent), statistics.first, statistics.min, statistics.max, activation);
  const auto count_of = [&statistics](std::int64_t bin) {
    const std::int64_t i = bin - statistics.first;
    return i >= 0 && i < std::ssize(statistics.counts) ? statistics.counts[static_cast<std::size_t>(i)] : 0.0;
  };
  // A ReLU leaves many zeros, which no range makes wrong: they are what the bin of 0 holds beyond its neighbours.
  const double around = std::max(count_of(-1), count_of(1));
  const double zeros = around > 0 ? std::max(count_of(0) - around, 0.0) : 0.0;
  for (std::int64_t i = 0; i < std::ssize(statistics.counts); ++i) {
    const std::int64_t bin = statistics.first + i;
    density.add_bin(count_of(bin) - (bin == 0 ? zeros : 0));
  }
  if (zeros > 0) density.add_atom(0, zeros);
  return density;
}

Density Density::after(const TensorStatistics& statistics, const Activation& activation) {
  const Density source = before(statistics, activation);
  std::map<double, double> atoms;
  double least = INFINITY;
  double greatest = -INFINITY;
  for (const Atom& atom : source.atoms_) {
    atoms[atom.value] += atom.mass;
    least = std::min(least, atom.value);
    greatest = std::max(greatest, atom.value);
  }
  for (const double value : source.values_) {
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  }
  const double width = lowest_width(least, greatest);
  const auto bin_of = [width](double value) { return static_cast<std::int64_t>(std::floor(value / width)); };
  const std::int64_t first = bin_of(least);
  std::vector<double> masses(static_cast<std::size_t>(bin_of(greatest) - first + 1));
  for (std::size_t i = 0; i + 1 < source.ends_.size(); ++i) {
    const double mass = source.moments_[i + 1].mass - source.moments_[i].mass;
    const auto [low, high] = std::minmax(source.values_[i], source.values_[i + 1]);
    if (mass == 0) continue;
    if (low == high) {
      atoms[low] += mass;
      continue;
    }
    const std::int64_t last = bin_of(high);
    for (std::int64_t bin = bin_of(low); bin <= last; ++bin) {
      const double begin = std::max(low, static_cast<double>(bin) * width);
      const double end = std::min(high, static_cast<double>(bin + 1) * width);
      masses[static_cast<std::size_t>(bin - first)] += mass * std::max(end - begin, 0.0) / (high - low);
    }
  }
  Density density(width, first, least, greatest, Activation{});
  for (const double mass : masses) density.add_bin(mass);
  for (const auto& [position, mass] : atoms) density.add_atom(position, mass);
  return density;
}

void Density::add_bin(double mass) {
  const auto bin = first_bin_ + static_cast<std::int64_t>(starts_.size());
  const double begin = std::max(static_cast<double>(bin) * width_, least_);
  const double end = std::min(static_cast<double>(bin + 1) * width_, greatest_);
  if (!(begin < end)) {  // the greatest element begins a bin of its own
    if (mass > 0) add_atom(begin, mass);
    return;
  }
  if (ends_.empty()) {
    ends_.push_back(begin);
    values_.push_back(measured_(begin));
    moments_.push_back({});
  }
  starts_.push_back(ends_.size() - 1);
  std::vector<double> cuts;
  for (const double corner : measured_.corners()) {
    if (begin < corner && corner < end) cuts.push_back(corner);
  }
  if (measured_.curved() && width_ > kCurveStep) {
    const double last = std::min(end, kCurvedWithin);
    for (double cut = (std::floor(std::max(begin, -kCurvedWithin) / kCurveStep) + 1) * kCurveStep; cut < last;
         cut += kCurveStep) {
      cuts.push_back(cut);
    }
  }
  std::sort(cuts.begin(), cuts.end());
  cuts.push_back(end);
  double from = begin;
  for (const double cut : cuts) {
    if (cut > from) add_segment(cut, mass * (cut - from) / (end - begin));
    from = cut;
  }
  mass_ += mass;
}

void Density::add_atom(double position, double mass) {
  atoms_.push_back({position, measured_(position), mass});
  mass_ += mass;
}

void Density::add_segment(double end, double mass) {
  const double before = values_.back();
  const double after = measured_(end);
  Moments moments = moments_.back();
  moments.mass += mass;
  moments.first += mass * (before + after) / 2;
  moments.second += mass * (before * before + before * after + after * after) / 3;
  ends_.push_back(end);
  values_.push_back(after);
  moments_.push_back(moments);
}

Density::Moments Density::up_to(double x) const {
  if (ends_.empty() || x <= ends_.front()) return {};
  if (x >= ends_.back()) return moments_.back();
  const auto bins = static_cast<std::int64_t>(starts_.size());
  const auto bin =
      std::clamp(static_cast<std::int64_t>(std::floor(x / width_)) - first_bin_, std::int64_t{0}, bins - 1);
  std::size_t segment = starts_[static_cast<std::size_t>(bin)];
  const std::size_t next = bin + 1 < bins ? starts_[static_cast<std::size_t>(bin + 1)] : ends_.size() - 1;
  if (next - segment > 1) {
    const auto found = std::upper_bound(ends_.begin() + static_cast<std::ptrdiff_t>(segment),
                                        ends_.begin() + static_cast<std::ptrdiff_t>(next), x);
    segment = static_cast<std::size_t>(found - ends_.begin()) - 1;
  }
  const double part = (x - ends_[segment]) / (ends_[segment + 1] - ends_[segment]);
  const double mass = (moments_[segment + 1].mass - moments_[segment].mass) * part;
  const double before = values_[segment];
  const double here = before + (values_[segment + 1] - before) * part;
  Moments moments = moments_[segment];
  moments.mass += mass;
  moments.first += mass * (before + here) / 2;
  moments.second += mass * (before * before + before * here + here * here) / 3;
  return moments;
}

double Density::share_below(double x) const {
  double mass = up_to(x).mass;
  for (const Atom& atom : atoms_) {
    if (atom.position <= x) mass += atom.mass;
  }
  return mass / mass_;
}

double Density::signal() const {
  double sum = moments_.empty() ? 0 : moments_.back().second;
  for (const Atom& atom : atoms_) sum += atom.mass * atom.value * atom.value;
  return sum / mass_;
}

double Density::error(const QuantizedLevels& levels) const {
  double sum = 0;
  Moments before;
  for (int level = levels.low; level <= levels.high && !ends_.empty(); ++level) {
    const Moments here = level < levels.high ? up_to((level + 0.5) * levels.scale) : moments_.back();
    if (here.mass > before.mass) {
      const double value = measured_(level * levels.scale);
      const double part = value * value * (here.mass - before.mass) - 2 * value * (here.first - before.first) +
                          (here.second - before.second);
      sum += std::max(part, 0.0);
    }
    before = here;
  }
  for (const Atom& atom : atoms_) {
    const double difference = measured_(levels(atom.position)) - atom.value;
    sum += atom.mass * difference * difference;
  }
  return sum / mass_;
}

}  // namespace foveate
