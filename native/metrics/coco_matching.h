// Which of what was found is right, as COCO decides it: for each picture and category, each object found, the highest
// score first, takes the free truth that it overlaps most.
#pragma once

#include <cstdint>
#include <vector>

#include "core/cancel.h"
#include "metrics/coco_overlaps.h"

namespace foveate {

// Both edges belong to it.
struct AreaRange {
  double least = 0;
  double most = 0;
};

struct MatchSpec {
  ObjectKind kind = ObjectKind::kBox;
  std::int32_t images = 0;
  std::int32_t categories = 0;
  std::vector<double> thresholds;            // of overlap, at most 32
  std::vector<AreaRange> areas;              // at most 8
  std::vector<std::int32_t> max_detections;  // ascending: how many of each picture and category count
  std::vector<double> sigmas;                // of keypoints
};

// One bit for each threshold of overlap.
struct Outcome {
  std::uint32_t matched = 0;
  std::uint32_t ignored = 0;
};

// What was found, of one category the highest score first; of equal scores by picture, then as it was given.
struct RankedFound {
  double score;
  std::int32_t found;  // index as given
  std::int32_t image;
  std::int32_t rank;  // in its picture, among its category
};

struct CountedTruth {
  std::int32_t image;
  std::uint32_t areas;  // a bit for each range that it counts in
};

struct Matching {
  std::vector<RankedFound> found;         // by category, without those beyond the last of max_detections
  std::vector<Outcome> outcomes;          // areas.size() of each
  std::vector<std::size_t> found_begins;  // of each category, and the end
  std::vector<CountedTruth> truths;       // by category
  std::vector<std::size_t> truth_begins;  // of each category, and the end
  // Of everything found, as given, at the first threshold and range of areas:
  std::vector<std::int32_t> matched_truth;  // -1: none
  std::vector<double> best_overlap;         // with any truth of its picture and category; 0 beyond max_detections
  std::vector<std::uint8_t> neither;        // 1: ignored, or beyond max_detections: neither right nor wrong
};

// Both lists were checked, and scores are numbers. INVALID_ARGUMENT: a spec that cannot be. DATASET_INVALID: a mask
// that is damaged. ABORTED.
Result<Matching> match_objects(const ObjectList& truth, const ObjectList& found, const MatchSpec& spec,
                               const CancelToken* cancel = nullptr);

}  // namespace foveate
