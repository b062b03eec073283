// What a detector found, as COCO's tools exchange it: [{ image_id, category_id, bbox, score, segmentation, keypoints
// }].
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/cancel.h"
#include "metrics/coco_overlaps.h"

namespace foveate {

struct CocoResultsSpec {
  ObjectKind kind = ObjectKind::kBox;
  std::size_t points = 0;             // keypoints of each object
  std::span<const double> image_ids;  // the place of an id is what the results say instead of it
  std::span<const double> category_ids;
};

// As in ObjectList, which can look at it.
struct CocoResults {
  std::vector<std::int32_t> images;
  std::vector<std::int32_t> categories;
  std::vector<double> boxes;  // where none is given, around the mask or the keypoints
  std::vector<double> scores;
  std::vector<double> areas;  // of masks whose results have boxes too: pycocotools takes those of the boxes
  std::vector<double> keypoints;
  std::vector<std::int32_t> mask_sizes;
  std::string mask_text;
  std::vector<std::uint32_t> mask_ends;
};

// DATASET_INVALID, naming the result and its field: what is no such list, or cannot be evaluated. ABORTED.
Result<CocoResults> read_coco_results(std::string_view text, const CocoResultsSpec& spec,
                                      const CancelToken* cancel = nullptr);

}  // namespace foveate
