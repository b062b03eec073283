#include "metrics/coco_results.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "metrics/json_text.h"

namespace foveate {
namespace {

using Places = std::unordered_map<double, std::int32_t>;

Places places_of(std::span<const double> ids) {
  Places places;
  places.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) places.emplace(ids[i], static_cast<std::int32_t>(i));
  return places;
}

std::string number_text(double value) {
  std::array<char, 32> text;
  const int length = std::snprintf(text.data(), text.size(), "%.17g", value);
  return {text.data(), static_cast<std::size_t>(length)};
}

class ResultsReader {
 public:
  ResultsReader(std::string_view text, const CocoResultsSpec& spec, const CancelToken* cancel)
      : json_(text, cancel),
        spec_(spec),
        images_(places_of(spec.image_ids)),
        categories_(places_of(spec.category_ids)) {}

  Status read() {
    if (!json_.take('[')) return json_.unexpected("an array of results");
    bool more = !json_.take(']');
    for (; more; ++index_) {
      FOVEATE_RETURN_IF_ERROR(read_result());
      FOVEATE_RETURN_IF_ERROR(json_.goes_on(']', more));
    }
    return json_.is_at_end() ? Status() : json_.unexpected("nothing after the results");
  }

  CocoResults take() { return std::move(results_); }

 private:
  Status refuse(std::string_view field, std::string_view wanted, std::string received, std::string hint = {}) const {
    return {error_code::kDatasetInvalid,
            "[" + std::to_string(index_) + "]." + std::string(field) + ": expected " + std::string(wanted) +
                " but received " + std::move(received),
            std::move(hint)};
  }

  Status read_result() {
    if (!json_.take('{')) {
      return {error_code::kDatasetInvalid,
              "[" + std::to_string(index_) + "]: expected an object but received " + json_.shown()};
    }
    image_ = category_ = score_ = kMissing;
    numbers_of_box_ = 0;
    has_mask_ = false;
    has_keypoints_ = false;
    bool more = !json_.take('}');
    while (more) {
      FOVEATE_RETURN_IF_ERROR(json_.read_key(key_));
      FOVEATE_RETURN_IF_ERROR(read_field());
      FOVEATE_RETURN_IF_ERROR(json_.goes_on('}', more));
    }
    return keep_result();
  }

  Status read_field() {
    if (key_ == "image_id") return read_finite(key_, kWhole, image_);
    if (key_ == "category_id") return read_finite(key_, kWhole, category_);
    if (key_ == "score") return read_finite(key_, kWhole, score_);
    if (key_ == "bbox") return read_box();
    if (key_ == "segmentation" && spec_.kind == ObjectKind::kMask) return read_mask();
    if (key_ == "keypoints" && spec_.kind == ObjectKind::kKeypoints) return read_keypoints();
    return json_.skip_value();
  }

  // `number`: which of the field's, or kWhole. The message is made only where there is something wrong.
  Status read_finite(std::string_view field, std::size_t number, double& value) {
    json_.peek();
    const JsonText before = json_;
    if (json_.read_number(value) && std::isfinite(value)) return {};
    const std::string received = before.shown();
    const std::string place = number == kWhole ? "" : "[" + std::to_string(number) + "]";
    return refuse(std::string(field) + place, "a finite number", received.substr(0, received.find_first_of(",}]")));
  }

  Status read_box() {
    numbers_of_box_ = 0;
    if (!json_.take('[')) return refuse("bbox", "an array of four numbers", json_.shown());
    bool more = !json_.take(']');
    while (more) {
      double value = 0;
      FOVEATE_RETURN_IF_ERROR(read_finite("bbox", numbers_of_box_, value));
      if (numbers_of_box_ < box_.size()) box_[numbers_of_box_] = value;
      ++numbers_of_box_;
      FOVEATE_RETURN_IF_ERROR(json_.goes_on(']', more));
    }
    // An empty one counts as none, as for pycocotools.
    if (numbers_of_box_ == 0) return {};
    if (numbers_of_box_ != box_.size()) {
      return refuse("bbox", "x, y, width and height", std::to_string(numbers_of_box_) + " numbers");
    }
    if (box_[2] < 0 || box_[3] < 0) {
      return refuse("bbox", "a width and height of at least 0", number_text(box_[2]) + " and " + number_text(box_[3]),
                    "COCO's boxes are x, y, width, height, not the coordinates of two corners.");
    }
    return {};
  }

  Status read_keypoints() {
    has_keypoints_ = true;
    keypoints_.clear();
    std::size_t count = 0;
    if (!json_.take('[')) return refuse("keypoints", "an array of numbers", json_.shown());
    bool more = !json_.take(']');
    while (more) {
      double value = 0;
      FOVEATE_RETURN_IF_ERROR(read_finite("keypoints", count, value));
      if (count < 3 * spec_.points) keypoints_.push_back(value);
      ++count;
      FOVEATE_RETURN_IF_ERROR(json_.goes_on(']', more));
    }
    if (count == 3 * spec_.points && count > 0) return {};
    return refuse("keypoints", std::to_string(3 * spec_.points) + " numbers, x, y and score of each keypoint",
                  std::to_string(count));
  }

  // { size: [height, width], counts: compressed text, or the lengths themselves }
  Status read_mask() {
    has_mask_ = true;
    counts_.clear();
    mask_.runs.clear();
    bool has_counts = false;
    bool is_text = false;
    std::size_t sides = 0;
    if (!json_.take('{')) {
      return refuse("segmentation", "a run-length encoded mask, { size, counts }", json_.shown(),
                    "Results have no polygons: encode each as one mask of the picture's size.");
    }
    bool more = !json_.take('}');
    while (more) {
      FOVEATE_RETURN_IF_ERROR(json_.read_key(key_));
      if (key_ == "size") {
        FOVEATE_RETURN_IF_ERROR(read_size(sides));
      } else if (key_ == "counts") {
        has_counts = true;
        is_text = json_.peek() == '"';
        FOVEATE_RETURN_IF_ERROR(is_text ? json_.read_string(counts_) : read_counts());
      } else {
        FOVEATE_RETURN_IF_ERROR(json_.skip_value());
      }
      FOVEATE_RETURN_IF_ERROR(json_.goes_on('}', more));
    }
    if (sides != 2) return refuse("segmentation.size", "height and width", std::to_string(sides) + " numbers");
    if (!has_counts) return refuse("segmentation.counts", "the lengths of the runs", "nothing");
    if (!is_text) counts_ = encode_runs(mask_);
    auto status = decode_runs(counts_, size_[0], size_[1], mask_);
    if (!status.ok())
      status.error().message = "[" + std::to_string(index_) + "].segmentation: " + status.error().message;
    return status;
  }

  Status read_size(std::size_t& sides) {
    sides = 0;
    if (!json_.take('[')) return refuse("segmentation.size", "an array of height and width", json_.shown());
    bool more = !json_.take(']');
    while (more) {
      double value = 0;
      FOVEATE_RETURN_IF_ERROR(read_finite("segmentation.size", sides, value));
      if (value != std::floor(value) || std::abs(value) > std::numeric_limits<std::int32_t>::max()) {
        return refuse("segmentation.size", "whole pixels", number_text(value));
      }
      if (sides < size_.size()) size_[sides] = static_cast<std::int32_t>(value);
      ++sides;
      FOVEATE_RETURN_IF_ERROR(json_.goes_on(']', more));
    }
    return {};
  }

  Status read_counts() {
    if (!json_.take('[')) return refuse("segmentation.counts", "a string or an array of lengths", json_.shown());
    bool more = !json_.take(']');
    while (more) {
      double value = 0;
      FOVEATE_RETURN_IF_ERROR(read_finite("segmentation.counts", mask_.runs.size(), value));
      if (value != std::floor(value) || value < 0 || value > std::numeric_limits<std::uint32_t>::max()) {
        return refuse("segmentation.counts[" + std::to_string(mask_.runs.size()) + "]", "a number of pixels",
                      number_text(value));
      }
      mask_.runs.push_back(static_cast<std::uint32_t>(value));
      FOVEATE_RETURN_IF_ERROR(json_.goes_on(']', more));
    }
    return {};
  }

  Status keep_result() {
    std::int32_t image = 0;
    std::int32_t category = 0;
    FOVEATE_RETURN_IF_ERROR(find_place("image_id", image_, images_, "a picture of the data set", image));
    FOVEATE_RETURN_IF_ERROR(find_place("category_id", category_, categories_, "a category of the data set", category));
    if (std::isnan(score_)) return refuse("score", "a finite number", "nothing");
    if (index_ == 0) has_boxes_ = numbers_of_box_ > 0;
    FOVEATE_RETURN_IF_ERROR(find_box());
    results_.images.push_back(image);
    results_.categories.push_back(category);
    results_.scores.push_back(score_);
    results_.boxes.insert(results_.boxes.end(), box_.begin(), box_.end());
    if (spec_.kind == ObjectKind::kKeypoints) {
      results_.keypoints.insert(results_.keypoints.end(), keypoints_.begin(), keypoints_.end());
    }
    return spec_.kind == ObjectKind::kMask ? keep_mask() : Status();
  }

  Status find_place(std::string_view field, double id, const Places& places, std::string_view wanted,
                    std::int32_t& place) const {
    if (std::isnan(id)) return refuse(field, wanted, "nothing");
    const auto found = places.find(id);
    if (found == places.end()) {
      return refuse(field, wanted, number_text(id), "Give the ids that the annotations of the data set have.");
    }
    place = found->second;
    return {};
  }

  // The first result decides whether all have boxes, as for pycocotools.
  Status find_box() {
    if (spec_.kind == ObjectKind::kMask && !has_mask_) return refuse("segmentation", "a mask", "nothing");
    if (spec_.kind == ObjectKind::kKeypoints && !has_keypoints_) return refuse("keypoints", "keypoints", "nothing");
    if (has_boxes_ || spec_.kind == ObjectKind::kBox) {
      return numbers_of_box_ > 0 ? Status() : refuse("bbox", "x, y, width and height", "nothing");
    }
    if (spec_.kind == ObjectKind::kMask) {
      const RunBox box = box_of(mask_);
      box_ = {static_cast<double>(box.x), static_cast<double>(box.y), static_cast<double>(box.width),
              static_cast<double>(box.height)};
      return {};
    }
    double left = keypoints_[0], top = keypoints_[1], right = left, bottom = top;
    for (std::size_t i = 3; i < keypoints_.size(); i += 3) {
      left = std::min(left, keypoints_[i]);
      right = std::max(right, keypoints_[i]);
      top = std::min(top, keypoints_[i + 1]);
      bottom = std::max(bottom, keypoints_[i + 1]);
    }
    box_ = {left, top, right - left, bottom - top};
    return {};
  }

  Status keep_mask() {
    if (has_boxes_) results_.areas.push_back(box_[2] * box_[3]);
    results_.mask_sizes.insert(results_.mask_sizes.end(), size_.begin(), size_.end());
    results_.mask_text += counts_;
    if (results_.mask_text.size() > std::numeric_limits<std::uint32_t>::max()) {
      return {error_code::kDatasetInvalid, "the masks of all results have more than 4 GiB"};
    }
    results_.mask_ends.push_back(static_cast<std::uint32_t>(results_.mask_text.size()));
    return {};
  }

  static constexpr std::size_t kWhole = std::numeric_limits<std::size_t>::max();
  static constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

  JsonText json_;
  const CocoResultsSpec& spec_;
  Places images_;
  Places categories_;
  CocoResults results_;
  bool has_boxes_ = false;
  // Of the result at hand:
  std::size_t index_ = 0;
  std::string key_;
  double image_ = 0;
  double category_ = 0;
  double score_ = 0;
  std::array<double, 4> box_{};
  std::size_t numbers_of_box_ = 0;
  bool has_mask_ = false;
  bool has_keypoints_ = false;
  std::array<std::int32_t, 2> size_{};
  std::string counts_;
  RunLengths mask_;
  std::vector<double> keypoints_;
};

}  // namespace

Result<CocoResults> read_coco_results(std::string_view text, const CocoResultsSpec& spec, const CancelToken* cancel) {
  if (cancel != nullptr && cancel->cancelled()) return aborted();
  ResultsReader reader(text, spec, cancel);
  FOVEATE_RETURN_IF_ERROR(reader.read());
  return reader.take();
}

}  // namespace foveate
