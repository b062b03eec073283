// Masks as COCO writes them: a picture column by column, as lengths of runs of 0 and 1 in turn, beginning with 0.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/cancel.h"
#include "core/status.h"

namespace foveate {

// The lengths add up to height * width, which is below 2^32. The first may be 0: a mask that begins with 1.
struct RunLengths {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  std::vector<std::uint32_t> runs;
};

// In pixels of the picture.
struct RunBox {
  std::uint32_t x = 0;
  std::uint32_t y = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};

// Both sides are 1 to 65,535, else DATASET_INVALID.
Status check_mask_size(std::int64_t height, std::int64_t width);

// From COCO's compressed text: each length, from the fourth on less the one two before it, in groups of five bits, the
// lowest first, as characters from '0' on. `masks` is overwritten, so that its memory serves many masks.
// DATASET_INVALID where the text is cut short, holds other characters, or its lengths do not add up to the picture.
Status decode_runs(std::string_view text, std::int64_t height, std::int64_t width, RunLengths& mask);
std::string encode_runs(const RunLengths& mask);

// The mask of one polygon: x, y, x, y and so on, in pixels, at least three points. Its edges are followed on a grid
// five times as fine, and fill what lies between them by even and odd, to the pixel as COCO's own tools do.
// DATASET_INVALID for points that are no number, or beyond a million pixels. ABORTED.
Status runs_of_polygon(std::span<const double> points, std::int64_t height, std::int64_t width, RunLengths& mask,
                       const CancelToken* cancel = nullptr);

// Pixels of either. Both have the same size.
RunLengths union_of(const RunLengths& a, const RunLengths& b);

std::uint64_t area_of(const RunLengths& mask);
// All 0 where the mask is empty.
RunBox box_of(const RunLengths& mask);

// Intersection over union; over the area of `found` alone where `crowd`. 0 where they do not meet. Both have the same
// size.
double overlap_of(const RunLengths& found, const RunLengths& truth, bool crowd);

}  // namespace foveate
