#include <memory>

#include "input.h"
#include "prepare.h"
#include "targets.h"

namespace foveate::fuzz {
namespace {

constexpr std::size_t kMostBytes = 1 << 20;

PreprocessSpec spec_from(Input& input) {
  PreprocessSpec spec;
  spec.fit = input.one_of(Fit::kNone);
  spec.width = input.size();
  spec.height = input.size();
  spec.resize_edge = input.size();
  spec.interpolation = input.one_of(Interpolation::kBicubicAntialias);
  spec.anchor = input.one_of(Anchor::kTopLeft);
  spec.rounding = input.one_of(Rounding::kFloor);
  spec.color = input.one_of(ColorOrder::kGrey);
  spec.layout = input.one_of(Layout::kChannelsLast);
  spec.dtype = input.one_of(DType::kBool);
  for (auto& value : spec.pad) value = input.any<std::uint8_t>();
  spec.scale = input.flag() ? input.any<double>() : 1.0 / 255;
  for (auto& value : spec.mean) value = static_cast<double>(input.value());
  for (auto& value : spec.std) value = static_cast<double>(input.value());
  return spec;
}

}  // namespace

void frames(std::span<const std::byte> data) {
  Input input(data);
  const PreprocessSpec spec = spec_from(input);
  PictureView picture;
  picture.format = input.one_of(PixelFormat::kRgba);
  picture.width = input.size();
  picture.height = input.size();
  if (picture.width < 1 || picture.height < 1) return prepare(picture, spec);

  const auto row_bytes =
      static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(pixel_channels(picture.format));
  picture.stride = row_bytes + static_cast<std::size_t>(input.between(0, 70));
  // The last row has no gap behind it.
  const std::size_t bytes = picture.stride * (static_cast<std::size_t>(picture.height) - 1) + row_bytes;
  if (bytes > kMostBytes) return;
  const std::unique_ptr<std::uint8_t[]> pixels(new std::uint8_t[bytes]);
  const auto rest = input.rest();
  for (std::size_t i = 0; i < bytes; ++i) {
    pixels[i] = rest.empty() ? static_cast<std::uint8_t>(i * 7) : std::to_integer<std::uint8_t>(rest[i % rest.size()]);
  }
  picture.data = pixels.get();
  prepare(picture, spec);
}

}  // namespace foveate::fuzz
