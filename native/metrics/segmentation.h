// What two label maps of one picture have in common: the class of each pixel, row by row, a byte each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/cancel.h"
#include "core/status.h"

namespace foveate {

// In the true map: the pixel is not counted, whatever is predicted there.
constexpr std::uint8_t kIgnoredLabel = 255;

struct LabelMaps {
  std::span<const std::uint8_t> truth;
  std::span<const std::uint8_t> predicted;
  std::int64_t width = 0;  // 1 to 65,535, as the height
  std::int64_t height = 0;
  std::int64_t classes = 0;  // 1 to 255
};

// Of one class: pixels of its boundary in each map, and how many of them are near the boundary in the other.
struct BoundaryCounts {
  std::uint32_t truth = 0;
  std::uint32_t truth_matched = 0;
  std::uint32_t predicted = 0;
  std::uint32_t predicted_matched = 0;
};

struct LabelMapCounts {
  std::vector<std::uint32_t> confusion;    // classes * classes pixels, a row for each true class
  std::vector<BoundaryCounts> boundaries;  // by class; empty where none were asked for
};

// Counts pixels by true and predicted class and, where there is a `radius`, those of the boundaries of DAVIS (Perazzi
// et al. 2016, "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation"): a pixel is on the
// boundary of a class where it is of the class and its neighbour to the right, below or right below is not, or the
// other way round. In the last row only the neighbour to the right counts, in the last column only that below, so that
// the edge of the picture is no boundary. Ignored pixels are of no class, in both maps. A pixel is matched where the
// other map has one of the same boundary within `radius` pixels, dx^2 + dy^2 <= radius^2, which is what dilation by a
// disk finds. INVALID_ARGUMENT: a label that is no class, sizes that do not fit, a negative radius. ABORTED.
Result<LabelMapCounts> compare_label_maps(const LabelMaps& maps, std::optional<std::int64_t> radius,
                                          const CancelToken* cancel = nullptr);

}  // namespace foveate
