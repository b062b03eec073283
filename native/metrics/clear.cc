#include "metrics/clear.h"

#include <cstddef>
#include <limits>
#include <vector>

#include "metrics/assignment.h"
#include "metrics/matching.h"
#include "metrics/sparse_pairing.h"

namespace foveate {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Sorts the tracks of truth by the share of their rows that have a partner.
void count_tracked(const TrackedSequence& sequence, const std::vector<std::int32_t>& matched, TrackingRules rules,
                   ClearCounts& counts) {
  for (std::size_t track = 0; track < matched.size(); ++track) {
    const double ratio = static_cast<double>(matched[track]) / static_cast<double>(sequence.truth_lengths[track]);
    if (rules == TrackingRules::kTrackEval ? ratio > 0.8 : ratio >= 0.8) {
      ++counts.mostly_tracked;
    } else if (ratio >= 0.2) {
      ++counts.partly_tracked;
    } else {
      ++counts.mostly_lost;
    }
  }
}

// Keeping a partner of the frame before comes first, then the sum of IoUs. A frame without truth, or in which nothing
// was found, is passed over: what comes after it still follows the frame before it.
Result<ClearCounts> count_like_trackeval(const TrackedSequence& sequence, const CancelToken* cancel) {
  constexpr double kLeastIou = kMatchingIou - kIouTolerance;
  constexpr double kKeptPartner = 1000;
  const std::size_t tracks = sequence.truth_lengths.size();
  std::vector<std::int32_t> last_partner(tracks, -1);      // ever
  std::vector<std::int32_t> previous_partner(tracks, -1);  // in the frame before
  std::vector<std::int32_t> previous_tracks;               // that have one
  std::vector<std::int32_t> matched(tracks, 0);
  std::vector<std::int32_t> runs(tracks, 0);
  SparsePairing pairing;
  struct Match {
    std::int32_t truth, found;
    bool is_new;
  };
  std::vector<Match> matches;
  ClearCounts counts;
  for (const TrackedFrame& frame : sequence.frames) {
    if (cancel != nullptr && cancel->cancelled()) return aborted();
    counts.false_negatives += static_cast<std::int64_t>(frame.truth_count);
    counts.false_positives += static_cast<std::int64_t>(frame.found_count);
    if (frame.truth_count == 0 || frame.found_count == 0) continue;
    const auto truth = sequence.truth_of(frame);
    const auto found = sequence.found_of(frame);
    pairing.begin(frame.truth_count, frame.found_count);
    for (const TrackOverlap& overlap : sequence.overlaps_of(frame)) {
      if (overlap.iou < kLeastIou) continue;
      const bool kept = previous_partner[truth[overlap.truth]] == found[overlap.found];
      pairing.add(overlap.truth, overlap.found, -((kept ? kKeptPartner : 0) + overlap.iou));
    }
    if (!pairing.solve(cancel)) return aborted();
    const auto columns = pairing.columns();

    matches.clear();
    double iou_sum = 0;
    for (const TrackOverlap& overlap : sequence.overlaps_of(frame)) {
      if (overlap.iou < kLeastIou || columns[overlap.truth] != overlap.found) continue;
      const std::int32_t track = truth[overlap.truth];
      matches.push_back({track, found[overlap.found], previous_partner[track] < 0});
      iou_sum += overlap.iou;
    }
    for (const std::int32_t track : previous_tracks) previous_partner[track] = -1;
    previous_tracks.clear();
    for (const Match& match : matches) {
      if (last_partner[match.truth] >= 0 && last_partner[match.truth] != match.found) ++counts.switches;
      if (match.is_new) ++runs[match.truth];
      ++matched[match.truth];
      last_partner[match.truth] = previous_partner[match.truth] = match.found;
      previous_tracks.push_back(match.truth);
    }
    counts.true_positives += static_cast<std::int64_t>(matches.size());
    counts.iou_sum += iou_sum;
  }
  counts.false_negatives -= counts.true_positives;
  counts.false_positives -= counts.true_positives;
  for (const std::int32_t count : runs) counts.fragmentations += count > 1 ? count - 1 : 0;
  count_tracked(sequence, matched, TrackingRules::kTrackEval, counts);
  return counts;
}

// Truth keeps its last partner, however long ago, in the order of rows; what is left is paired, as many as can be, at
// the least sum of distances.
Result<ClearCounts> count_like_motmetrics(const TrackedSequence& sequence, const CancelToken* cancel) {
  const std::size_t tracks = sequence.truth_lengths.size();
  std::vector<std::int32_t> last_partner(tracks, -1);
  std::vector<std::int32_t> matched(tracks, 0);
  std::vector<bool> missed(tracks, false);  // since it last had a partner
  std::vector<std::int32_t> partner;        // of each row of truth in the frame, a row
  std::vector<double> partner_iou;
  std::vector<bool> taken;
  Assignment assignment;
  std::vector<double> costs;
  ClearCounts counts;
  for (const TrackedFrame& frame : sequence.frames) {
    if (cancel != nullptr && cancel->cancelled()) return aborted();
    const auto truth = sequence.truth_of(frame);
    const auto found = sequence.found_of(frame);
    partner.assign(frame.truth_count, -1);
    partner_iou.assign(frame.truth_count, 0.0);
    taken.assign(frame.found_count, false);
    for (const auto& [i, j, pair, iou] : sequence.overlaps_of(frame)) {
      if (!is_within_distance(iou) || last_partner[truth[i]] != found[j] || taken[j]) continue;
      partner[i] = j;
      partner_iou[i] = iou;
      taken[j] = true;
    }
    costs.assign(frame.truth_count * frame.found_count, kInfinity);
    bool any = false;
    for (const auto& [i, j, pair, iou] : sequence.overlaps_of(frame)) {
      if (!is_within_distance(iou) || partner[i] >= 0 || taken[j]) continue;
      costs[i * frame.found_count + j] = 1 - iou;
      any = true;
    }
    if (any) {
      if (!assignment.solve_gated(costs, frame.truth_count, frame.found_count, cancel)) return aborted();
      for (const auto& [i, j, pair, iou] : sequence.overlaps_of(frame)) {
        if (partner[i] >= 0 || assignment.columns()[i] != j) continue;
        partner[i] = j;
        partner_iou[i] = iou;
        const std::int32_t last = last_partner[truth[i]];
        if (last >= 0 && last != found[j]) ++counts.switches;
        last_partner[truth[i]] = found[j];
      }
    }
    std::int64_t pairs = 0;
    double iou_sum = 0;
    for (std::size_t i = 0; i < frame.truth_count; ++i) {
      const std::int32_t track = truth[i];
      if (partner[i] < 0) {
        missed[track] = true;
        continue;
      }
      if (missed[track] && matched[track] > 0) ++counts.fragmentations;
      missed[track] = false;
      ++matched[track];
      iou_sum += partner_iou[i];
      ++pairs;
    }
    counts.true_positives += pairs;
    counts.false_negatives += static_cast<std::int64_t>(frame.truth_count) - pairs;
    counts.false_positives += static_cast<std::int64_t>(frame.found_count) - pairs;
    counts.iou_sum += iou_sum;
  }
  count_tracked(sequence, matched, TrackingRules::kPyMotmetrics, counts);
  return counts;
}

}  // namespace

Result<ClearCounts> count_clear(const TrackedSequence& sequence, TrackingRules rules, const CancelToken* cancel) {
  return rules == TrackingRules::kTrackEval ? count_like_trackeval(sequence, cancel)
                                            : count_like_motmetrics(sequence, cancel);
}

}  // namespace foveate
