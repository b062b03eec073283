// The one thing in a picture's EXIF data that changes its pixels: the orientation.
#pragma once

#include <cstddef>
#include <span>

namespace foveate {

// `app1` is the content of a JPEG's APP1 segment, behind its length field: "Exif\0\0", then a TIFF header in either
// byte order. Returns the tag 0x0112 of the first directory, 1 to 8 (EXIF 2.3, 4.6.4.A: where the stored first row and
// column lie in the upright picture), or 1, upright, where the segment is of another kind, has no such tag or is
// damaged.
int exif_orientation(std::span<const std::byte> app1);

}  // namespace foveate
