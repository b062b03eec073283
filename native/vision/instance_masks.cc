#include "vision/instance_masks.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "vision/map_axis.h"
#include "vision/placement.h"

namespace foveate {
namespace {

MaskArea area_of(std::span<const float> box, const Placement& placement) {
  const auto pixel = [](float edge, int limit) {
    return static_cast<int>(std::clamp(std::ceil(edge), 0.0f, static_cast<float>(limit)));
  };
  const int left = pixel(box[0], placement.source_width);
  const int top = pixel(box[1], placement.source_height);
  return {left, top, std::max(pixel(box[2], placement.source_width) - left, 0),
          std::max(pixel(box[3], placement.source_height) - top, 0)};
}

// Between which points of the map each pixel of one axis lies.
struct Neighbours {
  std::vector<int> low;
  std::vector<int> high;
  std::vector<float> weight;

  explicit Neighbours(const MapAxis& axis) : weight(axis.weight) {
    for (const MapRun& run : axis.runs) {
      low.insert(low.end(), static_cast<std::size_t>(run.end - run.begin), run.low);
      high.insert(high.end(), static_cast<std::size_t>(run.end - run.begin), run.high);
    }
  }
};

// The combination of the prototypes on the part of the map that an area needs.
class Combination {
 public:
  void make(const MaskPrototypes& prototypes, std::span<const float> coefficients, int left, int top, int right,
            int bottom) {
    left_ = left;
    top_ = top;
    width_ = static_cast<std::size_t>(right - left + 1);
    values_.assign(width_ * static_cast<std::size_t>(bottom - top + 1), 0.0f);
    const auto map_width = static_cast<std::size_t>(prototypes.width);
    const std::size_t map_size = map_width * static_cast<std::size_t>(prototypes.height);
    for (std::size_t k = 0; k < coefficients.size(); ++k) {
      const float coefficient = coefficients[k];
      const float* map = prototypes.values.data() + k * map_size;
      for (int y = top; y <= bottom; ++y) {
        const float* row = map + static_cast<std::size_t>(y) * map_width + static_cast<std::size_t>(left);
        float* sum = &values_[static_cast<std::size_t>(y - top) * width_];
        for (std::size_t x = 0; x < width_; ++x) sum[x] += coefficient * row[x];
      }
    }
  }

  const float* row(int y) const { return &values_[static_cast<std::size_t>(y - top_) * width_]; }
  std::size_t column(int x) const { return static_cast<std::size_t>(x - left_); }
  std::size_t width() const { return width_; }

 private:
  std::vector<float> values_;
  std::size_t width_ = 0;
  int left_ = 0;
  int top_ = 0;
};

Status check(const MaskPrototypes& prototypes, std::span<const float> boxes, std::span<const float> coefficients,
             const Placement& placement) {
  if (prototypes.count < 1 || prototypes.height < 1 || prototypes.width < 1) {
    return {error_code::kInvalidArgument, "Masks cannot be made from " + std::to_string(prototypes.count) +
                                              " prototypes of " + std::to_string(prototypes.width) + "x" +
                                              std::to_string(prototypes.height)};
  }
  const auto count = static_cast<std::size_t>(prototypes.count);
  if (prototypes.values.size() !=
          count * static_cast<std::size_t>(prototypes.height) * static_cast<std::size_t>(prototypes.width) ||
      coefficients.size() != boxes.size() / 4 * count) {
    return {error_code::kInternal, "The sizes of prototypes, coefficients and boxes do not fit together"};
  }
  return check_placement(placement, "Masks");
}

}  // namespace

Result<InstanceMasks> decode_instance_masks(const MaskPrototypes& prototypes, std::span<const float> boxes,
                                            std::span<const float> coefficients, const Placement& placement,
                                            MemoryPool& pool, const CancelToken* cancel) {
  FOVEATE_RETURN_IF_ERROR(check(prototypes, boxes, coefficients, placement));
  InstanceMasks masks;
  std::size_t pixels = 0;
  for (std::size_t i = 0; i < boxes.size() / 4; ++i) {
    masks.areas.push_back(area_of(boxes.subspan(i * 4, 4), placement));
    pixels += masks.areas.back().pixels();
  }
  if (pixels == 0) return masks;
  // An address space has room for more; the machine that shares it out may end the process instead.
  constexpr std::size_t kMostBytes = std::size_t{1} << 30;
  masks.data = pixels <= kMostBytes ? pool.allocate(pixels) : nullptr;
  if (!masks.data) {
    return Status(error_code::kOutOfMemory,
                  "Cannot allocate " + std::to_string(pixels) + " bytes for the masks of " +
                      std::to_string(masks.areas.size()) + " objects",
                  "Lower maxDetections, or raise scoreThreshold.");
  }

  const Neighbours across(plan_map_axis(placement.source_width, placement.scale_x, placement.offset_x,
                                        placement.input_width, prototypes.width));
  const Neighbours down(plan_map_axis(placement.source_height, placement.scale_y, placement.offset_y,
                                      placement.input_height, prototypes.height));
  auto* mask = reinterpret_cast<std::uint8_t*>(masks.data->data());
  Combination combination;
  std::vector<float> between;  // a row of the map at the height of a row of pixels
  for (std::size_t i = 0; i < masks.areas.size(); ++i) {
    const MaskArea& area = masks.areas[i];
    if (area.pixels() == 0) continue;
    if (cancel != nullptr && cancel->cancelled()) return aborted();
    const auto left = static_cast<std::size_t>(area.x);
    const auto top = static_cast<std::size_t>(area.y);
    const auto width = static_cast<std::size_t>(area.width);
    const auto height = static_cast<std::size_t>(area.height);
    const auto count = static_cast<std::size_t>(prototypes.count);
    combination.make(prototypes, coefficients.subspan(i * count, count), across.low[left], down.low[top],
                     across.high[left + width - 1], down.high[top + height - 1]);
    between.resize(combination.width());
    for (std::size_t y = top; y < top + height; ++y) {
      const float* upper = combination.row(down.low[y]);
      const float* lower = combination.row(down.high[y]);
      const float share = down.weight[y];
      for (std::size_t x = 0; x < between.size(); ++x) between[x] = upper[x] * (1 - share) + lower[x] * share;
      for (std::size_t x = left; x < left + width; ++x) {
        const float weight = across.weight[x];
        const float value = between[combination.column(across.low[x])] * (1 - weight) +
                            between[combination.column(across.high[x])] * weight;
        *mask++ = value > 0 ? 1 : 0;
      }
    }
  }
  return masks;
}

}  // namespace foveate
