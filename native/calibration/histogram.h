// How often which values occur in a tensor, streamed: nothing is kept of them but counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace foveate {

// Elements of a tensor, as engines give them.
struct FloatElements {
  const void* data = nullptr;
  std::size_t count = 0;
  bool half = false;  // float16 bits instead of float32
};

// Bin i holds the elements x with floor(x / width) = i, where width = 2^exponent is the narrowest for which the least
// and the greatest element lie in at most kMaxBins bins. It depends on these two alone, and halving the resolution is
// exact, so neither the order in which elements come nor how they were parted among histograms makes a difference.
class Histogram {
 public:
  static constexpr std::int32_t kMaxBins = 8192;

  // What one call of `add` counted; min and max are of the finite elements, and 0 without any.
  struct Added {
    std::uint64_t finite = 0;
    std::uint64_t non_finite = 0;
    float min = 0;
    float max = 0;
  };

  Added add(const FloatElements& elements);
  void merge(const Histogram& other);

  // As it was told by the functions below. False where that cannot be: counts that do not fit the range.
  static bool restore(std::uint64_t non_finite, float min, float max, std::int32_t exponent, std::int32_t first,
                      std::span<const std::uint64_t> counts, Histogram& result);

  std::uint64_t finite() const { return finite_; }
  std::uint64_t non_finite() const { return non_finite_; }
  float min() const { return min_; }
  float max() const { return max_; }
  std::int32_t exponent() const { return exponent_; }
  // Of the bin that holds the least element.
  std::int32_t first() const;
  // From that bin to the one of the greatest element; empty without finite elements.
  std::vector<std::uint64_t> counts() const;

 private:
  // Takes the range in, and widens the bins where it asks for that.
  void widen(float min, float max);

  std::uint64_t finite_ = 0;
  std::uint64_t non_finite_ = 0;
  float min_ = 0;
  float max_ = 0;
  std::int32_t exponent_ = 0;
  // Bin i lies at i modulo kMaxBins: as the bins in use are no more than that, a range that grows moves nothing.
  std::vector<std::uint64_t> ring_;
};

}  // namespace foveate
