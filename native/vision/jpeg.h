// JPEG decoding with libjpeg-turbo: exact (accurate integer DCT, fancy upsampling), the same pixels as Pillow and
// OpenCV.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/cancel.h"
#include "core/memory.h"
#include "core/status.h"
#include "vision/picture.h"

namespace foveate {

// The data starts with a JPEG's SOI marker.
bool is_jpeg(std::span<const std::byte> data);

struct JpegOptions {
  std::uint64_t pixel_limit =
      0;  // width * height above this is MEDIA_TOO_LARGE, found before any pixel is decoded; 0: no limit
  const CancelToken* cancel = nullptr;  // looked at for every row of blocks
};

// A grey JPEG becomes kGrey, any other kRgb; the EXIF orientation is applied.
// MEDIA_UNSUPPORTED: valid, but of a kind left to the general decoder (CMYK, YCCK, 12 bit, lossless).
// MEDIA_INVALID: damaged, or it ends before the last row. ABORTED.
Result<Picture> decode_jpeg(std::span<const std::byte> data, const JpegOptions& options, MemoryPool& pool);

}  // namespace foveate
