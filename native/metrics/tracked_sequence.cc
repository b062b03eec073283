#include "metrics/tracked_sequence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "core/instructions.h"
#include "metrics/assignment.h"
#include "metrics/tracked_rows.h"

namespace foveate {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

// MOTChallenge's classes.
constexpr std::int32_t kPedestrian = 1;
constexpr std::int32_t kPersonOnVehicle = 2;
constexpr std::int32_t kOtherVehicle = 6;
constexpr std::int32_t kStaticPerson = 7;
constexpr std::int32_t kDistractor = 8;
constexpr std::int32_t kReflection = 12;
constexpr std::int32_t kLastClass = 13;

bool is_distractor(std::int32_t class_id, TrackingBenchmark benchmark) {
  return class_id == kPersonOnVehicle || class_id == kStaticPerson || class_id == kDistractor ||
         class_id == kReflection || (class_id == kOtherVehicle && benchmark == TrackingBenchmark::kMot20);
}

struct Box {
  double left, top, right, bottom, area;
};

Box box_of(const TrackedObjects& objects, std::int32_t row) {
  const double* box = objects.boxes.data() + static_cast<std::size_t>(row) * 4;
  const double right = box[0] + box[2];
  const double bottom = box[1] + box[3];
  return {box[0], box[1], right, bottom, (right - box[0]) * (bottom - box[1])};
}

// Boxes side by side, so that many are compared with one at once.
class BoxColumns {
 public:
  void clear() {
    for (auto* side : {&left_, &top_, &right_, &bottom_, &area_}) side->clear();
  }
  void add(const Box& box) {
    left_.push_back(box.left);
    top_.push_back(box.top);
    right_.push_back(box.right);
    bottom_.push_back(box.bottom);
    area_.push_back(box.area);
  }

  // Calls `use` with the place of each box that overlaps this one, and the IoU. Boxes without an area overlap nothing.
  template <typename Use>
  void for_each_overlap(const Box& box, Use use) {
    shared_.resize(left_.size());
    with_best_instructions([count = left_.size(), box, left = left_.data(), top = top_.data(), right = right_.data(),
                            bottom = bottom_.data(), shared = shared_.data()]() FOVEATE_HOT {
      for (std::size_t i = 0; i < count; ++i) {
        const double width = std::min(box.right, right[i]) - std::max(box.left, left[i]);
        const double height = std::min(box.bottom, bottom[i]) - std::max(box.top, top[i]);
        shared[i] = std::max(width, 0.0) * std::max(height, 0.0);
      }
    });
    if (box.area <= kEpsilon) return;
    for (std::size_t i = 0; i < shared_.size(); ++i) {
      if (!(shared_[i] > 0) || area_[i] <= kEpsilon) continue;
      const double either = box.area + area_[i] - shared_[i];
      if (either > kEpsilon) use(i, shared_[i] / either);
    }
  }

 private:
  std::vector<double> left_, top_, right_, bottom_, area_;
  std::vector<double> shared_;  // area, with the box that all are compared with
};

// Goes through the frames of two sides together, and finds which boxes overlap.
class FrameWalk {
 public:
  FrameWalk(const TrackedObjects& truth, const TrackedRows& truth_rows, const TrackedObjects& found,
            const TrackedRows& found_rows)
      : truth_(truth), truth_rows_(truth_rows), found_(found), found_rows_(found_rows) {}

  // False after the last frame.
  bool next() {
    frame_.truth_begin += frame_.truth_count;
    frame_.found_begin += frame_.found_count;
    constexpr std::int64_t kNoFrame = std::numeric_limits<std::int64_t>::max();
    const std::int64_t frame = std::min(frame_at(truth_rows_, frame_.truth_begin, kNoFrame),
                                        frame_at(found_rows_, frame_.found_begin, kNoFrame));
    if (frame == kNoFrame) return false;
    frame_.truth_count = rows_in(truth_rows_, frame_.truth_begin, frame);
    frame_.found_count = rows_in(found_rows_, frame_.found_begin, frame);
    return true;
  }

  // Rows of the current frame; the places of its overlaps are the caller's to fill in.
  const TrackedFrame& frame() const { return frame_; }

  Status append_overlaps(std::vector<TrackOverlap>& overlaps, const CancelToken* cancel) {
    boxes_.clear();
    for (std::size_t j = 0; j < frame_.found_count; ++j) {
      boxes_.add(box_of(found_, found_rows_.order[frame_.found_begin + j]));
    }
    for (std::size_t i = 0; i < frame_.truth_count; ++i) {
      if (cancel != nullptr && cancel->cancelled()) return aborted();
      const Box truth = box_of(truth_, truth_rows_.order[frame_.truth_begin + i]);
      boxes_.for_each_overlap(truth, [&](std::size_t j, double iou) {
        if (iou > 0) overlaps.push_back({static_cast<std::int32_t>(i), static_cast<std::int32_t>(j), -1, iou});
      });
    }
    return {};
  }

 private:
  static std::int64_t frame_at(const TrackedRows& rows, std::size_t place, std::int64_t none) {
    return place < rows.frames.size() ? rows.frames[place] : none;
  }
  static std::size_t rows_in(const TrackedRows& rows, std::size_t begin, std::int64_t frame) {
    std::size_t end = begin;
    while (end < rows.frames.size() && rows.frames[end] == frame) ++end;
    return end - begin;
  }

  const TrackedObjects& truth_;
  const TrackedRows& truth_rows_;
  const TrackedObjects& found_;
  const TrackedRows& found_rows_;
  TrackedFrame frame_{};
  BoxColumns boxes_;
};

Status check_classes(const TrackedObjects& objects, const std::string& side, std::int32_t least, std::int32_t most) {
  for (std::size_t row = 0; row < objects.classes.size(); ++row) {
    const std::int32_t class_id = objects.classes[row];
    if (class_id >= least && class_id <= most) continue;
    return {error_code::kInvalidArgument,
            side + " has class " + std::to_string(class_id) + " in frame " + std::to_string(objects.frames[row]) +
                ", id " + std::to_string(objects.ids[row]) + ", which the benchmark does not have",
            "Truth has classes from 1 to 13; what is found is a pedestrian, class 1, or has none. Leave the benchmark "
            "out to have classes ignored."};
  }
  return {};
}

// Of each row that was found, whether it lies on something other than a pedestrian that is not to be counted. All of
// truth takes part in the pairing.
Result<std::vector<bool>> off_distractors(const TrackedObjects& truth, const TrackedRows& truth_rows,
                                          const TrackedObjects& found, const TrackedRows& found_rows,
                                          TrackingBenchmark benchmark, const CancelToken* cancel) {
  std::vector<bool> keep(found_rows.order.size(), true);
  Assignment assignment;
  std::vector<TrackOverlap> overlaps;
  std::vector<double> costs;
  FrameWalk walk(truth, truth_rows, found, found_rows);
  while (walk.next()) {
    if (cancel != nullptr && cancel->cancelled()) return aborted();
    const TrackedFrame& frame = walk.frame();
    overlaps.clear();
    FOVEATE_RETURN_IF_ERROR(walk.append_overlaps(overlaps, cancel));
    costs.assign(frame.truth_count * frame.found_count, 0.0);
    std::erase_if(overlaps, [](const TrackOverlap& overlap) { return overlap.iou < 0.5 - kEpsilon; });
    for (const auto& [i, j, pair, iou] : overlaps) costs[i * frame.found_count + j] = -iou;
    if (!assignment.solve(costs, frame.truth_count, frame.found_count, cancel)) return aborted();
    for (const auto& [i, j, pair, iou] : overlaps) {
      const std::int32_t row = truth_rows.order[frame.truth_begin + i];
      if (assignment.columns()[i] == j && is_distractor(truth.classes[row], benchmark)) {
        keep[frame.found_begin + j] = false;
      }
    }
  }
  return keep;
}

// Of each row of truth, whether it is to be counted.
std::vector<bool> counted_truth(const TrackedObjects& truth, const TrackedRows& rows, TrackingBenchmark benchmark) {
  std::vector<bool> keep;
  for (const std::int32_t row : rows.order) {
    const bool is_marked = !truth.confidences.empty() && std::abs(truth.confidences[row]) < 1;
    const bool is_other = benchmark != TrackingBenchmark::kNone && truth.classes[row] != kPedestrian;
    keep.push_back(!is_marked && !is_other);
  }
  return keep;
}

std::vector<std::int32_t> lengths_of(const TrackedRows& rows) {
  std::vector<std::int32_t> lengths(rows.track_count, 0);
  for (const std::int32_t track : rows.tracks) ++lengths[track];
  return lengths;
}

// Numbers the pairs of tracks that overlap somewhere. For each track of truth, its partners are told apart by a mark.
void number_pairs(TrackedSequence& sequence) {
  struct Meeting {
    std::int32_t found;
    std::size_t overlap;
  };
  std::vector<std::size_t> begin(sequence.truth_lengths.size() + 1, 0);
  const auto for_each = [&](auto use) {
    for (const TrackedFrame& frame : sequence.frames) {
      for (std::size_t k = frame.overlap_begin; k < frame.overlap_begin + frame.overlap_count; ++k) {
        const TrackOverlap& overlap = sequence.overlaps[k];
        use(sequence.truth_of(frame)[overlap.truth], sequence.found_of(frame)[overlap.found], k);
      }
    }
  };
  for_each([&](std::int32_t truth, std::int32_t, std::size_t) { ++begin[truth + 1]; });
  for (std::size_t truth = 1; truth < begin.size(); ++truth) begin[truth] += begin[truth - 1];
  std::vector<Meeting> meetings(sequence.overlaps.size());
  std::vector<std::size_t> end(begin.begin(), begin.end() - 1);
  for_each([&](std::int32_t truth, std::int32_t found, std::size_t k) { meetings[end[truth]++] = {found, k}; });

  std::vector<std::int32_t> pair_of_found(sequence.found_lengths.size(), -1);
  std::vector<std::int32_t> partners;
  for (std::size_t truth = 0; truth < end.size(); ++truth) {
    const std::span<const Meeting> met(meetings.data() + begin[truth], end[truth] - begin[truth]);
    partners.clear();
    for (const Meeting& meeting : met) {
      if (std::exchange(pair_of_found[meeting.found], 0) < 0) partners.push_back(meeting.found);
    }
    std::sort(partners.begin(), partners.end());
    for (const std::int32_t found : partners) {
      pair_of_found[found] = static_cast<std::int32_t>(sequence.pairs.size());
      sequence.pairs.push_back({static_cast<std::int32_t>(truth), found});
    }
    for (const Meeting& meeting : met) sequence.overlaps[meeting.overlap].pair = pair_of_found[meeting.found];
    for (const std::int32_t found : partners) pair_of_found[found] = -1;
  }
}

}  // namespace

Result<TrackedSequence> track_sequence(const TrackedObjects& truth, const TrackedObjects& found,
                                       TrackingBenchmark benchmark, const CancelToken* cancel) {
  auto ordered_truth = order_rows(truth, "Truth");
  if (!ordered_truth.ok()) return ordered_truth.take_status();
  auto ordered_found = order_rows(found, "What was found");
  if (!ordered_found.ok()) return ordered_found.take_status();
  TrackedRows& truth_rows = ordered_truth.value();
  TrackedRows& found_rows = ordered_found.value();
  if (benchmark != TrackingBenchmark::kNone) {
    FOVEATE_RETURN_IF_ERROR(check_classes(truth, "Truth", kPedestrian, kLastClass));
    FOVEATE_RETURN_IF_ERROR(
        check_classes(found, "What was found", std::numeric_limits<std::int32_t>::min(), kPedestrian));
    auto keep = off_distractors(truth, truth_rows, found, found_rows, benchmark, cancel);
    if (!keep.ok()) return keep.take_status();
    keep_rows(found_rows, keep.value());
  }
  keep_rows(truth_rows, counted_truth(truth, truth_rows, benchmark));

  TrackedSequence sequence;
  FrameWalk walk(truth, truth_rows, found, found_rows);
  while (walk.next()) {
    if (cancel != nullptr && cancel->cancelled()) return aborted();
    TrackedFrame& frame = sequence.frames.emplace_back(walk.frame());
    frame.overlap_begin = sequence.overlaps.size();
    FOVEATE_RETURN_IF_ERROR(walk.append_overlaps(sequence.overlaps, cancel));
    frame.overlap_count = sequence.overlaps.size() - frame.overlap_begin;
    if (sequence.overlaps.size() > std::numeric_limits<std::int32_t>::max()) {
      return Status(error_code::kInvalidArgument, "More than 2147483647 pairs of boxes overlap in their frames",
                    "Leave out boxes of little confidence.");
    }
  }
  sequence.truth_lengths = lengths_of(truth_rows);
  sequence.found_lengths = lengths_of(found_rows);
  sequence.truth_tracks = std::move(truth_rows.tracks);
  sequence.found_tracks = std::move(found_rows.tracks);
  number_pairs(sequence);
  return sequence;
}

}  // namespace foveate
