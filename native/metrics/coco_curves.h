// From matches to precision and recall, and the numbers that COCO sums them up in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "metrics/coco_matching.h"

namespace foveate {

// Precision is read at recalls of 0, 0.01, 0.02 and so on to 1.
inline constexpr std::size_t kRecallPoints = 101;

// -1 throughout where a category has no truth in a range of areas.
struct Curves {
  // [categories, areas, max_detections, thresholds, kRecallPoints]: the best precision at that recall or beyond, and
  // the score that it is reached at. 0 where the recall is not reached.
  std::vector<double> precision;
  std::vector<double> scores;
  // [categories, areas, max_detections, thresholds]
  std::vector<double> mean_precision;  // over the recalls
  std::vector<double> recall;          // the highest
};

// How large objects are in COCO's terms: all of them, small (but for keypoints), medium, large.
std::vector<AreaRange> coco_areas(ObjectKind kind);

// ABORTED.
Result<Curves> accumulate(const Matching& matching, const MatchSpec& spec, const CancelToken* cancel = nullptr);

// Of boxes and masks twelve: AP, AP50, AP75, APs, APm, APl, AR at each of three max_detections, ARs, ARm, ARl. Of
// keypoints ten: AP, AP50, AP75, APm, APl, AR, AR50, AR75, ARm, ARl. -1 where there is nothing to count. `spec` has
// the areas of its kind.
std::vector<double> summarize(const Curves& curves, const MatchSpec& spec);

// How often each of so many pictures is drawn for one resample.
std::vector<std::uint32_t> draw_pictures(std::uint64_t seed, std::uint32_t number, std::size_t images);

// Of what other data of the same size would give (the bootstrap): resamples `first` to `first + count`, in each of
// which as many pictures are drawn as there are, with replacement. A picture counts as often as it is drawn; nothing is
// matched again. The summaries, one after the other. The same seed draws the same pictures, whatever was found in them,
// and whatever `first` is. ABORTED.
Result<std::vector<double>> resample(const Matching& matching, const MatchSpec& spec, std::uint64_t seed,
                                     std::uint32_t first, std::uint32_t count, const CancelToken* cancel = nullptr);

}  // namespace foveate
