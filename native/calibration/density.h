// The distribution of a tensor, taken from its histogram: what quantising it would cost is read off without its
// elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "calibration/activation.h"
#include "calibration/tensor_observer.h"

namespace foveate {

// The integers from `low` to `high`, each standing for itself times `scale`.
struct QuantizedLevels {
  double scale = 1;
  int low = 0;
  int high = 0;

  // Rounds to nearest, ties to even, and saturates.
  double operator()(double x) const;
};

// Elements are taken to lie evenly within a bin, and a function of them to be straight within it: bins that a corner or
// a bend goes through are parted for that. Moments of the function are summed up along the axis once, so that a level
// costs a few operations however many bins fall to it, and however narrow levels are beside bins.
class Density {
 public:
  // Of x; what is measured is f(x).
  static Density before(const TensorStatistics& statistics, const Activation& activation);
  // Of f(x), which is what is measured.
  static Density after(const TensorStatistics& statistics, const Activation& activation);

  double least() const { return least_; }
  double greatest() const { return greatest_; }
  // Narrower ranges than a few of these are not worth a try.
  double bin_width() const { return width_; }

  // The share of elements up to x.
  double share_below(double x) const;
  // Mean square of what is measured.
  double signal() const;
  // Mean square of the difference that quantising the elements makes to what is measured.
  double error(const QuantizedLevels& levels) const;

 private:
  // Sums over all elements up to a point: how many, of the function, of its square.
  struct Moments {
    double mass = 0;
    double first = 0;
    double second = 0;
  };
  // Elements that all have one value.
  struct Atom {
    double position;
    double value;
    double mass;
  };

  Density(double width, std::int64_t first_bin, double least, double greatest, const Activation& measured)
      : measured_(measured), width_(width), first_bin_(first_bin), least_(least), greatest_(greatest) {}

  // The next bin, from the lowest to the highest.
  void add_bin(double mass);
  void add_atom(double position, double mass);
  void add_segment(double end, double mass);
  Moments up_to(double x) const;

  Activation measured_;
  double width_;
  std::int64_t first_bin_;
  double least_;
  double greatest_;
  std::vector<std::size_t> starts_;  // of each bin its first segment
  // At the ends of segments, one more than there are of these.
  std::vector<double> ends_;
  std::vector<double> values_;
  std::vector<Moments> moments_;
  std::vector<Atom> atoms_;
  double mass_ = 0;
};

}  // namespace foveate
