#include "metrics/coco_curves.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace foveate {
namespace {

using Weights = std::span<const std::uint32_t>;  // how often each picture counts; empty: once

// Recall and precision change for the better where a truth is found, and nowhere else.
struct Step {
  double right;
  double wrong;
  double score;
};

// Where a curve is in the arrays of Curves, in curves of one threshold.
std::size_t curve_of(const MatchSpec& spec, std::size_t category, std::size_t area, std::size_t most) {
  return ((category * spec.areas.size() + area) * spec.max_detections.size() + most) * spec.thresholds.size();
}

class CurveMaker {
 public:
  CurveMaker(const Matching& matching, const MatchSpec& spec, Weights weights)
      : matching_(matching), spec_(spec), weights_(weights), steps_(spec.thresholds.size()) {
    // As numpy spaces them.
    for (std::size_t r = 0; r < kRecallPoints; ++r) recalls_.push_back(static_cast<double>(r) * 0.01);
    recalls_.back() = 1;
  }

  // The curves of one category, range of areas and number of detections, one for each threshold. `precision` and
  // `scores` may be null.
  void make(std::size_t category, std::size_t area, std::size_t most, double* precision, double* scores,
            double* mean_precision, double* recall) {
    const double truths = count_truths(category, area);
    const std::size_t thresholds = spec_.thresholds.size();
    if (truths == 0) {
      std::fill_n(mean_precision, thresholds, -1.0);
      std::fill_n(recall, thresholds, -1.0);
      return;
    }
    walk(category, area, spec_.max_detections[most]);
    for (std::size_t t = 0; t < thresholds; ++t) {
      recall[t] = steps_[t].empty() ? 0 : steps_[t].back().right / truths;
      mean_precision[t] = read_curve(steps_[t], truths, precision == nullptr ? nullptr : precision + t * kRecallPoints,
                                     scores == nullptr ? nullptr : scores + t * kRecallPoints);
    }
  }

 private:
  double weight_of(std::int32_t image) const {
    return weights_.empty() ? 1 : static_cast<double>(weights_[static_cast<std::size_t>(image)]);
  }

  double count_truths(std::size_t category, std::size_t area) const {
    double count = 0;
    for (std::size_t i = matching_.truth_begins[category]; i < matching_.truth_begins[category + 1]; ++i) {
      if ((matching_.truths[i].areas >> area & 1u) != 0) count += weight_of(matching_.truths[i].image);
    }
    return count;
  }

  // Goes through what was found, the highest score first, and notes a step for each truth.
  void walk(std::size_t category, std::size_t area, std::int32_t most) {
    const std::size_t thresholds = spec_.thresholds.size();
    const std::uint32_t all = ~std::uint32_t{0} >> (32 - thresholds);
    for (auto& steps : steps_) steps.clear();
    right_.assign(thresholds, 0);
    wrong_.assign(thresholds, 0);
    double wrong_at_all = 0;  // what is wrong at every threshold, which most is, is counted once
    has_found_ = false;
    const std::size_t end = matching_.found_begins[category + 1];
    const std::size_t areas = spec_.areas.size();
    for (std::size_t i = matching_.found_begins[category]; i < end; ++i) {
      const RankedFound& found = matching_.found[i];
      if (found.rank >= most) continue;
      const double weight = weight_of(found.image);
      if (weight == 0) continue;
      if (!has_found_) {
        has_found_ = true;
        first_score_ = found.score;
      }
      const Outcome outcome = matching_.outcomes[i * areas + area];
      if ((outcome.matched | outcome.ignored) == 0) {
        wrong_at_all += weight;
        continue;
      }
      std::uint32_t wrong = all & ~(outcome.matched | outcome.ignored);
      for (; wrong != 0; wrong &= wrong - 1) wrong_[static_cast<std::size_t>(std::countr_zero(wrong))] += weight;
      std::uint32_t right = outcome.matched & ~outcome.ignored;
      for (; right != 0; right &= right - 1) {
        const auto t = static_cast<std::size_t>(std::countr_zero(right));
        right_[t] += weight;
        steps_[t].push_back({right_[t], wrong_[t] + wrong_at_all, found.score});
      }
    }
  }

  // Fills in the precision at each recall, and gives their mean.
  double read_curve(std::vector<Step>& steps, double truths, double* precision, double* scores) {
    envelope_.resize(steps.size());
    double best = 0;
    for (std::size_t i = steps.size(); i-- > 0;) {
      const double found = steps[i].wrong + steps[i].right;
      best = std::max(best, steps[i].right / (found + std::numeric_limits<double>::epsilon()));
      envelope_[i] = best;
    }
    double sum = 0;
    std::size_t step = 0;
    for (std::size_t r = 0; r < kRecallPoints; ++r) {
      while (step < steps.size() && steps[step].right / truths < recalls_[r]) ++step;
      const bool reached = step < steps.size();
      sum += reached ? envelope_[step] : 0;
      if (precision == nullptr) continue;
      precision[r] = reached ? envelope_[step] : 0;
      scores[r] = reached ? steps[step].score : 0;
    }
    // A recall of 0 is reached by whatever was found first.
    if (scores != nullptr && has_found_) scores[0] = first_score_;
    return sum / static_cast<double>(kRecallPoints);
  }

  const Matching& matching_;
  const MatchSpec& spec_;
  Weights weights_;
  std::vector<double> recalls_;
  // Of the curves at hand:
  std::vector<std::vector<Step>> steps_;  // of each threshold
  std::vector<double> right_;
  std::vector<double> wrong_;
  std::vector<double> envelope_;
  bool has_found_ = false;
  double first_score_ = 0;
};

constexpr std::size_t kAnyThreshold = std::numeric_limits<std::size_t>::max();

// The mean over categories and thresholds, or one of them, of what is not -1.
double mean_of(const std::vector<double>& values, const MatchSpec& spec, std::size_t area, std::size_t most,
               std::size_t threshold) {
  double sum = 0;
  std::size_t count = 0;
  for (std::size_t category = 0; category < static_cast<std::size_t>(spec.categories); ++category) {
    const double* curve = &values[curve_of(spec, category, area, most)];
    for (std::size_t t = 0; t < spec.thresholds.size(); ++t) {
      if ((threshold != kAnyThreshold && t != threshold) || curve[t] < 0) continue;
      sum += curve[t];
      ++count;
    }
  }
  return count == 0 ? -1 : sum / static_cast<double>(count);
}

// Spreads the bits of a counter (the finaliser of SplitMix64, Steele et al. 2014).
std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

}  // namespace

std::vector<AreaRange> coco_areas(ObjectKind kind) {
  constexpr double kSmall = 32 * 32;
  constexpr double kMedium = 96 * 96;
  constexpr double kLargest = 1e5 * 1e5;
  std::vector<AreaRange> areas = {{0, kLargest}, {0, kSmall}, {kSmall, kMedium}, {kMedium, kLargest}};
  if (kind == ObjectKind::kKeypoints) areas.erase(areas.begin() + 1);
  return areas;
}

std::vector<std::uint32_t> draw_pictures(std::uint64_t seed, std::uint32_t number, std::size_t images) {
  constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15ULL;
  std::vector<std::uint32_t> counts(images);
  std::uint64_t state = mixed(mixed(seed + kStep) + (std::uint64_t{number} + 1) * kStep);
  for (std::size_t i = 0; i < images; ++i) {
    state += kStep;
    // The upper 32 bits, scaled: 2^32 is so much more than there are pictures that none is favoured noticeably.
    ++counts[static_cast<std::size_t>((mixed(state) >> 32) * images >> 32)];
  }
  return counts;
}

Result<Curves> accumulate(const Matching& matching, const MatchSpec& spec, const CancelToken* cancel) {
  const auto categories = static_cast<std::size_t>(spec.categories);
  const std::size_t curves = curve_of(spec, categories, 0, 0);
  Curves all;
  all.precision.assign(curves * kRecallPoints, -1);
  all.scores.assign(curves * kRecallPoints, -1);
  all.mean_precision.assign(curves, -1);
  all.recall.assign(curves, -1);
  CurveMaker maker(matching, spec, {});
  for (std::size_t category = 0; category < categories; ++category) {
    if (cancel != nullptr && cancel->cancelled()) return aborted();
    for (std::size_t area = 0; area < spec.areas.size(); ++area) {
      for (std::size_t most = 0; most < spec.max_detections.size(); ++most) {
        const std::size_t at = curve_of(spec, category, area, most);
        maker.make(category, area, most, &all.precision[at * kRecallPoints], &all.scores[at * kRecallPoints],
                   &all.mean_precision[at], &all.recall[at]);
      }
    }
  }
  return all;
}

std::vector<double> summarize(const Curves& curves, const MatchSpec& spec) {
  const auto at = [&spec](double threshold) {
    const auto found = std::find(spec.thresholds.begin(), spec.thresholds.end(), threshold);
    return static_cast<std::size_t>(found - spec.thresholds.begin());  // beyond the end: no curve, and so -1
  };
  const std::size_t last = spec.max_detections.size() - 1;
  std::vector<double> numbers;
  const auto precision = [&](std::size_t area, std::size_t threshold) {
    numbers.push_back(mean_of(curves.mean_precision, spec, area, last, threshold));
  };
  const auto recall = [&](std::size_t area, std::size_t most, std::size_t threshold) {
    numbers.push_back(mean_of(curves.recall, spec, area, most, threshold));
  };
  precision(0, kAnyThreshold);
  precision(0, at(0.5));
  precision(0, at(0.75));
  for (std::size_t area = 1; area < spec.areas.size(); ++area) precision(area, kAnyThreshold);
  if (spec.kind == ObjectKind::kKeypoints) {
    recall(0, last, kAnyThreshold);
    recall(0, last, at(0.5));
    recall(0, last, at(0.75));
  } else {
    for (std::size_t most = 0; most <= last; ++most) recall(0, most, kAnyThreshold);
  }
  for (std::size_t area = 1; area < spec.areas.size(); ++area) recall(area, last, kAnyThreshold);
  return numbers;
}

Result<std::vector<double>> resample(const Matching& matching, const MatchSpec& spec, std::uint64_t seed,
                                     std::uint32_t first, std::uint32_t count, const CancelToken* cancel) {
  const auto categories = static_cast<std::size_t>(spec.categories);
  const std::size_t last = spec.max_detections.size() - 1;
  Curves means;
  means.mean_precision.assign(curve_of(spec, categories, 0, 0), -1);
  means.recall.assign(means.mean_precision.size(), -1);
  std::vector<double> summaries;
  for (std::uint32_t number = first; number - first < count; ++number) {
    const auto weights = draw_pictures(seed, number, static_cast<std::size_t>(spec.images));
    CurveMaker maker(matching, spec, weights);
    for (std::size_t category = 0; category < categories; ++category) {
      if (cancel != nullptr && cancel->cancelled()) return aborted();
      for (std::size_t area = 0; area < spec.areas.size(); ++area) {
        for (std::size_t most = 0; most <= last; ++most) {
          if (area > 0 && most < last) continue;  // of no number in the summary
          const std::size_t at = curve_of(spec, category, area, most);
          maker.make(category, area, most, nullptr, nullptr, &means.mean_precision[at], &means.recall[at]);
        }
      }
    }
    const std::vector<double> summary = summarize(means, spec);
    summaries.insert(summaries.end(), summary.begin(), summary.end());
  }
  return summaries;
}

}  // namespace foveate
