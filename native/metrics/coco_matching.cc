#include "metrics/coco_matching.h"

#include <algorithm>
#include <cstddef>

namespace foveate {
namespace {

constexpr std::size_t kMostThresholds = 32;
constexpr std::size_t kMostAreas = 8;
// No overlap is asked to be more than this: 1 is reached in spite of rounding.
constexpr double kHighestThreshold = 1 - 1e-10;

using Indices = std::vector<std::int32_t>;

// Indices by `keys`, which are below `range`, equal ones as they were in `order`.
Indices sorted_by(const Indices& order, std::span<const std::int32_t> keys, std::int32_t range) {
  std::vector<std::size_t> places(static_cast<std::size_t>(range) + 1);
  for (const std::int32_t key : keys) ++places[static_cast<std::size_t>(key) + 1];
  for (std::size_t i = 1; i < places.size(); ++i) places[i] += places[i - 1];
  Indices sorted(order.size());
  for (const std::int32_t i : order) sorted[places[static_cast<std::size_t>(keys[static_cast<std::size_t>(i)])]++] = i;
  return sorted;
}

// By category, then by picture, then as given.
Indices grouped(const ObjectList& objects, const MatchSpec& spec) {
  Indices order(objects.count());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int32_t>(i);
  return sorted_by(sorted_by(order, objects.images, spec.images), objects.categories, spec.categories);
}

// The objects of one picture and category, taken from the front of `left`.
std::span<std::int32_t> take_group(std::span<std::int32_t>& left, const ObjectList& objects, std::int32_t category,
                                   std::int32_t image) {
  std::size_t count = 0;
  while (count < left.size() && objects.categories[static_cast<std::size_t>(left[count])] == category &&
         objects.images[static_cast<std::size_t>(left[count])] == image) {
    ++count;
  }
  const auto group = left.first(count);
  left = left.subspan(count);
  return group;
}

Status check_spec(const MatchSpec& spec) {
  if (spec.thresholds.empty() || spec.thresholds.size() > kMostThresholds || spec.areas.empty() ||
      spec.areas.size() > kMostAreas || spec.max_detections.empty() || spec.images < 0 || spec.categories < 0) {
    return {error_code::kInvalidArgument,
            "Expected 1 to 32 thresholds of overlap, 1 to 8 ranges of areas and a number of detections that count"};
  }
  return {};
}

class Matcher {
 public:
  Matcher(const ObjectList& truth, const ObjectList& found, const MatchSpec& spec)
      : truth_(truth), found_(found), spec_(spec), measure_(spec.kind, truth, found, spec.sigmas) {
    lowest_ = kHighestThreshold;
    for (const double threshold : spec.thresholds) lowest_ = std::min(lowest_, threshold);
    matching_.matched_truth.assign(found.count(), -1);
    matching_.best_overlap.assign(found.count(), 0);
    matching_.neither.assign(found.count(), 1);
    matching_.found.reserve(found.count());
    matching_.outcomes.reserve(found.count() * spec.areas.size());
    matching_.truths.reserve(truth.count());
  }

  Status run(const CancelToken* cancel) {
    Indices truth_order = grouped(truth_, spec_);
    Indices found_order = grouped(found_, spec_);
    std::span<std::int32_t> truths_left = truth_order;
    std::span<std::int32_t> found_left = found_order;
    const auto category_of = [](const ObjectList& objects, std::int32_t i) {
      return objects.categories[static_cast<std::size_t>(i)];
    };
    const auto image_of = [](const ObjectList& objects, std::int32_t i) {
      return objects.images[static_cast<std::size_t>(i)];
    };
    for (std::int32_t category = 0; category < spec_.categories; ++category) {
      const std::size_t begin = matching_.found.size();
      matching_.found_begins.push_back(begin);
      matching_.truth_begins.push_back(matching_.truths.size());
      while (true) {
        if (cancel != nullptr && cancel->cancelled()) return aborted();
        const bool truths_go_on = !truths_left.empty() && category_of(truth_, truths_left[0]) == category;
        const bool found_goes_on = !found_left.empty() && category_of(found_, found_left[0]) == category;
        if (!truths_go_on && !found_goes_on) break;
        std::int32_t image = spec_.images;
        if (truths_go_on) image = std::min(image, image_of(truth_, truths_left[0]));
        if (found_goes_on) image = std::min(image, image_of(found_, found_left[0]));
        const auto truths = take_group(truths_left, truth_, category, image);
        const auto found = take_group(found_left, found_, category, image);
        FOVEATE_RETURN_IF_ERROR(match_group(truths, found, image, cancel));
      }
      rank_category(begin);
    }
    matching_.found_begins.push_back(matching_.found.size());
    matching_.truth_begins.push_back(matching_.truths.size());
    return {};
  }

  Matching take() { return std::move(matching_); }

 private:
  // A truth that may be matched: its place in the group, and how much they overlap.
  struct Candidate {
    std::size_t truth;
    double overlap;
  };

  Status match_group(std::span<const std::int32_t> truths, std::span<std::int32_t> found, std::int32_t image,
                     const CancelToken* cancel) {
    FOVEATE_RETURN_IF_ERROR(look_at_truths(truths, image));
    std::stable_sort(found.begin(), found.end(), [this](std::int32_t a, std::int32_t b) {
      return found_.scores[static_cast<std::size_t>(a)] > found_.scores[static_cast<std::size_t>(b)];
    });
    const auto most = static_cast<std::size_t>(spec_.max_detections.back());
    if (found.size() > most) found = found.first(most);
    FOVEATE_RETURN_IF_ERROR(measure_.measure(found, truths, overlaps_, cancel));
    collect_candidates(truths.size(), found);

    const std::size_t areas = spec_.areas.size();
    const std::size_t first = matching_.outcomes.size();
    matching_.outcomes.resize(first + found.size() * areas);
    for (std::size_t rank = 0; rank < found.size(); ++rank) {
      const std::int32_t index = found[rank];
      matching_.found.push_back(
          {found_.scores[static_cast<std::size_t>(index)], index, image, static_cast<std::int32_t>(rank)});
    }
    for (std::size_t area = 0; area < areas; ++area) {
      if (candidates_.empty()) break;
      FOVEATE_RETURN_IF_ERROR(match_area(area, truths, found, matching_.outcomes.data() + first, cancel));
    }
    return finish_outcomes(found, matching_.outcomes.data() + first);
  }

  Status look_at_truths(std::span<const std::int32_t> truths, std::int32_t image) {
    counted_.assign(truths.size(), 0);
    for (std::size_t j = 0; j < truths.size(); ++j) {
      const auto index = static_cast<std::size_t>(truths[j]);
      const bool ignored = truth_.is_crowd(index) || (!truth_.ignored.empty() && truth_.ignored[index] != 0) ||
                           measure_.lacks_keypoints(index);
      if (ignored) continue;
      auto area = measure_.truth_area(index);
      if (!area.ok()) return area.take_status();
      counted_[j] = areas_of(area.value());
      matching_.truths.push_back({image, counted_[j]});
    }
    return {};
  }

  // A bit for each range that the area lies in.
  std::uint32_t areas_of(double area) const {
    std::uint32_t bits = 0;
    for (std::size_t a = 0; a < spec_.areas.size(); ++a) {
      if (!(area < spec_.areas[a].least || area > spec_.areas[a].most)) bits |= 1u << a;
    }
    return bits;
  }

  // Few of what was found overlap a truth at all: only those are looked at for each threshold and range.
  void collect_candidates(std::size_t truths, std::span<const std::int32_t> found) {
    candidates_.clear();
    candidate_begins_.assign(1, 0);
    for (std::size_t rank = 0; rank < found.size(); ++rank) {
      double best = 0;
      for (std::size_t j = 0; j < truths; ++j) {
        const double overlap = overlaps_[rank * truths + j];
        best = std::max(best, overlap);
        if (overlap >= lowest_) candidates_.push_back({j, overlap});
      }
      matching_.best_overlap[static_cast<std::size_t>(found[rank])] = best;
      candidate_begins_.push_back(candidates_.size());
    }
  }

  Status match_area(std::size_t area, std::span<const std::int32_t> truths, std::span<const std::int32_t> found,
                    Outcome* outcomes, const CancelToken* cancel) {
    for (std::size_t t = 0; t < spec_.thresholds.size(); ++t) {
      if (cancel != nullptr && cancel->cancelled()) return aborted();
      taken_.assign(truths.size(), 0);
      for (std::size_t rank = 0; rank < found.size(); ++rank) {
        const std::span<const Candidate> candidates(&candidates_[0] + candidate_begins_[rank],
                                                    candidate_begins_[rank + 1] - candidate_begins_[rank]);
        if (candidates.empty()) continue;
        // Truths that do not count are taken only where none that counts is left.
        const double threshold = std::min(spec_.thresholds[t], kHighestThreshold);
        std::ptrdiff_t match = best_of(candidates, truths, area, true, threshold);
        const bool counts = match >= 0;
        if (!counts) match = best_of(candidates, truths, area, false, threshold);
        if (match < 0) continue;
        taken_[static_cast<std::size_t>(match)] = 1;
        Outcome& outcome = outcomes[rank * spec_.areas.size() + area];
        outcome.matched |= 1u << t;
        if (!counts) outcome.ignored |= 1u << t;
        if (t == 0 && area == 0) {
          matching_.matched_truth[static_cast<std::size_t>(found[rank])] = truths[static_cast<std::size_t>(match)];
        }
      }
    }
    return {};
  }

  // The free truth of most overlap, of equal ones the last; -1 where none reaches the threshold. A crowd is always
  // free.
  std::ptrdiff_t best_of(std::span<const Candidate> candidates, std::span<const std::int32_t> truths, std::size_t area,
                         bool counted, double threshold) const {
    std::ptrdiff_t best = -1;
    for (const Candidate& candidate : candidates) {
      const bool counts = (counted_[candidate.truth] >> area & 1u) != 0;
      if (counts != counted || candidate.overlap < threshold) continue;
      if (taken_[candidate.truth] != 0 && !truth_.is_crowd(static_cast<std::size_t>(truths[candidate.truth]))) continue;
      threshold = candidate.overlap;
      best = static_cast<std::ptrdiff_t>(candidate.truth);
    }
    return best;
  }

  // What matched nothing and is of a size beyond the range is not counted there.
  Status finish_outcomes(std::span<const std::int32_t> found, Outcome* outcomes) {
    const std::uint32_t all = ~std::uint32_t{0} >> (kMostThresholds - spec_.thresholds.size());
    const std::size_t areas = spec_.areas.size();
    for (std::size_t rank = 0; rank < found.size(); ++rank) {
      const auto index = static_cast<std::size_t>(found[rank]);
      auto area = measure_.found_area(index);
      if (!area.ok()) return area.take_status();
      const std::uint32_t within = areas_of(area.value());
      for (std::size_t a = 0; a < areas; ++a) {
        Outcome& outcome = outcomes[rank * areas + a];
        if ((within >> a & 1u) == 0) outcome.ignored |= all & ~outcome.matched;
      }
      matching_.neither[index] = static_cast<std::uint8_t>(outcomes[rank * areas].ignored & 1u);
    }
    return {};
  }

  // Brings what was found of one category, so far by picture, into the order of its scores.
  void rank_category(std::size_t begin) {
    const std::size_t count = matching_.found.size() - begin;
    const std::size_t areas = spec_.areas.size();
    order_.resize(count);
    for (std::size_t i = 0; i < count; ++i) order_[i] = {matching_.found[begin + i].score, begin + i};
    // By score, then by place: a plain sort of two keys is the stable one, without its second buffer.
    std::sort(order_.begin(), order_.end(), [](const Ranked& a, const Ranked& b) {
      return a.score != b.score ? a.score > b.score : a.place < b.place;
    });
    ranked_.resize(count);
    ranked_outcomes_.resize(count * areas);
    for (std::size_t i = 0; i < count; ++i) {
      ranked_[i] = matching_.found[order_[i].place];
      std::copy_n(&matching_.outcomes[order_[i].place * areas], areas, &ranked_outcomes_[i * areas]);
    }
    std::copy(ranked_.begin(), ranked_.end(), matching_.found.begin() + static_cast<std::ptrdiff_t>(begin));
    std::copy(ranked_outcomes_.begin(), ranked_outcomes_.end(),
              matching_.outcomes.begin() + static_cast<std::ptrdiff_t>(begin * areas));
  }

  struct Ranked {
    double score;
    std::size_t place;
  };

  const ObjectList& truth_;
  const ObjectList& found_;
  const MatchSpec& spec_;
  OverlapMeasure measure_;
  double lowest_ = 0;
  Matching matching_;
  // Of the group at hand:
  std::vector<double> overlaps_;
  std::vector<std::uint32_t> counted_;  // of each truth, a bit for each range of areas
  std::vector<std::uint8_t> taken_;
  std::vector<Candidate> candidates_;
  std::vector<std::size_t> candidate_begins_;
  // Of the category at hand:
  std::vector<Ranked> order_;
  std::vector<RankedFound> ranked_;
  std::vector<Outcome> ranked_outcomes_;
};

}  // namespace

Result<Matching> match_objects(const ObjectList& truth, const ObjectList& found, const MatchSpec& spec,
                               const CancelToken* cancel) {
  FOVEATE_RETURN_IF_ERROR(check_spec(spec));
  Matcher matcher(truth, found, spec);
  FOVEATE_RETURN_IF_ERROR(matcher.run(cancel));
  return matcher.take();
}

}  // namespace foveate
