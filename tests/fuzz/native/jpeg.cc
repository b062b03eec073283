#include "vision/jpeg.h"

#include <memory>
#include <string>

#include "prepare.h"
#include "targets.h"
#include "vision/exif.h"

namespace foveate::fuzz {
namespace {

// Few: a fuzzer learns from many small pictures, not from large ones.
constexpr std::uint64_t kMostPixels = 1 << 16;

PreprocessSpec spec_of(Fit fit, Interpolation interpolation, ColorOrder color, DType dtype) {
  PreprocessSpec spec;
  spec.fit = fit;
  spec.width = 32;
  spec.height = 24;
  spec.resize_edge = 40;
  spec.interpolation = interpolation;
  spec.color = color;
  spec.dtype = dtype;
  return spec;
}

void expect_told(const Error& error) {
  const std::string_view code = error.code;
  expect(
      code == error_code::kMediaInvalid || code == error_code::kMediaUnsupported || code == error_code::kMediaTooLarge,
      "a JPEG is refused for what it is, not with " + std::string(code) + ": " + error.message);
  expect(!error.message.empty() && !error.hint.empty(), "an error says what to do");
}

// Decoded at 1/2, 1/4 or 1/8, where what it is resized to is so much smaller, and no more of it than is shown.
void decode_part(std::span<const std::byte> data, const PreprocessSpec& spec, MemoryPool& pool) {
  Geometry whole;
  JpegOptions options{.pixel_limit = kMostPixels};
  options.part = [&](PictureSize size) -> Result<JpegPart> {
    auto planned = plan_decode(spec, size.width, size.height);
    if (!planned.ok()) return planned.take_status();
    whole = planned.value().geometry;
    return JpegPart{planned.value().factor, planned.value().needed};
  };
  auto decoded = decode_jpeg(data, options, pool);
  if (!decoded.ok()) return expect_told(decoded.status().error());
  const Picture& picture = decoded.value();
  const PictureSize size = picture.origin.whole;
  expect(picture.reduction.factor == 1 || (size.width >= whole.resized_width && size.height >= whole.resized_height),
         "no picture is decoded smaller than what it is resized to");
  prepare(picture.view(), spec, plan_decoded(whole, picture));
}

}  // namespace

void jpeg(std::span<const std::byte> data) {
  static const auto pool = std::make_shared<MemoryPool>(0);
  const int orientation = exif_orientation(data);
  expect(orientation >= 1 && orientation <= 8, "there are eight orientations");

  auto decoded = decode_jpeg(data, {.pixel_limit = kMostPixels}, *pool);
  if (!decoded.ok()) return expect_told(decoded.status().error());
  const Picture& picture = decoded.value();
  expect(picture.width >= 1 && picture.height >= 1, "a picture that is decoded has pixels");
  expect(std::uint64_t{1} * static_cast<std::uint64_t>(picture.width) * static_cast<std::uint64_t>(picture.height) <=
             kMostPixels,
         "the limit of pixels holds");
  prepare(picture.view(), spec_of(Fit::kLetterbox, Interpolation::kBilinear, ColorOrder::kRgb, DType::kFloat32));
  prepare(picture.view(), spec_of(Fit::kCrop, Interpolation::kBicubicAntialias, ColorOrder::kGrey, DType::kUint8));
  PreprocessSpec small = spec_of(Fit::kCrop, Interpolation::kBilinear, ColorOrder::kBgr, DType::kInt8);
  small.resize_edge = 4;
  small.jpeg_decode = JpegDecode::kReduced;
  decode_part(data, small, *pool);
  PreprocessSpec cut = spec_of(Fit::kCrop, Interpolation::kBilinearAntialias, ColorOrder::kRgb, DType::kUint8);
  cut.resize_edge = 24;
  cut.width = cut.height = 6;
  decode_part(data, cut, *pool);
}

}  // namespace foveate::fuzz
