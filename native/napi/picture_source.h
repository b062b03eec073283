// A picture as JavaScript gives it: a file's path, the bytes of a file, or raw pixels.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "core/cancel.h"
#include "napi/arguments.h"
#include "vision/jpeg.h"
#include "vision/picture.h"
#include "vision/yuv.h"

namespace foveate {

struct RawFrame {
  HeldBytes pixels;
  int width = 0;
  int height = 0;
  std::size_t stride = 0;
  PixelFormat format = PixelFormat::kRgb;
};

// A frame of video; the pixels own what the frame looks at.
struct RawYuvFrame {
  HeldBytes pixels;
  YuvFrame frame;
};

class PictureSource {
 public:
  // { path } | { bytes } | { pixels, width, height, stride, format, colorMatrix?, colorRange?, lease? }. Bytes and
  // pixels are copied unless they lie in a lease.
  static PictureSource of(const Napi::Value& value);

  std::size_t copied_bytes() const { return copied_bytes_; }

  // On a lane: the picture's pixels. `storage` owns them where they had to be made. MEDIA_UNSUPPORTED where this is
  // not a JPEG that the core decodes: the caller then tries the general decoder.
  Result<PictureView> read(const JpegOptions& options, MemoryPool& pool, Picture& storage) const;

 private:
  std::variant<std::string, HeldBytes, RawFrame, RawYuvFrame> source_;
  std::size_t copied_bytes_ = 0;
};

}  // namespace foveate
