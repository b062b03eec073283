#include "metrics/hota.h"

#include <algorithm>
#include <vector>

#include "metrics/matching.h"
#include "metrics/pairwise_sum.h"
#include "metrics/sparse_pairing.h"

namespace foveate {
namespace {

// How well tracks fit each other over the whole sequence: frames in which they overlap, each weighted by how much
// better than its rivals the pair is there, over all frames in which one of them is. Of each pair of tracks.
std::vector<double> alignments_of(const TrackedSequence& sequence) {
  std::vector<double> together(sequence.pairs.size(), 0.0);
  std::vector<double> found_sums;
  std::vector<double> row;
  std::vector<double> truth_sums;
  for (const TrackedFrame& frame : sequence.frames) {
    const auto overlaps = sequence.overlaps_of(frame);
    found_sums.assign(frame.found_count, 0.0);
    truth_sums.assign(frame.truth_count, 0.0);
    row.assign(frame.found_count, 0.0);
    for (std::size_t k = 0; k < overlaps.size();) {
      const std::size_t begin = k;
      const std::int32_t truth = overlaps[begin].truth;
      for (; k < overlaps.size() && overlaps[k].truth == truth; ++k) {
        row[overlaps[k].found] = overlaps[k].iou;
        found_sums[overlaps[k].found] += overlaps[k].iou;
      }
      truth_sums[truth] = pairwise_sum(row);
      for (std::size_t used = begin; used < k; ++used) row[overlaps[used].found] = 0;
    }
    if (frame.found_count == 1) {
      // One column is contiguous, and NumPy sums it as such.
      std::vector<double> column(frame.truth_count, 0.0);
      for (const TrackOverlap& overlap : overlaps) column[overlap.truth] = overlap.iou;
      found_sums[0] = pairwise_sum(column);
    }
    for (const TrackOverlap& overlap : overlaps) {
      const double either = found_sums[overlap.found] + truth_sums[overlap.truth] - overlap.iou;
      if (either > kIouTolerance) together[overlap.pair] += overlap.iou / either;
    }
  }
  for (std::size_t pair = 0; pair < together.size(); ++pair) {
    const auto [truth, found] = sequence.pairs[pair];
    const auto frames = static_cast<double>(sequence.truth_lengths[truth] + sequence.found_lengths[found]);
    together[pair] = together[pair] / (frames - together[pair]);
  }
  return together;
}

using MatchCounts = std::array<std::vector<std::int32_t>, kHotaThresholds>;  // of each pair of tracks

// One pairing in each frame serves all thresholds.
Status match_frames(const TrackedSequence& sequence, const CancelToken* cancel, HotaParts& parts,
                    MatchCounts& matches) {
  const std::vector<double> alignments = alignments_of(sequence);
  for (auto& counts : matches) counts.assign(sequence.pairs.size(), 0);
  SparsePairing pairing;
  for (const TrackedFrame& frame : sequence.frames) {
    if (cancel != nullptr && cancel->cancelled()) return aborted();
    const auto overlaps = sequence.overlaps_of(frame);
    if (overlaps.empty()) continue;
    pairing.begin(frame.truth_count, frame.found_count);
    for (const TrackOverlap& overlap : overlaps) {
      pairing.add(overlap.truth, overlap.found, -(alignments[overlap.pair] * overlap.iou));
    }
    if (!pairing.solve(cancel)) return aborted();
    const auto columns = pairing.columns();
    std::array<double, kHotaThresholds> iou_sums{};
    for (const TrackOverlap& overlap : overlaps) {
      if (columns[overlap.truth] != overlap.found) continue;
      for (std::size_t a = 0; a < kHotaThresholds && overlap.iou >= hota_threshold(a) - kIouTolerance; ++a) {
        ++parts.true_positives[a];
        ++matches[a][overlap.pair];
        iou_sums[a] += overlap.iou;
      }
    }
    for (std::size_t a = 0; a < kHotaThresholds; ++a) parts.localisation[a] += iou_sums[a];
  }
  return {};
}

// Over all matches, how much of both tracks, of the true and of the found one matches as they do.
void measure_association(const TrackedSequence& sequence, const std::vector<std::int32_t>& matches, std::size_t a,
                         HotaParts& parts) {
  std::vector<PlacedValue> both, recall, precision;
  for (std::size_t pair = 0; pair < matches.size(); ++pair) {
    if (matches[pair] == 0) continue;
    const auto [truth, found] = sequence.pairs[pair];
    const double count = matches[pair];
    const double in_truth = sequence.truth_lengths[truth];
    const double in_found = sequence.found_lengths[found];
    const std::size_t place = static_cast<std::size_t>(truth) * sequence.found_lengths.size() + found;
    both.push_back({place, count * (count / std::max(1.0, in_truth + in_found - count))});
    recall.push_back({place, count * (count / std::max(1.0, in_truth))});
    precision.push_back({place, count * (count / std::max(1.0, in_found))});
  }
  const std::size_t length = sequence.truth_lengths.size() * sequence.found_lengths.size();
  const double weight = std::max(1.0, static_cast<double>(parts.true_positives[a]));
  parts.association[a] = pairwise_sum(both, length) / weight;
  parts.association_recall[a] = pairwise_sum(recall, length) / weight;
  parts.association_precision[a] = pairwise_sum(precision, length) / weight;
}

}  // namespace

double hota_threshold(std::size_t index) { return 0.05 + static_cast<double>(index) * 0.05; }

Result<HotaParts> measure_hota(const TrackedSequence& sequence, const CancelToken* cancel) {
  constexpr double kLeast = 1e-10;
  HotaParts parts;
  MatchCounts matches;
  FOVEATE_RETURN_IF_ERROR(match_frames(sequence, cancel, parts, matches));
  for (std::size_t a = 0; a < kHotaThresholds; ++a) {
    measure_association(sequence, matches[a], a, parts);
    const std::int64_t true_positives = parts.true_positives[a];
    parts.localisation[a] =
        std::max(kLeast, parts.localisation[a]) / std::max(kLeast, static_cast<double>(true_positives));
    parts.false_negatives[a] = static_cast<std::int64_t>(sequence.truth_tracks.size()) - true_positives;
    parts.false_positives[a] = static_cast<std::int64_t>(sequence.found_tracks.size()) - true_positives;
  }
  return parts;
}

}  // namespace foveate
