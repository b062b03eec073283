// Frames of video: luma for every pixel, chroma for every second one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/memory.h"
#include "core/status.h"
#include "vision/picture.h"

namespace foveate {

enum class YuvFormat : std::uint8_t {
  kNv12,  // a plane of luma, then one of chroma at half the size, U and V by turns
  kI420,  // a plane of luma, then one of U and one of V at half the size
  kYuyv,  // one plane: Y U Y V for two pixels of a row
};

enum class YuvMatrix : std::uint8_t { kBt601, kBt709 };
enum class YuvRange : std::uint8_t { kLimited, kFull };  // luma from 16 to 235, or from 0 to 255

// Planes that follow one another. Odd sides have half a sample of chroma more: its planes have (side + 1) / 2.
struct YuvFrame {
  const std::uint8_t* data = nullptr;
  int width = 0;
  int height = 0;
  std::size_t stride = 0;  // of luma, or of the one plane; kI420's chroma rows are (stride + 1) / 2 apart, kNv12's
                           // stride rounded up to even
  YuvFormat format = YuvFormat::kNv12;
  YuvMatrix matrix = YuvMatrix::kBt601;
  YuvRange range = YuvRange::kLimited;
};

// The bytes that such a frame has at least, without the gap of its last row; nothing where it has no pixels, its rows
// overlap or its size is absurd.
std::optional<std::size_t> yuv_bytes(const YuvFrame& frame);

// As RGB. Chroma is repeated, not interpolated. BT.601 in the limited range is OpenCV's cvtColor to the bit.
Result<Picture> convert_to_rgb(const YuvFrame& frame, MemoryPool& pool);

}  // namespace foveate
