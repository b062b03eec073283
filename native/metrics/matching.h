// Which overlaps are enough for two boxes to be one object.
#pragma once

#include <limits>

namespace foveate {

constexpr double kMatchingIou = 0.5;
// What TrackEval forgives where it compares similarities.
constexpr double kIouTolerance = std::numeric_limits<double>::epsilon();

// py-motmetrics compares distances: an IoU half a unit in the last place below 0.5 has a distance of 0.5.
inline bool is_within_distance(double iou) { return 1 - iou <= kMatchingIou; }

}  // namespace foveate
