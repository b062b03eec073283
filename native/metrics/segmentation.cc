#include "metrics/segmentation.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

namespace foveate {
namespace {

constexpr std::size_t kLabels = 256;
constexpr std::int64_t kMostEdge = 65'535;  // of a picture; no count of its pixels overflows 32 bits
// Between two looks at the cancel token.
constexpr std::size_t kStretch = std::size_t{1} << 20;

std::string size_text(const LabelMaps& maps) { return std::to_string(maps.width) + "x" + std::to_string(maps.height); }

Status check(const LabelMaps& maps) {
  if (maps.classes < 1 || maps.classes > kIgnoredLabel) {
    return {error_code::kInvalidArgument, "Expected 1 to 255 classes, but received " + std::to_string(maps.classes)};
  }
  if (maps.width < 1 || maps.height < 1 || maps.width > kMostEdge || maps.height > kMostEdge) {
    return {error_code::kInvalidArgument,
            "Expected label maps of 1x1 to 65535x65535 pixels, but received " + size_text(maps)};
  }
  const auto pixels = static_cast<std::size_t>(maps.width * maps.height);
  if (maps.truth.size() != pixels || maps.predicted.size() != pixels) {
    return {
        error_code::kInvalidArgument,
        "Expected two label maps of " + size_text(maps) + " = " + std::to_string(pixels) + " pixels, but received " +
            std::to_string(maps.truth.size()) + " and " + std::to_string(maps.predicted.size()),
        "A prediction has the size of the picture's labels: resize it, by nearest neighbours, before it is compared."};
  }
  return {};
}

Status no_class(const char* map, std::size_t label, std::int64_t classes) {
  return {error_code::kInvalidArgument,
          std::string("The ") + map + " label map has a pixel of class " + std::to_string(label) + ", but there are " +
              std::to_string(classes) + " classes, from 0 to " + std::to_string(classes - 1),
          std::string("Do both maps number the classes alike? ") +
              (label == kIgnoredLabel ? "255 stands for pixels that are not counted in the true map alone."
                                      : "Pixels that are not to be counted are 255 in the true map.")};
}

std::uint64_t eight_of(const std::uint8_t* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

constexpr std::uint64_t kEachByte = 0x0101010101010101ULL;

// Label maps are made of regions: while eight pixels are like the one before them in both maps, they are counted at
// once. Elsewhere a table that has a place for each pair of bytes needs no check of any.
class PairCounts {
 public:
  void add(const std::uint8_t* truth, const std::uint8_t* predicted, std::size_t pixels) {
    std::size_t i = 0;
    while (i < pixels) {
      std::size_t end = i;
      const std::uint64_t truths = truth[i] * kEachByte;
      const std::uint64_t predictions = predicted[i] * kEachByte;
      while (end + 8 <= pixels && eight_of(truth + end) == truths && eight_of(predicted + end) == predictions) end += 8;
      if (end > i) {
        counts_[truth[i] * kLabels + predicted[i]] += static_cast<std::uint32_t>(end - i);
        i = end;
        continue;
      }
      for (const std::size_t stop = std::min(i + 8, pixels); i < stop; ++i) {
        ++counts_[truth[i] * kLabels + predicted[i]];
      }
    }
  }

  std::uint32_t at(std::size_t truth, std::size_t predicted) const { return counts_[truth * kLabels + predicted]; }

 private:
  std::vector<std::uint32_t> counts_ = std::vector<std::uint32_t>(kLabels * kLabels);
};

Result<std::vector<std::uint32_t>> count_confusion(const LabelMaps& maps, const CancelToken* cancel) {
  PairCounts pairs;
  for (std::size_t begin = 0; begin < maps.truth.size(); begin += kStretch) {
    if (cancel != nullptr && cancel->cancelled()) return aborted();
    const std::size_t pixels = std::min(kStretch, maps.truth.size() - begin);
    pairs.add(maps.truth.data() + begin, maps.predicted.data() + begin, pixels);
  }
  const auto classes = static_cast<std::size_t>(maps.classes);
  std::vector<std::uint32_t> confusion(classes * classes);
  for (std::size_t truth = 0; truth < kIgnoredLabel; ++truth) {
    for (std::size_t predicted = 0; predicted < kLabels; ++predicted) {
      const std::uint32_t count = pairs.at(truth, predicted);
      if (count == 0) continue;
      if (truth >= classes) return no_class("true", truth, maps.classes);
      if (predicted >= classes) return no_class("predicted", predicted, maps.classes);
      confusion[truth * classes + predicted] = count;
    }
  }
  return confusion;
}

// The boundary of one class in one map: ascending columns of its pixels, row after row.
class Boundary {
 public:
  void add(std::uint32_t column) { columns_.push_back(column); }
  void end_row() { ends_.push_back(columns_.size()); }
  std::size_t size() const { return columns_.size(); }

  std::span<const std::uint32_t> row(std::int64_t y) const {
    const std::size_t begin = y == 0 ? 0 : ends_[static_cast<std::size_t>(y - 1)];
    return std::span(columns_).subspan(begin, ends_[static_cast<std::size_t>(y)] - begin);
  }

 private:
  std::vector<std::uint32_t> columns_;
  std::vector<std::size_t> ends_;
};

// The boundaries of all classes in `labels`, one of the two maps, whose labels were found to be classes.
Result<std::vector<Boundary>> trace_boundaries(const LabelMaps& maps, std::span<const std::uint8_t> labels,
                                               const CancelToken* cancel) {
  std::vector<Boundary> boundaries(static_cast<std::size_t>(maps.classes));
  const auto width = static_cast<std::size_t>(maps.width);
  const std::uint8_t* truth = maps.truth.data();
  const auto label_at = [truth, labels](std::size_t pixel) {
    return truth[pixel] == kIgnoredLabel ? kIgnoredLabel : labels[pixel];
  };
  for (std::int64_t y = 0; y < maps.height; ++y) {
    if (cancel != nullptr && cancel->cancelled()) return aborted();
    const bool last_row = y + 1 == maps.height;
    for (std::size_t x = 0; x < width; ++x) {
      const bool last_column = x + 1 == width;
      const std::size_t pixel = static_cast<std::size_t>(y) * width + x;
      const std::uint8_t own = label_at(pixel);
      // Where a neighbour does not count, the pixel stands for it.
      const std::array around{own, last_column ? own : label_at(pixel + 1), last_row ? own : label_at(pixel + width),
                              last_column || last_row ? own : label_at(pixel + width + 1)};
      if (own == around[1] && own == around[2] && own == around[3]) continue;
      for (auto label = around.begin(); label != around.end(); ++label) {
        const bool known = std::find(around.begin(), label, *label) != label;
        if (!known && *label != kIgnoredLabel) boundaries[*label].add(static_cast<std::uint32_t>(x));
      }
    }
    for (Boundary& boundary : boundaries) boundary.end_row();
  }
  return boundaries;
}

// How far a disk reaches to either side, by the distance from its middle row.
std::vector<std::int64_t> disk_reach(std::int64_t radius) {
  std::vector<std::int64_t> reach;
  std::int64_t across = radius;
  for (std::int64_t down = 0; down <= radius; ++down) {
    while (across * across + down * down > radius * radius) --across;
    reach.push_back(across);
  }
  return reach;
}

bool has_within(std::span<const std::uint32_t> columns, std::int64_t x, std::int64_t reach) {
  const auto found = std::lower_bound(columns.begin(), columns.end(), x - reach,
                                      [](std::uint32_t column, std::int64_t bound) { return column < bound; });
  return found != columns.end() && *found <= x + reach;
}

// How many pixels of `boundary` have one of `other` within the disk.
Result<std::uint32_t> count_matched(const Boundary& boundary, const Boundary& other, std::int64_t height,
                                    std::span<const std::int64_t> reach, const CancelToken* cancel) {
  std::uint32_t matched = 0;
  if (other.size() == 0) return matched;
  const auto rows = std::min(static_cast<std::int64_t>(reach.size()), height);
  for (std::int64_t y = 0; y < height; ++y) {
    if (cancel != nullptr && cancel->cancelled()) return aborted();
    for (const std::int64_t x : boundary.row(y)) {
      for (std::int64_t down = 0; down < rows; ++down) {
        const std::int64_t across = reach[static_cast<std::size_t>(down)];
        if ((y - down >= 0 && has_within(other.row(y - down), x, across)) ||
            (y + down < height && has_within(other.row(y + down), x, across))) {
          ++matched;
          break;
        }
      }
    }
  }
  return matched;
}

Status count_boundaries(const LabelMaps& maps, std::int64_t radius, std::vector<BoundaryCounts>& counts,
                        const CancelToken* cancel) {
  auto truth = trace_boundaries(maps, maps.truth, cancel);
  if (!truth.ok()) return truth.take_status();
  auto predicted = trace_boundaries(maps, maps.predicted, cancel);
  if (!predicted.ok()) return predicted.take_status();
  // No two pixels are further apart than both edges together.
  const std::vector<std::int64_t> reach = disk_reach(std::min(radius, maps.width + maps.height));
  for (std::size_t c = 0; c < truth.value().size(); ++c) {
    const Boundary& of_truth = truth.value()[c];
    const Boundary& of_predicted = predicted.value()[c];
    auto truth_matched = count_matched(of_truth, of_predicted, maps.height, reach, cancel);
    if (!truth_matched.ok()) return truth_matched.take_status();
    auto predicted_matched = count_matched(of_predicted, of_truth, maps.height, reach, cancel);
    if (!predicted_matched.ok()) return predicted_matched.take_status();
    counts.push_back({static_cast<std::uint32_t>(of_truth.size()), truth_matched.value(),
                      static_cast<std::uint32_t>(of_predicted.size()), predicted_matched.value()});
  }
  return {};
}

}  // namespace

Result<LabelMapCounts> compare_label_maps(const LabelMaps& maps, std::optional<std::int64_t> radius,
                                          const CancelToken* cancel) {
  FOVEATE_RETURN_IF_ERROR(check(maps));
  if (radius && *radius < 0) {
    return Status(error_code::kInvalidArgument,
                  "Expected a radius of at least 0 pixels, but received " + std::to_string(*radius));
  }
  LabelMapCounts counts;
  auto confusion = count_confusion(maps, cancel);
  if (!confusion.ok()) return confusion.take_status();
  counts.confusion = std::move(confusion).value();
  if (radius) FOVEATE_RETURN_IF_ERROR(count_boundaries(maps, *radius, counts.boundaries, cancel));
  return counts;
}

}  // namespace foveate
