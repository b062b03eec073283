// JPEG decoding with libjpeg-turbo: exact (accurate integer DCT, fancy upsampling), the same pixels as Pillow and
// OpenCV; smaller on request, the same as Pillow's draft mode; of a part of the picture, the same as those of the
// whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "core/cancel.h"
#include "core/memory.h"
#include "core/status.h"
#include "vision/orientation.h"
#include "vision/picture.h"

namespace foveate {

// The data starts with a JPEG's SOI marker.
bool is_jpeg(std::span<const std::byte> data);

// How a picture is decoded, whose size, upright, is known.
struct JpegPart {
  int factor = 1;  // 1, 2, 4 or 8: at 1/factor of its size, rounded up
  Region needed;   // of the upright picture at that size; some of what is around it may be decoded too
};

struct JpegOptions {
  std::uint64_t pixel_limit =
      0;  // width * height above this is MEDIA_TOO_LARGE, found before any pixel is decoded; 0: no limit
  const CancelToken* cancel = nullptr;  // looked at for every row of blocks
  // CMYK and pictures with an ICC profile other than sRGB are MEDIA_UNSUPPORTED, for the general decoder to convert.
  // Otherwise profiles are ignored.
  bool convert_colors = false;
  // Where unset, all of the picture is decoded. Its failure is that of the decoding, before any pixel.
  std::function<Result<JpegPart>(PictureSize whole)> part = {};
};

// A grey JPEG becomes kGrey, any other kRgb; the EXIF orientation is applied. CMYK and YCCK become RGB as in Pillow and
// OpenCV, which take the inks for inverted, as Adobe writes them.
// MEDIA_UNSUPPORTED: valid, but of a kind left to the general decoder (12 bit, lossless).
// MEDIA_INVALID: damaged, or it ends before the last row, whichever part is asked for. ABORTED.
Result<Picture> decode_jpeg(std::span<const std::byte> data, const JpegOptions& options, MemoryPool& pool);

}  // namespace foveate
