// How much what was found overlaps what is true: of boxes, masks or keypoints, as COCO measures it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/cancel.h"
#include "core/status.h"
#include "metrics/run_length.h"

namespace foveate {

enum class ObjectKind : std::uint8_t { kBox, kMask, kKeypoints };

// Masks of many objects: the compressed text of all of them, one after the other.
struct MaskList {
  std::span<const std::int32_t> sizes;  // height, width of each
  std::span<const char> text;
  std::span<const std::uint32_t> ends;  // of each, in the text

  std::size_t count() const { return ends.size(); }
  Status decode(std::size_t i, RunLengths& mask) const;
};

// Objects of many pictures, as a struct of arrays. Empty are those that the kind has no use for.
struct ObjectList {
  std::span<const std::int32_t> images;
  std::span<const std::int32_t> categories;
  std::span<const double> boxes;          // x, y, width, height of each
  std::span<const double> scores;         // of what was found; no NaN
  std::span<const double> areas;          // empty: of its mask, or of its box
  std::span<const std::uint8_t> crowd;    // empty: none is
  std::span<const std::uint8_t> ignored;  // empty: none is
  std::span<const double> keypoints;      // x, y, visibility of each
  MaskList masks;

  std::size_t count() const { return images.size(); }
  bool is_crowd(std::size_t i) const { return !crowd.empty() && crowd[i] != 0; }
};

// INVALID_ARGUMENT where an array has another length than the others, a picture or a category is none, or a score is
// NaN.
Status check_objects(const ObjectList& objects, ObjectKind kind, std::size_t points, std::int64_t images,
                     std::int64_t categories, std::string_view name);

// Not for several threads: it keeps the masks that it decodes.
class OverlapMeasure {
 public:
  // Both lists were checked. `sigmas`: how far each keypoint may be off, in parts of the object's size.
  OverlapMeasure(ObjectKind kind, const ObjectList& truth, const ObjectList& found, std::span<const double> sigmas);

  // found.size() rows of truths.size(). DATASET_INVALID: a mask that is damaged, or of another size than one that it is
  // compared with. ABORTED.
  Status measure(std::span<const std::int32_t> found, std::span<const std::int32_t> truths,
                 std::vector<double>& overlaps, const CancelToken* cancel = nullptr);

  // As ranges of areas see them. DATASET_INVALID: a mask that is damaged.
  Result<double> found_area(std::size_t i) { return area_of_object(found_, i); }
  Result<double> truth_area(std::size_t i) { return area_of_object(truth_, i); }
  // Without a keypoint that is labelled, nothing can be found.
  bool lacks_keypoints(std::size_t truth) const;

 private:
  Result<double> area_of_object(const ObjectList& objects, std::size_t i);
  double box_overlap(std::size_t found, std::size_t truth) const;
  double keypoint_similarity(std::size_t found, std::size_t truth);
  Status measure_masks(std::span<const std::int32_t> found, std::span<const std::int32_t> truths,
                       std::vector<double>& overlaps, const CancelToken* cancel);

  ObjectKind kind_;
  const ObjectList& truth_;
  const ObjectList& found_;
  std::vector<double> variances_;  // of each keypoint
  std::vector<double> terms_;
  std::vector<RunLengths> truth_masks_;
  RunLengths mask_;
};

}  // namespace foveate
