// The rows of one side, frame by frame, on their way into a TrackedSequence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/status.h"
#include "metrics/tracked_sequence.h"

namespace foveate {

struct TrackedRows {
  std::vector<std::int32_t> order;   // rows of the input, frame by frame
  std::vector<std::int32_t> frames;  // of each of them
  std::vector<std::int32_t> tracks;  // from 0, in the order of their ids
  std::size_t track_count = 0;
};

// `side` is how messages call it. INVALID_ARGUMENT for an id twice in a frame and for boxes that are not finite.
Result<TrackedRows> order_rows(const TrackedObjects& objects, const std::string& side);

// Leaves only rows whose place in `order` is in `keep` true, and tracks that have one.
void keep_rows(TrackedRows& rows, const std::vector<bool>& keep);

}  // namespace foveate
