// Upsampling and deciding in one go. Between four neighbouring points of the map every channel is a convex combination
// of its four corners: a channel that wins at all four wins in between. So the winner is found once a point, the
// insides of regions are copied, and scores are interpolated along their borders only, for the channels that can win
// there.
#include "vision/masks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "vision/finite.h"
#include "vision/map_axis.h"
#include "vision/placement.h"

namespace foveate {
namespace {

constexpr int kMaxChannels = 256;  // class ids fit in a byte
constexpr std::int32_t kUndecided = -1;

// One channel's scores along a row of the map: scores[x * step].
struct ChannelRow {
  const float* scores;
  std::size_t step;
};

// `winners` and `best` are those of the channels before this one. Vectorised where the step is the constant one.
inline void challenge(const float* scores, std::size_t step, std::int32_t channel, std::span<float> best,
                      std::span<std::int32_t> winners) {
  for (std::size_t x = 0; x < best.size(); ++x) {
    const float score = scores[x * step];
    winners[x] = score > best[x] ? channel : winners[x];
    best[x] = std::max(best[x], score);  // in this order: a NaN leaves `best`
  }
}

// A row of the map: its channels, and the best of them at each point.
struct MapRow {
  int y = -1;
  std::vector<ChannelRow> channels;
  std::vector<float> activated;  // a binary map's row
  std::vector<std::int32_t>
      winners;  // index into `channels`, lowest of equals; kUndecided where none is above -infinity
};

// A binary map is read as two channels, the foreground and a constant at the threshold, which loses a tie.
class ScoreMap {
 public:
  ScoreMap(std::span<const float> output, const MaskSpec& spec)
      : output_(output), spec_(spec), best_(static_cast<std::size_t>(spec.width)) {
    for (MapRow& row : rows_) {
      row.channels.resize(static_cast<std::size_t>(std::max(spec.channels, 2)));
      row.winners.resize(best_.size());
      if (binary()) row.activated.resize(best_.size());
    }
  }

  // Valid until another row of the same parity is asked for: neighbours stay side by side, and each is read once.
  const MapRow& row(int y) {
    MapRow& row = rows_[static_cast<std::size_t>(y & 1)];
    if (row.y != y) load(row, y);
    return row;
  }

  std::uint8_t class_of(std::int32_t channel) const {
    return static_cast<std::uint8_t>(binary() ? 1 - channel : channel);
  }

 private:
  bool binary() const { return spec_.channels == 1; }

  void load(MapRow& row, int y) {
    row.y = y;
    const auto width = static_cast<std::size_t>(spec_.width);
    const auto channels = static_cast<std::size_t>(spec_.channels);
    const float* first =
        output_.data() + static_cast<std::size_t>(y) * width * (spec_.layout == Layout::kChannelsLast ? channels : 1);
    if (binary()) {
      activate({first, width}, row.activated);
      row.channels = {{row.activated.data(), 1}, {&spec_.threshold, 0}};
    } else if (spec_.layout == Layout::kChannelsLast) {
      for (std::size_t c = 0; c < channels; ++c) row.channels[c] = {first + c, channels};
    } else {
      const std::size_t plane = width * static_cast<std::size_t>(spec_.height);
      for (std::size_t c = 0; c < channels; ++c) row.channels[c] = {first + c * plane, 1};
    }
    std::fill(best_.begin(), best_.end(), -std::numeric_limits<float>::infinity());
    std::fill(row.winners.begin(), row.winners.end(), kUndecided);
    for (std::size_t c = 0; c < row.channels.size(); ++c) {
      const auto [scores, step] = row.channels[c];
      const auto channel = static_cast<std::int32_t>(c);
      if (step == 1) {
        challenge(scores, 1, channel, best_, row.winners);
      } else {
        challenge(scores, step, channel, best_, row.winners);
      }
    }
  }

  void activate(std::span<const float> values, std::vector<float>& activated) const {
    if (spec_.activation == ScoreActivation::kSigmoid) {
      std::transform(values.begin(), values.end(), activated.begin(),
                     [](float value) { return 1.0f / (1.0f + std::exp(-value)); });
    } else {
      std::copy(values.begin(), values.end(), activated.begin());
    }
  }

  std::span<const float> output_;
  MaskSpec spec_;
  std::array<MapRow, 2> rows_;  // by parity
  std::vector<float> best_;
};

// The rows of the mask between two rows of the map.
class Strip {
 public:
  Strip(const MapAxis& axis, std::size_t width, ClassCounts& counts) : axis_(axis), pattern_(width), counts_(counts) {}

  // Fills in what is decided, counts it for all `rows` of the strip, and collects what is not.
  void plan(ScoreMap& map, const MapRow& top, const MapRow& bottom, int rows) {
    contested_.clear();
    contenders_.clear();
    for (const MapRun& run : axis_.runs) {
      const std::int32_t winner = top.winners[run.low];
      const bool decided = winner != kUndecided && winner == top.winners[run.high] &&
                           winner == bottom.winners[run.low] && winner == bottom.winners[run.high];
      if (decided || !contest(map, top, bottom, run)) {
        const std::uint8_t id = map.class_of(decided ? winner : 0);
        std::fill(pattern_.begin() + run.begin, pattern_.begin() + run.end, id);
        counts_[id] += static_cast<std::uint32_t>(run.end - run.begin) * static_cast<std::uint32_t>(rows);
      }
    }
  }

  // Writes one row that lies `weight` of the way from top to bottom.
  void write(float weight, std::uint8_t* row) {
    std::memcpy(row, pattern_.data(), pattern_.size());
    for (const Contest& contest : contested_) resolve(contest, weight, row);
  }

 private:
  // A channel's scores at the four corners.
  struct Contender {
    std::uint8_t id;
    float top_low, top_high, bottom_low, bottom_high;
  };

  struct Contest {
    const MapRun* run;
    std::size_t first;  // of its contenders
    std::size_t count;
  };

  // False where every channel is NaN at some corner, so that none can win.
  bool contest(const ScoreMap& map, const MapRow& top, const MapRow& bottom, const MapRun& run) {
    const std::size_t first = contenders_.size();
    // What some channel reaches all over: one that stays below at every corner cannot win.
    float floor = -std::numeric_limits<float>::infinity();
    for (std::size_t c = 0; c < top.channels.size(); ++c) {
      const auto [upper, upper_step] = top.channels[c];
      const auto [lower, lower_step] = bottom.channels[c];
      const auto low = static_cast<std::size_t>(run.low);
      const auto high = static_cast<std::size_t>(run.high);
      const Contender contender{map.class_of(static_cast<std::int32_t>(c)), upper[low * upper_step],
                                upper[high * upper_step], lower[low * lower_step], lower[high * lower_step]};
      if (std::isnan(contender.top_low) || std::isnan(contender.top_high) || std::isnan(contender.bottom_low) ||
          std::isnan(contender.bottom_high)) {
        continue;
      }
      floor = std::max(floor, std::min(std::min(contender.top_low, contender.top_high),
                                       std::min(contender.bottom_low, contender.bottom_high)));
      contenders_.push_back(contender);
    }
    if (contenders_.size() == first) return false;
    const auto hopeless = [floor](const Contender& contender) {
      return std::max(std::max(contender.top_low, contender.top_high),
                      std::max(contender.bottom_low, contender.bottom_high)) < floor;
    };
    contenders_.erase(
        std::remove_if(contenders_.begin() + static_cast<std::ptrdiff_t>(first), contenders_.end(), hopeless),
        contenders_.end());
    contested_.push_back({&run, first, contenders_.size() - first});
    return true;
  }

  void resolve(const Contest& contest, float weight, std::uint8_t* row) {
    const Contender* contenders = contenders_.data() + contest.first;
    for (std::size_t i = 0; i < contest.count; ++i) {
      const Contender& contender = contenders[i];
      low_[i] = contender.top_low * (1 - weight) + contender.bottom_low * weight;
      high_[i] = contender.top_high * (1 - weight) + contender.bottom_high * weight;
    }
    for (int x = contest.run->begin; x < contest.run->end; ++x) {
      const float across = axis_.weight[static_cast<std::size_t>(x)];
      std::size_t winner = 0;
      float best = -std::numeric_limits<float>::infinity();
      for (std::size_t i = 0; i < contest.count; ++i) {
        const float score = low_[i] * (1 - across) + high_[i] * across;
        winner = score > best ? i : winner;
        best = std::max(best, score);
      }
      row[x] = contenders[winner].id;
      ++counts_[row[x]];
    }
  }

  const MapAxis& axis_;
  std::vector<std::uint8_t> pattern_;  // a row, with gaps where it is contested
  std::vector<Contest> contested_;
  std::vector<Contender> contenders_;
  std::array<float, kMaxChannels> low_;  // scores of a contest's channels at its two ends
  std::array<float, kMaxChannels> high_;
  ClassCounts& counts_;
};

std::string map_text(const MaskSpec& spec) {
  return std::to_string(spec.channels) + " channels of " + std::to_string(spec.width) + "x" +
         std::to_string(spec.height);
}

Status check(std::span<const float> output, const MaskSpec& spec, const Placement& placement, std::size_t mask_size) {
  if (spec.channels < 1 || spec.channels > kMaxChannels || spec.width < 1 || spec.height < 1) {
    return {error_code::kInvalidArgument,
            "A mask is made from 1 to 256 channels that are not empty, but received " + map_text(spec)};
  }
  if (spec.channels == 1 && (spec.activation == ScoreActivation::kSoftmax || !std::isfinite(spec.threshold))) {
    return {error_code::kInvalidArgument,
            "A mask from one channel needs no activation or sigmoid, and a threshold that is a finite number",
            "Softmax over one channel is 1 everywhere."};
  }
  FOVEATE_RETURN_IF_ERROR(check_placement(placement, "A mask"));
  // Divided: the product of all three sizes can exceed what a number holds.
  const auto channels = static_cast<std::size_t>(spec.channels);
  const std::size_t points = static_cast<std::size_t>(spec.width) * static_cast<std::size_t>(spec.height);
  if (output.size() % channels != 0 || output.size() / channels != points) {
    return {error_code::kInternal,
            "Expected the scores of " + map_text(spec) + ", but received " + std::to_string(output.size())};
  }
  const std::size_t pixels =
      static_cast<std::size_t>(placement.source_width) * static_cast<std::size_t>(placement.source_height);
  if (mask_size != pixels) {
    return {error_code::kInternal, "Expected room for a mask of " + std::to_string(pixels) + " pixels, but received " +
                                       std::to_string(mask_size) + " bytes"};
  }
  return {};
}

}  // namespace

Status decode_mask(std::span<const float> output, const MaskSpec& spec, const Placement& placement,
                   std::span<std::uint8_t> mask, ClassCounts& counts, const CancelToken* cancel) {
  FOVEATE_RETURN_IF_ERROR(check(output, spec, placement, mask.size()));
  if (!has_finite(output)) return not_finite("no score is a finite number");
  const MapAxis across =
      plan_map_axis(placement.source_width, placement.scale_x, placement.offset_x, placement.input_width, spec.width);
  const MapAxis down = plan_map_axis(placement.source_height, placement.scale_y, placement.offset_y,
                                     placement.input_height, spec.height);
  const auto width = static_cast<std::size_t>(placement.source_width);
  ScoreMap map(output, spec);
  counts.fill(0);
  Strip strip(across, width, counts);
  for (const MapRun& run : down.runs) {
    strip.plan(map, map.row(run.low), map.row(run.high), run.end - run.begin);
    if (cancel != nullptr && cancel->cancelled()) return aborted();
    for (int y = run.begin; y < run.end; ++y) {
      const auto row = static_cast<std::size_t>(y);
      strip.write(down.weight[row], mask.data() + row * width);
    }
  }
  return {};
}

}  // namespace foveate
