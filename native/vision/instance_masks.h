// Masks of single objects, as YOLACT and YOLO's segmenters tell them: a combination of a few maps that all objects
// share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/cancel.h"
#include "core/memory.h"
#include "core/status.h"
#include "vision/preprocess.h"

namespace foveate {

// The maps that all objects share: `count` of them, one after the other, covering the whole input.
struct MaskPrototypes {
  std::span<const float> values;
  int count = 0;
  int height = 0;
  int width = 0;
};

// The pixels of the picture that an object's mask may cover: those whose corner lies in its box.
struct MaskArea {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;

  std::size_t pixels() const { return static_cast<std::size_t>(width) * static_cast<std::size_t>(height); }
};

// The masks of one picture: of each object a row of bytes for each row of its area, 1 where the object is; all in one
// block, one object after the other. Boxes overlap and pictures are large, so no mask is kept beyond its box.
struct InstanceMasks {
  std::vector<MaskArea> areas;
  BlockPtr data;  // null where there is no pixel
};

// `boxes`: x1, y1, x2, y2 of each object in the picture, clipped to it; `coefficients`: `prototypes.count` of each. A
// pixel is the object's where the combination, interpolated bilinearly as decode_mask does, is above 0: the sigmoid,
// which the reference packages leave out too, is then above one half. NaN is not the object's.
// INVALID_ARGUMENT: prototypes that make no mask, a placement that is empty. OUT_OF_MEMORY. INTERNAL: spans of another
// size.
Result<InstanceMasks> decode_instance_masks(const MaskPrototypes& prototypes, std::span<const float> boxes,
                                            std::span<const float> coefficients, const Placement& placement,
                                            MemoryPool& pool, const CancelToken* cancel = nullptr);

}  // namespace foveate
