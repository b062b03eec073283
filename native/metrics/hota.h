// HOTA: how well objects are found and how well their tracks hold together, at 19 thresholds of IoU.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/cancel.h"
#include "core/status.h"
#include "metrics/tracked_sequence.h"

namespace foveate {

constexpr std::size_t kHotaThresholds = 19;
// 0.05 to 0.95 in steps of 0.05, each a multiple of the step rounded once, as numpy.arange gives them.
double hota_threshold(std::size_t index);

// At each threshold. Rates of detection follow from the counts.
struct HotaParts {
  std::array<std::int64_t, kHotaThresholds> true_positives{};
  std::array<std::int64_t, kHotaThresholds> false_negatives{};
  std::array<std::int64_t, kHotaThresholds> false_positives{};
  // Means over true positives; 0 where there are none, localisation 1.
  std::array<double, kHotaThresholds> association{};
  std::array<double, kHotaThresholds> association_recall{};
  std::array<double, kHotaThresholds> association_precision{};
  std::array<double, kHotaThresholds> localisation{};
};

// ABORTED.
Result<HotaParts> measure_hota(const TrackedSequence& sequence, const CancelToken* cancel = nullptr);

}  // namespace foveate
