#include "vision/yuv.h"

#include <algorithm>

namespace foveate {
namespace {

constexpr int kFractionBits = 20;

constexpr int fixed(double value) { return static_cast<int>(value * (1 << kFractionBits) + (value < 0 ? -0.5 : 0.5)); }

// R = y (Y - black) + r_v V, G = ... + g_u U + g_v V, B = ... + b_u U, U and V around 0.
struct Coefficients {
  int black;
  int y;
  int r_v;
  int g_u;
  int g_v;
  int b_u;
};

constexpr Coefficients coefficients(YuvMatrix matrix, YuvRange range) {
  const bool limited = range == YuvRange::kLimited;
  if (matrix == YuvMatrix::kBt601) {
    // OpenCV's digits, which are fewer than the standard's.
    return limited ? Coefficients{16, fixed(1.164), fixed(1.596), fixed(-0.391), fixed(-0.813), fixed(2.018)}
                   : Coefficients{0, fixed(1), fixed(1.402), fixed(-0.344136), fixed(-0.714136), fixed(1.772)};
  }
  return limited
             ? Coefficients{16, fixed(1.164384), fixed(1.792741), fixed(-0.213249), fixed(-0.532909), fixed(2.112402)}
             : Coefficients{0, fixed(1), fixed(1.5748), fixed(-0.187324), fixed(-0.468124), fixed(1.8556)};
}

std::uint8_t to_pixel(int value) { return static_cast<std::uint8_t>(std::clamp(value >> kFractionBits, 0, 255)); }

// One row; luma samples stand kLumaStep bytes apart, those of chroma kChromaStep.
template <int kLumaStep, int kChromaStep>
void convert_row(const std::uint8_t* luma, const std::uint8_t* u, const std::uint8_t* v, int width,
                 const Coefficients& c, std::uint8_t* rgb) {
  constexpr int kHalf = 1 << (kFractionBits - 1);
  for (int x = 0; x < width; x += 2, u += kChromaStep, v += kChromaStep) {
    const int du = *u - 128;
    const int dv = *v - 128;
    const int red = kHalf + c.r_v * dv;
    const int green = kHalf + c.g_u * du + c.g_v * dv;
    const int blue = kHalf + c.b_u * du;
    for (int end = std::min(x + 2, width), i = x; i < end; ++i, luma += kLumaStep, rgb += 3) {
      const int y = std::max(*luma - c.black, 0) * c.y;
      rgb[0] = to_pixel(y + red);
      rgb[1] = to_pixel(y + green);
      rgb[2] = to_pixel(y + blue);
    }
  }
}

// Where the parts of a frame lie, in bytes.
struct Planes {
  std::size_t row = 0;         // used bytes of a row of luma, or of the one plane
  std::size_t chroma_row = 0;  // used bytes of a row of chroma
  std::size_t chroma_stride = 0;
  std::size_t u = 0;
  std::size_t v = 0;
  std::size_t bytes = 0;
};

Planes planes_of(const YuvFrame& frame) {
  const auto width = static_cast<std::size_t>(frame.width);
  const auto height = static_cast<std::size_t>(frame.height);
  const std::size_t pairs = (width + 1) / 2;
  const std::size_t chroma_rows = (height + 1) / 2;
  const std::size_t luma = frame.stride * height;
  const std::size_t half_stride = (frame.stride + 1) / 2;
  switch (frame.format) {
    case YuvFormat::kNv12: {
      const std::size_t stride = half_stride * 2;
      return {width, pairs * 2, stride, luma, luma + 1, luma + stride * (chroma_rows - 1) + pairs * 2};
    }
    case YuvFormat::kI420: {
      const std::size_t v = luma + half_stride * chroma_rows;
      return {width, pairs, half_stride, luma, v, v + half_stride * (chroma_rows - 1) + pairs};
    }
    case YuvFormat::kYuyv:
      return {pairs * 4, 0, 0, 1, 3, frame.stride * (height - 1) + pairs * 4};
  }
  return {};
}

}  // namespace

std::optional<std::size_t> yuv_bytes(const YuvFrame& frame) {
  // Bounds below which no product overflows.
  constexpr int kMaxSide = 65'535;
  constexpr std::size_t kMaxStride = std::size_t{1} << 40;
  if (frame.width < 1 || frame.height < 1 || frame.width > kMaxSide || frame.height > kMaxSide) return std::nullopt;
  if (frame.stride > kMaxStride) return std::nullopt;
  const Planes planes = planes_of(frame);
  if (frame.stride < planes.row || planes.chroma_stride < planes.chroma_row) return std::nullopt;
  return planes.bytes;
}

Result<Picture> convert_to_rgb(const YuvFrame& frame, MemoryPool& pool) {
  auto allocated = allocate_picture(frame.width, frame.height, PixelFormat::kRgb, pool);
  if (!allocated.ok()) return allocated;
  const Picture& picture = allocated.value();
  const Planes planes = planes_of(frame);
  const Coefficients table = coefficients(frame.matrix, frame.range);
  for (int y = 0; y < frame.height; ++y) {
    const std::uint8_t* row = frame.data + static_cast<std::size_t>(y) * frame.stride;
    const std::size_t chroma = static_cast<std::size_t>(y / 2) * planes.chroma_stride;
    std::uint8_t* rgb = picture.data() + static_cast<std::size_t>(y) * picture.stride();
    switch (frame.format) {
      case YuvFormat::kNv12:
        convert_row<1, 2>(row, frame.data + planes.u + chroma, frame.data + planes.v + chroma, frame.width, table, rgb);
        break;
      case YuvFormat::kI420:
        convert_row<1, 1>(row, frame.data + planes.u + chroma, frame.data + planes.v + chroma, frame.width, table, rgb);
        break;
      case YuvFormat::kYuyv:
        convert_row<2, 4>(row, row + planes.u, row + planes.v, frame.width, table, rgb);
        break;
    }
  }
  return allocated;
}

}  // namespace foveate
