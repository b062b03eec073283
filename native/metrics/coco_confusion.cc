#include "metrics/coco_confusion.h"

#include <algorithm>
#include <cstddef>
#include <span>

namespace foveate {
namespace {

using Indices = std::vector<std::int32_t>;

// So many of what was found are compared with the truths of a picture at a time: a crowded one takes no more memory.
constexpr std::size_t kAtOnce = 1024;

// Of each picture, the indices of objects; of what was found, without scores below the least.
std::vector<Indices> by_image(const ObjectList& objects, std::int32_t images, std::span<const double> scores,
                              double least_score) {
  std::vector<Indices> groups(static_cast<std::size_t>(images));
  for (std::size_t i = 0; i < objects.count(); ++i) {
    if (!scores.empty() && scores[i] < least_score) continue;
    groups[static_cast<std::size_t>(objects.images[i])].push_back(static_cast<std::int32_t>(i));
  }
  return groups;
}

}  // namespace

Result<std::vector<std::uint32_t>> count_confusions(const ObjectList& truth, const ObjectList& found,
                                                    const MatchSpec& spec, double overlap, double least_score,
                                                    const CancelToken* cancel) {
  const auto background = static_cast<std::size_t>(spec.categories);
  const std::size_t side = background + 1;
  std::vector<std::uint32_t> counts(side * side);
  OverlapMeasure measure(spec.kind, truth, found, spec.sigmas);
  const std::vector<Indices> truths_of = by_image(truth, spec.images, {}, least_score);
  std::vector<Indices> found_of = by_image(found, spec.images, found.scores, least_score);
  const auto category_of = [](const ObjectList& objects, std::int32_t i) {
    return static_cast<std::size_t>(objects.categories[static_cast<std::size_t>(i)]);
  };
  const auto is_ignored = [&](std::int32_t i) {
    const auto index = static_cast<std::size_t>(i);
    return truth.is_crowd(index) || (!truth.ignored.empty() && truth.ignored[index] != 0) ||
           measure.lacks_keypoints(index);
  };
  std::vector<double> overlaps;
  std::vector<std::uint8_t> taken;
  for (std::size_t image = 0; image < truths_of.size(); ++image) {
    if (cancel != nullptr && cancel->cancelled()) return aborted();
    const Indices& truths = truths_of[image];
    Indices& here = found_of[image];
    std::stable_sort(here.begin(), here.end(), [&found](std::int32_t a, std::int32_t b) {
      return found.scores[static_cast<std::size_t>(a)] > found.scores[static_cast<std::size_t>(b)];
    });
    taken.assign(truths.size(), 0);
    for (std::size_t i = 0; i < here.size(); ++i) {
      const std::size_t row = i % kAtOnce;
      if (row == 0) {
        const auto next = std::span(here).subspan(i, std::min(kAtOnce, here.size() - i));
        FOVEATE_RETURN_IF_ERROR(measure.measure(next, truths, overlaps, cancel));
      }
      const std::size_t category = category_of(found, here[i]);
      std::size_t best = truths.size();
      bool on_ignored = false;
      for (std::size_t j = 0; j < truths.size(); ++j) {
        const double meets = overlaps[row * truths.size() + j];
        if (!(meets >= overlap) || taken[j] != 0) continue;
        if (is_ignored(truths[j])) {
          on_ignored = true;
          continue;
        }
        const double most = best == truths.size() ? -1 : overlaps[row * truths.size() + best];
        const bool closer_kin =
            meets == most && category_of(truth, truths[j]) == category && category_of(truth, truths[best]) != category;
        if (meets > most || closer_kin) best = j;
      }
      if (best < truths.size()) {
        taken[best] = 1;
        ++counts[category_of(truth, truths[best]) * side + category];
      } else if (!on_ignored) {
        ++counts[background * side + category];
      }
    }
    for (std::size_t j = 0; j < truths.size(); ++j) {
      if (taken[j] == 0 && !is_ignored(truths[j])) ++counts[category_of(truth, truths[j]) * side + background];
    }
  }
  return counts;
}

}  // namespace foveate
