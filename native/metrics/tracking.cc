#include "metrics/tracking.h"

#include <utility>

namespace foveate {

Result<TrackingParts> measure_tracking(const TrackedObjects& truth, const TrackedObjects& found,
                                       TrackingBenchmark benchmark, TrackingRules rules, const CancelToken* cancel) {
  auto tracked = track_sequence(truth, found, benchmark, cancel);
  if (!tracked.ok()) return tracked.take_status();
  const TrackedSequence& sequence = tracked.value();
  auto clear = count_clear(sequence, rules, cancel);
  if (!clear.ok()) return clear.take_status();
  auto identity = count_identity(sequence, rules, cancel);
  if (!identity.ok()) return identity.take_status();
  auto hota = measure_hota(sequence, cancel);
  if (!hota.ok()) return hota.take_status();
  return TrackingParts{static_cast<std::int64_t>(sequence.truth_tracks.size()),
                       static_cast<std::int64_t>(sequence.found_tracks.size()),
                       static_cast<std::int64_t>(sequence.truth_lengths.size()),
                       static_cast<std::int64_t>(sequence.found_lengths.size()),
                       clear.value(),
                       identity.value(),
                       hota.value()};
}

}  // namespace foveate
