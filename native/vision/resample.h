// Pillow's two-pass resampling on eight-bit pictures, to the bit: horizontal, then vertical, as Pillow does up to 12.3.
// From 13 on it takes some tall pictures in the other order, which differs by a few levels.
#pragma once

#include <cstdint>

#include "vision/picture.h"
#include "vision/preprocess.h"

namespace foveate {

// The part of a picture that `window` of it shows, once it is resized to width * height. `interpolation` is any but
// kBilinear.
Region resampled_from(PictureSize whole, Interpolation interpolation, int width, int height, const Region& window);

// Resizes to width * height with a filter that grows with the reduction factor, or without any (kNearest), and computes
// just the pixels of `window`, which lies within that size. `interpolation` is any but kBilinear. `source` holds at
// least what `resampled_from` tells of a picture, and begins at `origin` of it. `output` has rows of window.width *
// channels bytes without gaps, in the source's format; every channel, alpha too, is resized by itself. Scratch memory
// is kept per thread; throws std::bad_alloc where it cannot be had.
void resample(const PictureView& source, const Origin& origin, Interpolation interpolation, int width, int height,
              const Region& window, std::uint8_t* output);

}  // namespace foveate
