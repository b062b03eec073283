#include <memory>

#include "input.h"
#include "prepare.h"
#include "targets.h"
#include "vision/yuv.h"

namespace foveate::fuzz {
namespace {

constexpr std::size_t kMostBytes = 1 << 17;

PreprocessSpec spec_from(Input& input) {
  PreprocessSpec spec;
  spec.fit = input.one_of<Fit>();
  spec.width = input.size();
  spec.height = input.size();
  spec.resize_edge = input.size();
  if (input.flag()) spec.longest_edge = input.size();
  if (input.flag()) spec.multiple_of = input.size();
  spec.interpolation = input.one_of<Interpolation>();
  spec.anchor = input.one_of<Anchor>();
  spec.rounding = input.one_of<Rounding>();
  spec.color = input.one_of<ColorOrder>();
  spec.layout = input.one_of<Layout>();
  spec.dtype = input.one_of<DType>();
  for (auto& value : spec.pad) value = input.any<std::uint8_t>();
  spec.scale = input.flag() ? input.any<double>() : 1.0 / 255;
  for (auto& value : spec.mean) value = static_cast<double>(input.value());
  for (auto& value : spec.std) value = static_cast<double>(input.value());
  return spec;
}

// Of just that size, so that what is read beyond its end is reported.
std::unique_ptr<std::uint8_t[]> pixels_from(const Input& input, std::size_t bytes) {
  std::unique_ptr<std::uint8_t[]> pixels(new std::uint8_t[bytes]);
  const auto rest = input.rest();
  for (std::size_t i = 0; i < bytes; ++i) {
    pixels[i] = rest.empty() ? static_cast<std::uint8_t>(i * 7) : std::to_integer<std::uint8_t>(rest[i % rest.size()]);
  }
  return pixels;
}

// What becomes RGB before anything else is done with it.
template <typename Source>
void prepare_as_rgb(const Source& source, const PreprocessSpec& spec) {
  static const auto pool = std::make_shared<MemoryPool>(0);
  const auto picture = convert_to_rgb(source, *pool);
  expect(picture.ok(), "a small picture becomes RGB");
  expect(picture.value().width == source.width && picture.value().height == source.height, "the size stays");
  prepare(picture.value().view(), spec);
}

void video_frame(Input& input, const PreprocessSpec& spec) {
  YuvFrame frame;
  frame.format = input.one_of<YuvFormat>();
  frame.matrix = input.one_of<YuvMatrix>();
  frame.range = input.one_of<YuvRange>();
  frame.width = input.size();
  frame.height = input.size();
  frame.stride = input.flag() ? input.any<std::size_t>() : static_cast<std::size_t>(input.between(0, 300));
  const auto bytes = yuv_bytes(frame);
  if (!bytes) return;
  expect(*bytes >= static_cast<std::size_t>(frame.width) * static_cast<std::size_t>(frame.height),
         "a frame has a byte of luma for each pixel");
  if (*bytes > kMostBytes) return;
  const auto pixels = pixels_from(input, *bytes);
  frame.data = pixels.get();
  prepare_as_rgb(frame, spec);
}

void pixel_frame(Input& input, const PreprocessSpec& spec) {
  PictureView picture;
  picture.format = input.one_of<PixelFormat>();
  picture.width = input.size();
  picture.height = input.size();
  if (picture.width < 1 || picture.height < 1) return prepare(picture, spec);

  const auto row_bytes =
      static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(pixel_channels(picture.format));
  picture.stride = row_bytes + static_cast<std::size_t>(input.between(0, 70));
  // The last row has no gap behind it.
  const std::size_t bytes = picture.stride * (static_cast<std::size_t>(picture.height) - 1) + row_bytes;
  if (bytes > kMostBytes) return;
  const auto pixels = pixels_from(input, bytes);
  picture.data = pixels.get();
  if (picture.format == PixelFormat::kCmyk) return prepare_as_rgb(picture, spec);
  prepare(picture, spec);
}

}  // namespace

void frames(std::span<const std::byte> data) {
  Input input(data);
  const PreprocessSpec spec = spec_from(input);
  if (input.flag()) return video_frame(input, spec);
  pixel_frame(input, spec);
}

}  // namespace foveate::fuzz
