#include "vision/preprocess.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "core/half.h"
#include "picture_fixture.h"

namespace foveate {
namespace {

using testing::NoisePicture;

std::size_t slot_bytes(const PreprocessSpec& spec, const Geometry& geometry) {
  return static_cast<std::size_t>(spec.channels() * geometry.placement.input_width * geometry.placement.input_height) *
         dtype_bytes(spec.dtype);
}

// Every byte of the slot starts as one that is then not left where a value was skipped.
std::vector<std::byte> run(const PictureView& picture, const PreprocessSpec& spec) {
  const Geometry geometry = plan_geometry(spec, picture.width, picture.height).value();
  std::vector<std::byte> slot(slot_bytes(spec, geometry), std::byte{0xa5});
  const Status status = preprocess(picture, spec, geometry, slot);
  EXPECT_TRUE(status.ok()) << status.error().message;
  return slot;
}

// uint8 as it is, interleaved.
PreprocessSpec raw(Fit fit, int width, int height, ColorOrder color = ColorOrder::kRgb) {
  PreprocessSpec spec;
  spec.fit = fit;
  spec.width = width;
  spec.height = height;
  spec.color = color;
  spec.layout = Layout::kChannelsLast;
  spec.dtype = DType::kUint8;
  return spec;
}

double element(const std::vector<std::byte>& slot, DType dtype, std::size_t index) {
  const auto* data = slot.data() + index * dtype_bytes(dtype);
  switch (dtype) {
    case DType::kFloat32: {
      float value = 0;
      std::memcpy(&value, data, sizeof value);
      return value;
    }
    case DType::kFloat16: {
      std::uint16_t value = 0;
      std::memcpy(&value, data, sizeof value);
      return half_to_float(value);
    }
    case DType::kUint8:
      return std::to_integer<int>(*data);
    case DType::kInt8:
      return static_cast<std::int8_t>(std::to_integer<int>(*data));
    default:
      throw std::runtime_error("not a dtype of pictures");
  }
}

// What a pixel becomes, by the definition.
double expected_value(const PreprocessSpec& spec, std::size_t channel, double pixel) {
  const double value = (pixel * spec.scale - spec.mean[channel]) / spec.std[channel];
  switch (spec.dtype) {
    case DType::kFloat32:
      return static_cast<float>(value);
    case DType::kFloat16:
      return half_to_float(float_to_half(static_cast<float>(value)));
    case DType::kUint8:
      return std::clamp(std::nearbyint(value), 0.0, 255.0);
    default:
      return std::clamp(std::nearbyint(value), -128.0, 127.0);
  }
}

// The channels of a source pixel as red, green and blue.
std::array<int, 3> rgb_of(const PictureView& picture, int x, int y) {
  const std::uint8_t* pixel = picture.data + static_cast<std::size_t>(y) * picture.stride +
                              static_cast<std::size_t>(x * pixel_channels(picture.format));
  switch (picture.format) {
    case PixelFormat::kGrey:
      return {pixel[0], pixel[0], pixel[0]};
    case PixelFormat::kBgr:
      return {pixel[2], pixel[1], pixel[0]};
    default:
      return {pixel[0], pixel[1], pixel[2]};
  }
}

int expected_pixel(const PictureView& picture, ColorOrder color, std::size_t channel, int x, int y) {
  const auto [red, green, blue] = rgb_of(picture, x, y);
  switch (color) {
    case ColorOrder::kRgb:
      return std::array{red, green, blue}[channel];
    case ColorOrder::kBgr:
      return std::array{blue, green, red}[channel];
    default:
      if (picture.format == PixelFormat::kGrey) return red;
      return static_cast<int>(std::lround(0.299 * red + 0.587 * green + 0.114 * blue));
  }
}

std::size_t index_of(const PreprocessSpec& spec, const Placement& placement, std::size_t channel, int x, int y) {
  const auto pixel = static_cast<std::size_t>(y * placement.input_width + x);
  const auto pixels = static_cast<std::size_t>(placement.input_width * placement.input_height);
  return spec.layout == Layout::kChannelsFirst ? channel * pixels + pixel
                                               : pixel * static_cast<std::size_t>(spec.channels()) + channel;
}

// Resampling. The fixtures are whole pictures of OpenCV and Pillow.

TEST(Preprocess, ResizesAsTheReferencesDo) {
  int cases = 0;
  for (const auto& expected : testing::read_resample_cases()) {
    if (expected.channels == 4) continue;
    const bool grey = expected.channels == 1;
    PreprocessSpec spec =
        raw(Fit::kStretch, expected.width, expected.height, grey ? ColorOrder::kGrey : ColorOrder::kRgb);
    spec.interpolation = expected.method == "opencv"     ? Interpolation::kBilinear
                         : expected.method == "nearest"  ? Interpolation::kNearest
                         : expected.method == "bilinear" ? Interpolation::kBilinearAntialias
                         : expected.method == "bicubic"  ? Interpolation::kBicubicAntialias
                                                         : Interpolation::kLanczosAntialias;
    const NoisePicture source(expected.source_width, expected.source_height, testing::format_with(expected.channels));
    const auto output = run(source.view(), spec);
    EXPECT_EQ(testing::fnv1a(std::span<const std::byte>(output)), expected.hash) << expected.name();
    ++cases;
  }
  EXPECT_GE(cases, 60);
}

// Values, order, layout and padding.

using Variant = std::tuple<PixelFormat, ColorOrder, Layout, DType>;

class PreprocessVariant : public ::testing::TestWithParam<Variant> {};

INSTANTIATE_TEST_SUITE_P(
    All, PreprocessVariant,
    ::testing::Combine(::testing::Values(PixelFormat::kGrey, PixelFormat::kRgb, PixelFormat::kBgr, PixelFormat::kRgba),
                       ::testing::Values(ColorOrder::kRgb, ColorOrder::kBgr, ColorOrder::kGrey),
                       ::testing::Values(Layout::kChannelsFirst, Layout::kChannelsLast),
                       ::testing::Values(DType::kFloat32, DType::kFloat16, DType::kUint8, DType::kInt8)));

TEST_P(PreprocessVariant, WritesEveryValueByTheDefinition) {
  const auto [format, color, layout, dtype] = GetParam();
  PreprocessSpec spec;
  spec.color = color;
  spec.layout = layout;
  spec.dtype = dtype;
  const bool integer = dtype == DType::kUint8 || dtype == DType::kInt8;
  spec.scale = integer ? 1.3 : 1 / 255.0;
  spec.mean = integer ? std::array{20.0, 120.5, 0.0} : std::array{0.485, 0.456, 0.406};
  spec.std = integer ? std::array{1.0, 2.0, 0.9} : std::array{0.229, 0.224, 0.225};
  spec.pad = {7, 114.25, 201};
  spec.width = 41;
  spec.height = 38;
  spec.resize_edge = 31;  // the shorter side of the picture: nothing is resized
  const NoisePicture picture(45, 31, format, 5);

  // Each leaves the pixels as they are: cut at the sides and padded above and below, padded at two sides, and alone.
  for (const Fit fit : {Fit::kCrop, Fit::kLetterbox, Fit::kNone}) {
    spec.fit = fit;
    if (fit == Fit::kLetterbox) spec.width = 45;
    const Geometry geometry = plan_geometry(spec, 45, 31).value();
    ASSERT_EQ(geometry.resized_width, 45);
    ASSERT_EQ(geometry.resized_height, 31);
    const auto slot = run(picture.view(), spec);
    const Placement& placement = geometry.placement;
    for (std::size_t channel = 0; channel < static_cast<std::size_t>(spec.channels()); ++channel) {
      for (int y = 0; y < placement.input_height; ++y) {
        for (int x = 0; x < placement.input_width; ++x) {
          const int source_x = x - geometry.left;
          const int source_y = y - geometry.top;
          const bool shown = source_x >= 0 && source_x < 45 && source_y >= 0 && source_y < 31;
          const double pixel =
              shown ? expected_pixel(picture.view(), color, channel, source_x, source_y) : spec.pad[channel];
          ASSERT_EQ(element(slot, dtype, index_of(spec, placement, channel, x, y)),
                    expected_value(spec, channel, pixel))
              << "channel " << channel << " at " << x << ", " << y << ", fit " << static_cast<int>(fit);
        }
      }
    }
  }
}

TEST(Preprocess, LaysAResizedPictureIntoItsPadding) {
  const NoisePicture picture(101, 57, PixelFormat::kRgb, 3);
  const PreprocessSpec spec = raw(Fit::kLetterbox, 64, 48);
  const Geometry geometry = plan_geometry(spec, 101, 57).value();
  ASSERT_EQ(geometry.resized_height, 36);
  const auto slot = run(picture.view(), spec);
  const auto resized = run(picture.view(), raw(Fit::kStretch, geometry.resized_width, geometry.resized_height));
  std::vector<std::byte> expected(slot.size(), std::byte{114});
  std::copy(resized.begin(), resized.end(), expected.begin() + geometry.top * 64 * 3);
  EXPECT_EQ(slot, expected);
}

TEST(Preprocess, CutsTheCentreOfAResizedPicture) {
  const NoisePicture picture(101, 57, PixelFormat::kBgr);
  for (const auto interpolation : {Interpolation::kBilinear, Interpolation::kNearest, Interpolation::kBilinearAntialias,
                                   Interpolation::kBicubicAntialias, Interpolation::kLanczosAntialias}) {
    PreprocessSpec spec = raw(Fit::kCrop, 28, 28);
    spec.resize_edge = 32;
    spec.interpolation = interpolation;
    const Geometry geometry = plan_geometry(spec, 101, 57).value();
    PreprocessSpec whole_spec = raw(Fit::kStretch, geometry.resized_width, geometry.resized_height);
    whole_spec.interpolation = interpolation;
    const auto whole = run(picture.view(), whole_spec);
    std::vector<std::byte> expected;
    for (int y = 0; y < 28; ++y) {
      const auto row = whole.begin() + ((y - geometry.top) * geometry.resized_width - geometry.left) * 3;
      expected.insert(expected.end(), row, row + 28 * 3);
    }
    EXPECT_EQ(run(picture.view(), spec), expected) << static_cast<int>(interpolation);
  }
}

TEST(Preprocess, EnlargesASinglePixel) {
  for (const auto interpolation : {Interpolation::kBilinear, Interpolation::kNearest, Interpolation::kBilinearAntialias,
                                   Interpolation::kBicubicAntialias, Interpolation::kLanczosAntialias}) {
    const std::array<std::uint8_t, 3> pixel = {9, 80, 250};
    PreprocessSpec spec = raw(Fit::kLetterbox, 20, 10);
    spec.interpolation = interpolation;
    const auto slot = run({pixel.data(), 1, 1, 3, PixelFormat::kRgb}, spec);
    for (int i = 0; i < 200; ++i) {
      const bool shown = i % 20 >= 5 && i % 20 < 15;
      for (std::size_t c = 0; c < 3; ++c) {
        ASSERT_EQ(std::to_integer<int>(slot[static_cast<std::size_t>(i) * 3 + c]), shown ? pixel[c] : 114) << i;
      }
    }
  }
}

TEST(Preprocess, SaturatesIntegersAndNan) {
  const NoisePicture picture(16, 16, PixelFormat::kGrey);
  PreprocessSpec spec = raw(Fit::kNone, 0, 0);
  spec.std = {0, 0, 0};  // 0 / 0 for black, infinity for the rest
  for (const DType dtype : {DType::kUint8, DType::kInt8}) {
    spec.dtype = dtype;
    const auto slot = run(picture.view(), spec);
    for (std::size_t i = 0; i < 256; ++i) {
      const double lowest = dtype == DType::kUint8 ? 0 : -128;
      const double highest = dtype == DType::kUint8 ? 255 : 127;
      ASSERT_EQ(element(slot, dtype, i * 3), picture.view().data[i] == 0 ? lowest : highest);
    }
  }
}

TEST(Preprocess, RunsOnManyThreadsAtOnce) {
  const NoisePicture small(90, 60, PixelFormat::kRgb);
  const NoisePicture large(400, 300, PixelFormat::kRgba);
  PreprocessSpec letterbox = raw(Fit::kLetterbox, 128, 128);
  PreprocessSpec antialias = raw(Fit::kStretch, 64, 64, ColorOrder::kGrey);
  antialias.interpolation = Interpolation::kBicubicAntialias;
  const auto expected_small = run(small.view(), letterbox);
  const auto expected_large = run(large.view(), antialias);
  std::vector<std::thread> threads;
  std::array<int, 4> wrong{};
  for (int& errors : wrong) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        errors += run(small.view(), letterbox) != expected_small;
        errors += run(large.view(), antialias) != expected_large;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, (std::array<int, 4>{}));
}

void expect_invalid(const Status& status, const std::string& part) {
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, error_code::kInvalidArgument);
  EXPECT_NE(status.error().message.find(part), std::string::npos) << status.error().message;
}

TEST(Preprocess, RefusesWhatDoesNotFit) {
  const NoisePicture picture(20, 10, PixelFormat::kRgb);
  PreprocessSpec spec = raw(Fit::kLetterbox, 16, 16);
  const Geometry geometry = plan_geometry(spec, 20, 10).value();
  std::vector<std::byte> slot(slot_bytes(spec, geometry));
  expect_invalid(preprocess(picture.view(), spec, geometry, std::span(slot).first(slot.size() - 1)),
                 "expected 768 bytes, received 767");
  expect_invalid(preprocess(NoisePicture(10, 20, PixelFormat::kRgb).view(), spec, geometry, slot),
                 "expected 20 x 10 pixels, received 10 x 20");
  spec.dtype = DType::kInt64;
  slot.resize(slot_bytes(spec, geometry));
  expect_invalid(preprocess(picture.view(), spec, geometry, slot), "cannot be written as int64");
}

}  // namespace
}  // namespace foveate
