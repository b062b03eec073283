// Metrics of tracking, of one sequence: equal to TrackEval's, and on request to py-motmetrics'.
#pragma once

#include <cstdint>

#include "core/cancel.h"
#include "core/status.h"
#include "metrics/clear.h"
#include "metrics/hota.h"
#include "metrics/identity.h"
#include "metrics/tracked_sequence.h"

namespace foveate {

struct TrackingParts {
  // Rows and tracks that were counted.
  std::int64_t truth_boxes = 0;
  std::int64_t found_boxes = 0;
  std::int64_t truth_tracks = 0;
  std::int64_t found_tracks = 0;
  ClearCounts clear;
  IdentityCounts identity;
  HotaParts hota;
};

// HOTA has one definition, whatever the rules. INVALID_ARGUMENT as track_sequence; ABORTED.
Result<TrackingParts> measure_tracking(const TrackedObjects& truth, const TrackedObjects& found,
                                       TrackingBenchmark benchmark, TrackingRules rules,
                                       const CancelToken* cancel = nullptr);

}  // namespace foveate
