// Objects followed through the frames of a video, as they are labelled and as they were found, brought into the form
// that tracking metrics count in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/cancel.h"
#include "core/status.h"

namespace foveate {

// One row for each object in each frame, in any order; rows of one frame keep theirs.
struct TrackedObjects {
  std::span<const std::int32_t> frames;
  std::span<const std::int32_t> ids;  // of the track
  std::span<const double> boxes;      // x, y, width, height
  std::span<const double> confidences =
      {};  // of truth, cut to a whole number: 0 is not to be counted. Empty: all count
  std::span<const std::int32_t> classes = {};  // as MOTChallenge numbers them. Empty: not told
};

// Whose rules of preparing the rows are followed.
enum class TrackingBenchmark : std::uint8_t {
  kNone,   // classes are not looked at; MOT15 has no more rules
  kMot17,  // MOT16 too: of truth only pedestrians count; what is found on a person on a vehicle, a static person, a
           // distractor or a reflection is taken out
  kMot20,  // what is found on a vehicle is taken out as well
};

// Two boxes of one frame that overlap.
struct TrackOverlap {
  std::int32_t truth;  // rows of the frame, from 0
  std::int32_t found;
  std::int32_t pair;  // of tracks
  double iou;         // above 0
};

// Places in the arrays of TrackedSequence.
struct TrackedFrame {
  std::size_t truth_begin;
  std::size_t truth_count;
  std::size_t found_begin;
  std::size_t found_count;
  std::size_t overlap_begin;
  std::size_t overlap_count;
};

struct TrackPair {
  std::int32_t truth;
  std::int32_t found;
};

// Tracks are numbered from 0, in the order of their ids.
struct TrackedSequence {
  std::vector<TrackedFrame> frames;         // that have a row
  std::vector<std::int32_t> truth_tracks;   // of each row, frame by frame
  std::vector<std::int32_t> found_tracks;   //
  std::vector<std::int32_t> truth_lengths;  // of each track its rows
  std::vector<std::int32_t> found_lengths;  //
  std::vector<TrackOverlap> overlaps;       // frame by frame, by truth, then by found
  std::vector<TrackPair> pairs;             // of tracks that overlap in some frame, by truth, then by found

  std::span<const std::int32_t> truth_of(const TrackedFrame& frame) const {
    return {truth_tracks.data() + frame.truth_begin, frame.truth_count};
  }
  std::span<const std::int32_t> found_of(const TrackedFrame& frame) const {
    return {found_tracks.data() + frame.found_begin, frame.found_count};
  }
  std::span<const TrackOverlap> overlaps_of(const TrackedFrame& frame) const {
    return {overlaps.data() + frame.overlap_begin, frame.overlap_count};
  }
};

// INVALID_ARGUMENT for an id twice in a frame, boxes that are not finite, classes that the benchmark does not have,
// more than 2^31 overlaps; ABORTED.
Result<TrackedSequence> track_sequence(const TrackedObjects& truth, const TrackedObjects& found,
                                       TrackingBenchmark benchmark, const CancelToken* cancel = nullptr);

}  // namespace foveate
