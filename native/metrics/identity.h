// Identity: the one-to-one pairing of whole tracks under which most boxes are right.
#pragma once

#include <cstdint>

#include "core/cancel.h"
#include "core/status.h"
#include "metrics/clear.h"
#include "metrics/tracked_sequence.h"

namespace foveate {

struct IdentityCounts {
  std::int64_t true_positives = 0;
  std::int64_t false_negatives = 0;
  std::int64_t false_positives = 0;
};

// ABORTED.
Result<IdentityCounts> count_identity(const TrackedSequence& sequence, TrackingRules rules,
                                      const CancelToken* cancel = nullptr);

}  // namespace foveate
