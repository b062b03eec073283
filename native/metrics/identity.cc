#include "metrics/identity.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include "metrics/assignment.h"
#include "metrics/matching.h"

namespace foveate {
namespace {

// Sets of tracks that are joined by pairs, however far around.
class Groups {
 public:
  explicit Groups(std::size_t members) : parent_(members) { std::iota(parent_.begin(), parent_.end(), 0); }

  std::size_t of(std::size_t member) {
    while (parent_[member] != member) member = parent_[member] = parent_[parent_[member]];
    return member;
  }
  void join(std::size_t a, std::size_t b) { parent_[of(a)] = of(b); }

 private:
  std::vector<std::size_t> parent_;
};

struct JoinedPair {
  std::size_t group;
  TrackPair tracks;
  std::int64_t count;  // frames in which they match
};

// Pairs of tracks that match in some frame, group by group.
std::vector<JoinedPair> joined_pairs(const TrackedSequence& sequence, TrackingRules rules) {
  std::vector<std::int64_t> matches(sequence.pairs.size(), 0);
  for (const TrackOverlap& overlap : sequence.overlaps) {
    const bool is_match =
        rules == TrackingRules::kTrackEval ? overlap.iou >= kMatchingIou : is_within_distance(overlap.iou);
    if (is_match) ++matches[overlap.pair];
  }
  const std::size_t truths = sequence.truth_lengths.size();
  Groups groups(truths + sequence.found_lengths.size());
  std::vector<JoinedPair> joined;
  for (std::size_t pair = 0; pair < matches.size(); ++pair) {
    if (matches[pair] == 0) continue;
    joined.push_back({0, sequence.pairs[pair], matches[pair]});
    groups.join(sequence.pairs[pair].truth, truths + sequence.pairs[pair].found);
  }
  for (JoinedPair& pair : joined) pair.group = groups.of(pair.tracks.truth);
  std::stable_sort(joined.begin(), joined.end(),
                   [](const JoinedPair& a, const JoinedPair& b) { return a.group < b.group; });
  return joined;
}

// Numbers the tracks of one group, from 0.
class Numbering {
 public:
  explicit Numbering(std::size_t tracks) : number_(tracks, -1) {}

  std::size_t operator()(std::int32_t track) {
    if (number_[track] < 0) number_[track] = count_++;
    return static_cast<std::size_t>(number_[track]);
  }
  std::size_t count() const { return static_cast<std::size_t>(count_); }
  // A track is in one group alone, so its number may stay.
  void begin_group() { count_ = 0; }

 private:
  std::vector<std::int32_t> number_;
  std::int32_t count_ = 0;
};

}  // namespace

// What a pair of tracks costs is the boxes of both less twice its matches; so the least cost has the most matches, and
// tracks without a match in common are nobody's business: each group is a problem of its own.
Result<IdentityCounts> count_identity(const TrackedSequence& sequence, TrackingRules rules, const CancelToken* cancel) {
  const std::vector<JoinedPair> pairs = joined_pairs(sequence, rules);
  Numbering truth(sequence.truth_lengths.size());
  Numbering found(sequence.found_lengths.size());
  Assignment assignment;
  std::vector<double> costs;
  IdentityCounts counts;
  for (auto begin = pairs.begin(); begin != pairs.end();) {
    const auto end =
        std::find_if(begin, pairs.end(), [&](const JoinedPair& pair) { return pair.group != begin->group; });
    truth.begin_group();
    found.begin_group();
    for (auto pair = begin; pair != end; ++pair) {
      truth(pair->tracks.truth);
      found(pair->tracks.found);
    }
    costs.assign(truth.count() * found.count(), 0.0);
    const auto place_of = [&](const TrackPair& tracks) {
      return truth(tracks.truth) * found.count() + found(tracks.found);
    };
    for (auto pair = begin; pair != end; ++pair) costs[place_of(pair->tracks)] = -static_cast<double>(pair->count);
    if (!assignment.solve(costs, truth.count(), found.count(), cancel)) return aborted();
    for (auto pair = begin; pair != end; ++pair) {
      const bool chosen =
          assignment.columns()[truth(pair->tracks.truth)] == static_cast<std::int32_t>(found(pair->tracks.found));
      if (chosen) counts.true_positives += pair->count;
    }
    begin = end;
  }
  counts.false_negatives = static_cast<std::int64_t>(sequence.truth_tracks.size()) - counts.true_positives;
  counts.false_positives = static_cast<std::int64_t>(sequence.found_tracks.size()) - counts.true_positives;
  return counts;
}

}  // namespace foveate
