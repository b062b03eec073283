#include "metrics/tracked_rows.h"

#include <algorithm>
#include <cmath>

namespace foveate {
namespace {

// Rows in the order of their frames; those of one frame as they come.
std::vector<std::int32_t> rows_by_frame(std::span<const std::int32_t> frames) {
  std::vector<std::uint64_t> keys(frames.size());
  for (std::size_t row = 0; row < frames.size(); ++row) {
    // Negative frames come first: the sign is turned.
    const auto frame = static_cast<std::uint32_t>(frames[row]) ^ 0x80000000u;
    keys[row] = static_cast<std::uint64_t>(frame) << 32 | row;
  }
  if (!std::is_sorted(keys.begin(), keys.end())) std::sort(keys.begin(), keys.end());
  std::vector<std::int32_t> order(keys.size());
  std::transform(keys.begin(), keys.end(), order.begin(),
                 [](std::uint64_t key) { return static_cast<std::int32_t>(key & 0x7fffffffu); });
  return order;
}

}  // namespace

Result<TrackedRows> order_rows(const TrackedObjects& objects, const std::string& side) {
  TrackedRows rows;
  rows.order = rows_by_frame(objects.frames);
  std::vector<std::int32_t> ids(objects.ids.begin(), objects.ids.end());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  rows.track_count = ids.size();

  std::vector<std::int64_t> last_frame(ids.size(), INT64_MIN);
  for (const std::int32_t row : rows.order) {
    const std::int32_t id = objects.ids[row];
    const std::int32_t frame = objects.frames[row];
    const auto track = std::lower_bound(ids.begin(), ids.end(), id) - ids.begin();
    if (last_frame[track] == frame) {
      return Status(error_code::kInvalidArgument,
                    side + " has id " + std::to_string(id) + " twice in frame " + std::to_string(frame),
                    "In each frame, every object has an id of its own.");
    }
    last_frame[track] = frame;
    for (std::size_t side_of_box = 0; side_of_box < 4; ++side_of_box) {
      if (std::isfinite(objects.boxes[static_cast<std::size_t>(row) * 4 + side_of_box])) continue;
      return Status(error_code::kInvalidArgument, side + " has a box with a number that is not finite: id " +
                                                      std::to_string(id) + " in frame " + std::to_string(frame));
    }
    rows.frames.push_back(frame);
    rows.tracks.push_back(static_cast<std::int32_t>(track));
  }
  return rows;
}

void keep_rows(TrackedRows& rows, const std::vector<bool>& keep) {
  std::vector<std::int32_t> number(rows.track_count, 0);
  std::size_t kept = 0;
  for (std::size_t place = 0; place < rows.order.size(); ++place) {
    if (!keep[place]) continue;
    rows.order[kept] = rows.order[place];
    rows.frames[kept] = rows.frames[place];
    rows.tracks[kept] = rows.tracks[place];
    number[rows.tracks[kept]] = 1;
    ++kept;
  }
  rows.order.resize(kept);
  rows.frames.resize(kept);
  rows.tracks.resize(kept);
  std::int32_t next = 0;
  for (std::int32_t& entry : number) entry = entry == 1 ? next++ : -1;
  for (std::int32_t& track : rows.tracks) track = number[track];
  rows.track_count = static_cast<std::size_t>(next);
}

}  // namespace foveate
