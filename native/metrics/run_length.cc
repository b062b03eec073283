#include "metrics/run_length.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace foveate {
namespace {

constexpr std::int64_t kLongestSide = 65'535;
constexpr double kFarthest = 1 << 20;  // from the origin, in pixels
constexpr int kScale = 5;              // of the grid that edges are followed on

Status damaged(std::string reason) {
  return {error_code::kDatasetInvalid, "A run-length encoded mask is damaged: " + reason};
}

std::uint32_t pixels_of(const RunLengths& mask) { return mask.height * mask.width; }

// The next length of a compressed text. Seven groups hold any difference of two lengths.
bool read_length(std::string_view text, std::size_t& at, std::int64_t& value) {
  constexpr int kMostGroups = 7;
  std::uint64_t bits = 0;
  for (int group = 0; group < kMostGroups; ++group) {
    if (at >= text.size()) return false;
    const unsigned letter = static_cast<unsigned char>(text[at++]);
    if (letter < 48 || letter > 111) return false;
    const unsigned digit = letter - 48;
    bits |= std::uint64_t{digit & 0x1f} << (5 * group);
    if ((digit & 0x20) != 0) continue;
    if ((digit & 0x10) != 0) bits |= ~std::uint64_t{0} << (5 * (group + 1));
    value = static_cast<std::int64_t>(bits);
    return true;
  }
  return false;
}

void write_length(std::int64_t value, std::string& text) {
  while (true) {
    unsigned digit = static_cast<unsigned>(value & 0x1f);
    value >>= 5;
    const bool more = (digit & 0x10) != 0 ? value != -1 : value != 0;
    if (more) digit |= 0x20;
    text.push_back(static_cast<char>(digit + 48));
    if (!more) return;
  }
}

struct GridPoint {
  int x;
  int y;
};

// Where the outline steps from one column of the fine grid to the next, in the middle of a column of pixels, the fill
// turns over from that pixel on.
class Outline {
 public:
  Outline(std::uint32_t height, std::uint32_t width) : height_(height), width_(width) {}

  void move_to(int x, int y) {
    if (started_ && x != x_) cross(std::min(x, x < x_ ? x : x - 1), std::min(y, y_));
    started_ = true;
    x_ = x;
    y_ = y;
  }

  // Ascending, each once.
  std::vector<std::uint32_t> take() {
    settle();
    return std::move(turns_);
  }

 private:
  // Two turns at one pixel undo each other.
  void settle() {
    std::sort(turns_.begin(), turns_.end());
    std::size_t kept = 0;
    for (std::size_t i = 0; i < turns_.size(); ++i) {
      if (i + 1 < turns_.size() && turns_[i] == turns_[i + 1]) {
        ++i;
      } else {
        turns_[kept++] = turns_[i];
      }
    }
    turns_.resize(kept);
  }

  void cross(int x, int y) {
    const int step = x - kScale / 2;
    if (step < 0 || step % kScale != 0) return;
    const auto column = static_cast<std::uint32_t>(step / kScale);
    if (column >= width_) return;
    const double row = std::ceil(std::clamp((y + 0.5) / kScale - 0.5, 0.0, static_cast<double>(height_)));
    turns_.push_back(column * height_ + static_cast<std::uint32_t>(row));
    if (turns_.size() < settle_at_) return;
    // However often an outline goes to and fro, it keeps no more turns than there are pixels.
    settle();
    settle_at_ = std::max(kManyTurns, 2 * turns_.size());
  }

  static constexpr std::size_t kManyTurns = std::size_t{1} << 20;

  std::uint32_t height_;
  std::uint32_t width_;
  bool started_ = false;
  int x_ = 0;
  int y_ = 0;
  std::vector<std::uint32_t> turns_;
  std::size_t settle_at_ = kManyTurns;
};

// Along the longer side of the edge, point by point. It is always computed from the same end, whichever way the outline
// runs, so that two polygons share an edge without a gap.
void follow_edge(GridPoint from, GridPoint to, Outline& outline) {
  const int dx = std::abs(to.x - from.x);
  const int dy = std::abs(to.y - from.y);
  const bool flat = dx >= dy;
  const bool backwards = flat ? from.x > to.x : from.y > to.y;
  const GridPoint start = backwards ? to : from;
  const GridPoint end = backwards ? from : to;
  const int length = flat ? dx : dy;
  const double rise = static_cast<double>(flat ? end.y - start.y : end.x - start.x);
  const double slope = length == 0 ? 0 : rise / length;
  for (int step = 0; step <= length; ++step) {
    const int t = backwards ? length - step : step;
    const double offset = slope * t;
    if (flat) {
      outline.move_to(start.x + t, static_cast<int>(start.y + offset + 0.5));
    } else {
      outline.move_to(static_cast<int>(start.x + offset + 0.5), start.y + t);
    }
  }
}

}  // namespace

Status check_mask_size(std::int64_t height, std::int64_t width) {
  if (height >= 1 && width >= 1 && height <= kLongestSide && width <= kLongestSide) return {};
  return damaged("expected sides of 1 to 65535 pixels but received a height of " + std::to_string(height) +
                 " and a width of " + std::to_string(width));
}

Status decode_runs(std::string_view text, std::int64_t height, std::int64_t width, RunLengths& mask) {
  FOVEATE_RETURN_IF_ERROR(check_mask_size(height, width));
  mask.height = static_cast<std::uint32_t>(height);
  mask.width = static_cast<std::uint32_t>(width);
  mask.runs.clear();
  const std::int64_t pixels = height * width;
  std::int64_t sum = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    std::int64_t length = 0;
    if (!read_length(text, at, length)) return damaged("its text ends or breaks at character " + std::to_string(begin));
    const std::size_t count = mask.runs.size();
    if (count > 2) length += mask.runs[count - 2];
    if (length < 0) return damaged("run " + std::to_string(count) + " has a length of " + std::to_string(length));
    sum += length;
    if (sum > pixels) {
      return damaged("its runs are longer than the " + std::to_string(pixels) + " pixels of its picture");
    }
    mask.runs.push_back(static_cast<std::uint32_t>(length));
  }
  if (sum != pixels) {
    return damaged("its runs have " + std::to_string(sum) + " pixels, its picture " + std::to_string(pixels));
  }
  return {};
}

std::string encode_runs(const RunLengths& mask) {
  std::string text;
  for (std::size_t i = 0; i < mask.runs.size(); ++i) {
    const std::int64_t before = i > 2 ? mask.runs[i - 2] : 0;
    write_length(std::int64_t{mask.runs[i]} - before, text);
  }
  return text;
}

Status runs_of_polygon(std::span<const double> points, std::int64_t height, std::int64_t width, RunLengths& mask,
                       const CancelToken* cancel) {
  FOVEATE_RETURN_IF_ERROR(check_mask_size(height, width));
  const std::size_t count = points.size() / 2;
  if (count < 3 || points.size() % 2 != 0) {
    return {error_code::kDatasetInvalid, "Expected at least three points of a polygon, x and y of each, but received " +
                                             std::to_string(points.size()) + " numbers"};
  }
  for (const double value : points) {
    if (!(std::abs(value) <= kFarthest)) {
      return {error_code::kDatasetInvalid, "A point of a polygon is no number, or beyond a million pixels"};
    }
  }
  mask.height = static_cast<std::uint32_t>(height);
  mask.width = static_cast<std::uint32_t>(width);
  const auto on_grid = [points](std::size_t i) {
    const double x = kScale * points[2 * i];
    const double y = kScale * points[2 * i + 1];
    return GridPoint{static_cast<int>(x + 0.5), static_cast<int>(y + 0.5)};
  };
  Outline outline(mask.height, mask.width);
  for (std::size_t i = 0; i < count; ++i) {
    if (cancel != nullptr && cancel->cancelled()) return aborted();
    follow_edge(on_grid(i), on_grid((i + 1) % count), outline);
  }
  mask.runs.clear();
  std::uint32_t start = 0;
  for (const std::uint32_t turn : outline.take()) {
    mask.runs.push_back(turn - start);
    start = turn;
  }
  if (start < pixels_of(mask) || mask.runs.empty()) mask.runs.push_back(pixels_of(mask) - start);
  return {};
}

RunLengths union_of(const RunLengths& a, const RunLengths& b) {
  RunLengths both{a.height, a.width, {}};
  const std::uint32_t pixels = pixels_of(a);
  std::size_t next_a = 0;
  std::size_t next_b = 0;
  std::uint32_t end_a = 0;  // of the run that each is in
  std::uint32_t end_b = 0;
  std::uint32_t start = 0;
  bool value = false;
  for (std::uint32_t at = 0; at < pixels; at = std::min(end_a, end_b)) {
    while (end_a <= at) end_a += a.runs[next_a++];
    while (end_b <= at) end_b += b.runs[next_b++];
    const bool here = next_a % 2 == 0 || next_b % 2 == 0;  // the run before the next one is one of 1
    if (here == value) continue;
    both.runs.push_back(at - start);
    start = at;
    value = here;
  }
  both.runs.push_back(pixels - start);
  return both;
}

std::uint64_t area_of(const RunLengths& mask) {
  std::uint64_t area = 0;
  for (std::size_t i = 1; i < mask.runs.size(); i += 2) area += mask.runs[i];
  return area;
}

RunBox box_of(const RunLengths& mask) {
  std::uint32_t left = mask.width, top = mask.height, right = 0, bottom = 0;
  std::uint32_t at = 0;
  bool empty = true;
  for (std::size_t i = 0; i < mask.runs.size(); at += mask.runs[i++]) {
    if (i % 2 == 0 || mask.runs[i] == 0) continue;
    empty = false;
    const std::uint32_t last = at + mask.runs[i] - 1;
    left = std::min(left, at / mask.height);
    right = std::max(right, last / mask.height);
    const bool within_column = at / mask.height == last / mask.height;
    top = std::min(top, within_column ? at % mask.height : 0);
    bottom = std::max(bottom, within_column ? last % mask.height : mask.height - 1);
  }
  if (empty) return {};
  return {left, top, right - left + 1, bottom - top + 1};
}

double overlap_of(const RunLengths& found, const RunLengths& truth, bool crowd) {
  std::uint64_t both = 0;
  std::uint32_t end_found = 0;
  std::uint32_t end_truth = 0;
  std::size_t j = 0;
  for (std::size_t i = 0; i < found.runs.size(); ++i) {
    const std::uint32_t start_found = end_found;
    end_found += found.runs[i];
    if (i % 2 == 0) continue;
    // Runs of the truth that end before this one begins do not meet any later one either.
    while (j < truth.runs.size() && end_truth + truth.runs[j] <= start_found) end_truth += truth.runs[j++];
    std::uint32_t start_truth = end_truth;
    for (std::size_t k = j; k < truth.runs.size() && start_truth < end_found; start_truth += truth.runs[k++]) {
      if (k % 2 == 0) continue;
      both += std::min(end_found, start_truth + truth.runs[k]) - std::max(start_found, start_truth);
    }
  }
  if (both == 0) return 0;
  const std::uint64_t whole = crowd ? area_of(found) : area_of(found) + area_of(truth) - both;
  return static_cast<double>(both) / static_cast<double>(whole);
}

}  // namespace foveate
