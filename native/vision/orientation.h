// From the pixels that a camera stores to the upright picture: EXIF's orientations, 1 to 8.
#pragma once

#include "core/memory.h"
#include "core/status.h"
#include "vision/picture.h"

namespace foveate {

// The size of the upright picture.
PictureSize upright_size(PictureSize stored, int orientation);

// Where a region of the upright picture lies in the stored one, and the other way.
Region stored_region(Region upright, PictureSize stored, int orientation);
Region upright_region(Region stored, PictureSize stored_size, int orientation);

Result<Picture> turn_upright(const Picture& stored, int orientation, MemoryPool& pool);

// Where the pixels of the upright picture lie, once it was decoded at 1/factor (rounded up) of its stored size.
Reduction upright_reduction(PictureSize stored, int factor, int orientation);

}  // namespace foveate
