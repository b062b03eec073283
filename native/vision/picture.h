// Pictures in memory: eight bits a channel, interleaved.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/memory.h"
#include "core/status.h"

namespace foveate {

// kCmyk, 255 being full ink, is what decoders give; it becomes RGB before anything else is done with it.
enum class PixelFormat : std::uint8_t { kGrey, kRgb, kBgr, kRgba, kCmyk };

// The longest side of a picture, JPEG's own limit: beyond, a float could not tell every pixel, and a file of a few
// bytes could ask for gigabytes of scratch memory.
constexpr int kMaxPictureSide = 65535;

constexpr int pixel_channels(PixelFormat format) {
  switch (format) {
    case PixelFormat::kGrey:
      return 1;
    case PixelFormat::kRgb:
    case PixelFormat::kBgr:
      return 3;
    case PixelFormat::kRgba:
    case PixelFormat::kCmyk:
      return 4;
  }
  return 0;
}

// Rows of pixels that somebody else owns.
struct PictureView {
  const std::uint8_t* data = nullptr;
  int width = 0;
  int height = 0;
  std::size_t stride = 0;  // bytes from one row to the next
  PixelFormat format = PixelFormat::kRgb;
};

struct PictureSize {
  int width = 0;
  int height = 0;
};

// A part of a picture, in its pixels.
struct Region {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
};

// Where pixels begin in the picture that they are a part of.
struct Origin {
  PictureSize whole;
  int left = 0;
  int top = 0;
};

// Where the pixels of a picture that was decoded smaller lie in the whole one: pixel = whole / factor + origin. The
// origin is not 0 where the last column or row, only part of which is in the whole picture, was turned to the front.
struct Reduction {
  int factor = 1;
  double origin_x = 0;
  double origin_y = 0;
};

// A picture and a share in its memory; rows stand without gaps.
struct Picture {
  BlockPtr block;
  int width = 0;
  int height = 0;
  PixelFormat format = PixelFormat::kRgb;
  Reduction reduction = {};
  Origin origin = {};  // of the whole picture, reduced alike

  std::size_t stride() const {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(pixel_channels(format));
  }
  std::uint8_t* data() const { return reinterpret_cast<std::uint8_t*>(block->data()); }
  PictureView view() const { return {data(), width, height, stride(), format}; }
};

// An uninitialised picture, a whole one. OUT_OF_MEMORY where there is no room.
Result<Picture> allocate_picture(int width, int height, PixelFormat format, MemoryPool& pool);

// A copy in RGB: grey is spread over the channels, alpha is dropped, inks become light.
Result<Picture> convert_to_rgb(const PictureView& source, MemoryPool& pool);

}  // namespace foveate
