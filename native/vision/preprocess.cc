#include "vision/preprocess.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/half.h"
#include "vision/opencv.h"
#include "vision/resample.h"

namespace foveate {
namespace {

// The part of the input that shows the picture: its pixels, and where they begin.
struct Visible {
  PictureView pixels;
  int left = 0;
  int top = 0;
};

// Owned by its thread, grown to the largest picture that the thread has met.
struct Scratch {
  std::vector<std::uint8_t> resized;
  std::vector<std::uint8_t> luma;  // one row
};

template <typename Byte>
Byte* pixel_at(Byte* data, std::size_t stride, int channels, int x, int y) {
  return data + static_cast<std::size_t>(y) * stride + static_cast<std::size_t>(x) * static_cast<std::size_t>(channels);
}

// Resizes where the sizes differ. The pixels lie in `scratch`, or in the picture itself.
Status show(const PictureView& picture, const PreprocessSpec& spec, const Geometry& geometry,
            std::vector<std::uint8_t>& scratch, Visible& visible) {
  const int width = geometry.resized_width;
  const int height = geometry.resized_height;
  visible.left = std::max(geometry.left, 0);
  visible.top = std::max(geometry.top, 0);
  const Region window = shown_window(geometry);
  const int channels = pixel_channels(picture.format);
  visible.pixels.width = window.width;
  visible.pixels.height = window.height;
  visible.pixels.format = picture.format;
  const Origin& origin = geometry.origin;
  if (width == origin.whole.width && height == origin.whole.height) {
    visible.pixels.stride = picture.stride;
    visible.pixels.data =
        pixel_at(picture.data, picture.stride, channels, window.left - origin.left, window.top - origin.top);
    return {};
  }

  const bool whole = spec.interpolation == Interpolation::kBilinear;  // OpenCV knows no windows
  const int made_width = whole ? width : window.width;
  const int made_height = whole ? height : window.height;
  visible.pixels.stride = static_cast<std::size_t>(made_width) * static_cast<std::size_t>(channels);
  return with_opencv("resize a picture", [&] {
    scratch.resize(visible.pixels.stride * static_cast<std::size_t>(made_height));
    if (!whole) {
      resample(picture, origin, spec.interpolation, width, height, window, scratch.data());
      visible.pixels.data = scratch.data();
      return;
    }
    const int type = CV_8UC(channels);
    const cv::Mat from(picture.height, picture.width, type, const_cast<std::uint8_t*>(picture.data), picture.stride);
    cv::Mat to(height, width, type, scratch.data());
    cv::resize(from, to, to.size(), 0, 0, cv::INTER_LINEAR);
    visible.pixels.data = pixel_at(scratch.data(), visible.pixels.stride, channels, window.left, window.top);
  });
}

// Rounds halves to even and saturates; NaN becomes the lowest value.
template <typename T>
T to_integer(double value) {
  constexpr double kLowest = std::numeric_limits<T>::lowest();
  constexpr double kHighest = std::numeric_limits<T>::max();
  if (!(value > kLowest)) return static_cast<T>(kLowest);
  return static_cast<T>(std::nearbyint(std::min(value, kHighest)));
}

float to_float32(double value) { return static_cast<float>(value); }
std::uint16_t to_float16(double value) { return float_to_half(static_cast<float>(value)); }

// What each of the 256 values of a pixel becomes. Computed in double precision and rounded once, so that every dtype is
// exact, and cheap: a microsecond for three channels, against some hundred for a pass over the pixels.
template <auto kEncode>
using Table = std::array<std::invoke_result_t<decltype(kEncode), double>, 256>;

template <auto kEncode>
auto encode(const PreprocessSpec& spec, std::size_t channel, double pixel) {
  return kEncode((pixel * spec.scale - spec.mean[channel]) / spec.std[channel]);
}

template <auto kEncode>
Table<kEncode> make_table(const PreprocessSpec& spec, std::size_t channel) {
  Table<kEncode> table;
  for (std::size_t pixel = 0; pixel < table.size(); ++pixel) {
    table[pixel] = encode<kEncode>(spec, channel, static_cast<double>(pixel));
  }
  return table;
}

// Rec. 601 luma with the 16-bit weights that Pillow uses for mode "L".
void write_luma(const std::uint8_t* row, int width, std::size_t step, bool is_bgr, std::uint8_t* luma) {
  const std::size_t red = is_bgr ? 2 : 0;
  const std::size_t blue = is_bgr ? 0 : 2;
  for (int x = 0; x < width; ++x, row += step) {
    luma[x] = static_cast<std::uint8_t>((19595u * row[red] + 38470u * row[1] + 7471u * row[blue] + 0x8000u) >> 16);
  }
}

// Where the value of an output channel stands in a source pixel.
std::size_t source_channel(PixelFormat format, ColorOrder color, std::size_t channel) {
  if (format == PixelFormat::kGrey) return 0;
  const bool same_order = (format == PixelFormat::kBgr) == (color == ColorOrder::kBgr);
  return same_order ? channel : 2 - channel;
}

// The one pass over the input: every value is written once, padding included. Values of a channel stand kPixelStep
// apart.
template <auto kEncode, int kPixelStep>
void write_input(const Visible& visible, const PreprocessSpec& spec, const Placement& placement,
                 std::vector<std::uint8_t>& luma, std::byte* slot) {
  using T = typename Table<kEncode>::value_type;
  const auto channels = static_cast<std::size_t>(spec.channels());
  const std::ptrdiff_t row_values = std::ptrdiff_t{placement.input_width} * kPixelStep;
  const std::ptrdiff_t channel_distance = kPixelStep == 1 ? row_values * placement.input_height : 1;
  std::array<Table<kEncode>, 3> tables;
  std::array<T, 3> paddings{};
  for (std::size_t c = 0; c < channels; ++c) {
    tables[c] = make_table<kEncode>(spec, c);
    paddings[c] = encode<kEncode>(spec, c, spec.pad[c]);
  }

  const PictureView& pixels = visible.pixels;
  const bool to_luma = spec.color == ColorOrder::kGrey && pixels.format != PixelFormat::kGrey;
  const auto source_step = static_cast<std::size_t>(pixel_channels(pixels.format));
  const PixelFormat row_format = to_luma ? PixelFormat::kGrey : pixels.format;
  const std::size_t row_step = to_luma ? 1 : source_step;
  if (to_luma) luma.resize(static_cast<std::size_t>(pixels.width));

  const auto fill = [](T* output, int count, T value) {
    for (std::ptrdiff_t x = 0; x < count; ++x) output[x * kPixelStep] = value;
    return output + std::ptrdiff_t{count} * kPixelStep;
  };
  for (int y = 0; y < placement.input_height; ++y) {
    const bool shown = y >= visible.top && y < visible.top + pixels.height;
    const std::uint8_t* row = shown ? pixels.data + static_cast<std::size_t>(y - visible.top) * pixels.stride : nullptr;
    if (shown && to_luma) {
      write_luma(row, pixels.width, source_step, pixels.format == PixelFormat::kBgr, luma.data());
      row = luma.data();
    }
    for (std::size_t c = 0; c < channels; ++c) {
      const Table<kEncode>& table = tables[c];
      const T padding = paddings[c];
      T* output = reinterpret_cast<T*>(slot) + y * row_values + static_cast<std::ptrdiff_t>(c) * channel_distance;
      if (!shown) {
        fill(output, placement.input_width, padding);
        continue;
      }
      output = fill(output, visible.left, padding);
      const std::uint8_t* value = row + source_channel(row_format, spec.color, c);
      for (int x = 0; x < pixels.width; ++x, value += row_step, output += kPixelStep) *output = table[*value];
      fill(output, placement.input_width - visible.left - pixels.width, padding);
    }
  }
}

template <auto kEncode>
void write_layout(const Visible& visible, const PreprocessSpec& spec, const Placement& placement,
                  std::vector<std::uint8_t>& luma, std::byte* slot) {
  if (spec.layout == Layout::kChannelsLast && spec.channels() == 3) {
    write_input<kEncode, 3>(visible, spec, placement, luma, slot);
  } else {
    write_input<kEncode, 1>(visible, spec, placement, luma, slot);
  }
}

Status write_dtype(const Visible& visible, const PreprocessSpec& spec, const Placement& placement,
                   std::vector<std::uint8_t>& luma, std::byte* slot) {
  switch (spec.dtype) {
    case DType::kFloat32:
      write_layout<to_float32>(visible, spec, placement, luma, slot);
      return {};
    case DType::kFloat16:
      write_layout<to_float16>(visible, spec, placement, luma, slot);
      return {};
    case DType::kUint8:
      write_layout<to_integer<std::uint8_t>>(visible, spec, placement, luma, slot);
      return {};
    case DType::kInt8:
      write_layout<to_integer<std::int8_t>>(visible, spec, placement, luma, slot);
      return {};
    default:
      return Status(error_code::kInvalidArgument, "A picture cannot be written as " +
                                                      std::string(dtype_name(spec.dtype)) +
                                                      ", expected float32, float16, uint8 or int8");
  }
}

// Whether the pixels that there are include a region of the whole picture.
bool covers(const PictureView& pixels, const Origin& origin, const Region& region) {
  return origin.left <= region.left && region.left + region.width <= origin.left + pixels.width &&
         origin.top <= region.top && region.top + region.height <= origin.top + pixels.height;
}

}  // namespace

Status preprocess(const PictureView& picture, const PreprocessSpec& spec, const Geometry& geometry,
                  std::span<std::byte> slot) {
  const Placement& placement = geometry.placement;
  if (picture.width != geometry.decoded.width || picture.height != geometry.decoded.height) {
    return Status(error_code::kInvalidArgument,
                  "The geometry was planned for another picture: expected " + std::to_string(geometry.decoded.width) +
                      " x " + std::to_string(geometry.decoded.height) + " pixels, received " +
                      std::to_string(picture.width) + " x " + std::to_string(picture.height));
  }
  if (!covers(picture, geometry.origin, needed_region(spec, geometry))) {
    return Status(error_code::kInvalidArgument,
                  "The part of the picture that was decoded does not hold all that the input shows");
  }
  const std::size_t expected = static_cast<std::size_t>(spec.channels()) *
                               static_cast<std::size_t>(placement.input_width) *
                               static_cast<std::size_t>(placement.input_height) * dtype_bytes(spec.dtype);
  if (slot.size() != expected) {
    return Status(error_code::kInvalidArgument, "The slot has the wrong size: expected " + std::to_string(expected) +
                                                    " bytes, received " + std::to_string(slot.size()));
  }

  thread_local Scratch scratch;
  Visible visible;
  FOVEATE_RETURN_IF_ERROR(show(picture, spec, geometry, scratch.resized, visible));
  return write_dtype(visible, spec, placement, scratch.luma, slot.data());
}

}  // namespace foveate
