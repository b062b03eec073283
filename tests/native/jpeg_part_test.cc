// What is decoded of a JPEG where the input shows only a part of it, or shows it much smaller.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "picture_fixture.h"
#include "vision/jpeg.h"
#include "vision/preprocess.h"

namespace foveate {
namespace {

using testing::Noise;

// Every subsampling and orientation, progressive, restart markers, grey, inks, odd sizes.
std::vector<std::filesystem::path> all_jpegs() {
  std::vector<std::filesystem::path> paths;
  for (const char* folder : {"synthetic", "../formats", "../reduced"}) {
    for (const auto& entry : std::filesystem::directory_iterator(testing::picture_fixtures() / folder))
      if (entry.path().extension() == ".jpg") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

class JpegPartTest : public ::testing::Test {
 protected:
  Result<Picture> decode(std::span<const std::byte> data, int factor, const Region* needed = nullptr) {
    JpegOptions options;
    options.part = [&](PictureSize size) -> Result<JpegPart> {
      const Region all{0, 0, (size.width + factor - 1) / factor, (size.height + factor - 1) / factor};
      return JpegPart{factor, needed == nullptr ? all : *needed};
    };
    return decode_jpeg(data, options, *pool_);
  }

  // Preprocessed as the addon does it, from no more than what is needed.
  std::vector<std::byte> preprocess_part(std::span<const std::byte> data, const PreprocessSpec& spec) {
    Geometry whole;
    JpegOptions options;
    options.part = [&](PictureSize size) -> Result<JpegPart> {
      const DecodePlan plan = plan_decode(spec, size.width, size.height).value();
      whole = plan.geometry;
      return JpegPart{plan.factor, plan.needed};
    };
    const Picture picture = decode_jpeg(data, options, *pool_).value();
    return written(picture, spec, plan_decoded(whole, picture));
  }

  std::vector<std::byte> written(const Picture& picture, const PreprocessSpec& spec, const Geometry& geometry) {
    const Placement& placement = geometry.placement;
    std::vector<std::byte> slot(static_cast<std::size_t>(3 * placement.input_width * placement.input_height));
    const Status status = preprocess(picture.view(), spec, geometry, slot);
    EXPECT_TRUE(status.ok()) << status.error().message;
    return slot;
  }

  std::shared_ptr<MemoryPool> pool_ = std::make_shared<MemoryPool>(std::size_t{64} << 20);
};

TEST_F(JpegPartTest, HasThePixelsOfTheWhole) {
  Noise noise;
  int parts = 0, smaller = 0;
  for (const auto& path : all_jpegs()) {
    const auto data = testing::read_file(path);
    for (const int factor : {1, 2, 4, 8}) {
      const Picture whole = decode(data, factor).value();
      ASSERT_EQ(whole.origin.whole.width, whole.width);
      for (int round = 0; round < 25; ++round) {
        Region needed;
        needed.left = static_cast<int>(noise.below(static_cast<std::size_t>(whole.width)));
        needed.top = static_cast<int>(noise.below(static_cast<std::size_t>(whole.height)));
        needed.width = 1 + static_cast<int>(noise.below(static_cast<std::size_t>(whole.width - needed.left)));
        needed.height = 1 + static_cast<int>(noise.below(static_cast<std::size_t>(whole.height - needed.top)));
        const Picture part = decode(data, factor, &needed).value();
        const Origin& origin = part.origin;
        ASSERT_EQ(origin.whole.width, whole.width);
        ASSERT_EQ(origin.whole.height, whole.height);
        ASSERT_TRUE(origin.left <= needed.left && origin.top <= needed.top &&
                    needed.left + needed.width <= origin.left + part.width &&
                    needed.top + needed.height <= origin.top + part.height);
        const auto channels = static_cast<std::size_t>(pixel_channels(whole.format));
        for (int y = needed.top; y < needed.top + needed.height; ++y) {
          const auto* expected = whole.data() + static_cast<std::size_t>(y) * whole.stride() +
                                 static_cast<std::size_t>(needed.left) * channels;
          const auto* found = part.data() + static_cast<std::size_t>(y - origin.top) * part.stride() +
                              static_cast<std::size_t>(needed.left - origin.left) * channels;
          ASSERT_TRUE(std::equal(found, found + static_cast<std::size_t>(needed.width) * channels, expected))
              << path << " at 1/" << factor << ": " << needed.left << ' ' << needed.top << ' ' << needed.width << " x "
              << needed.height << ", row " << y;
        }
        ++parts;
        if (part.width < whole.width || part.height < whole.height) ++smaller;
      }
    }
  }
  EXPECT_GT(parts, 4000);
  EXPECT_GT(smaller, 1000);
}

TEST_F(JpegPartTest, MakesTheInputThatTheWholeMakes) {
  for (const auto& path : all_jpegs()) {
    const auto data = testing::read_file(path);
    const Picture whole = decode(data, 1).value();
    for (const auto interpolation : {Interpolation::kBilinear, Interpolation::kNearest,
                                     Interpolation::kBilinearAntialias, Interpolation::kBicubicAntialias}) {
      for (const Fit fit : {Fit::kCrop, Fit::kStretchCrop, Fit::kStretch, Fit::kLetterbox}) {
        PreprocessSpec spec;
        spec.fit = fit;
        spec.width = 20;
        spec.height = 9;
        spec.interpolation = interpolation;
        spec.dtype = DType::kUint8;
        for (const int edge : {12, 40, std::min(whole.width, whole.height)}) {
          spec.resize_edge = edge;
          const Geometry geometry = plan_geometry(spec, whole.width, whole.height).value();
          ASSERT_EQ(preprocess_part(data, spec), written(whole, spec, geometry))
              << path << ", fit " << static_cast<int>(fit) << ", interpolation " << static_cast<int>(interpolation)
              << ", edge " << edge;
        }
      }
    }
  }
}

TEST_F(JpegPartTest, RefusesDamageOutsideThePart) {
  const auto whole = testing::read_file(testing::picture_fixtures() / "../reduced/even.jpg");
  const Region corner{0, 0, 8, 8};
  ASSERT_TRUE(decode(whole, 1, &corner).ok());
  for (std::size_t size = whole.size() / 2; size < whole.size() - 2; size += 17) {
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    auto decoded = decode(cut, 1, &corner);
    ASSERT_FALSE(decoded.ok()) << "cut to " << size;
    EXPECT_EQ(decoded.status().error().code, error_code::kMediaInvalid);
  }
}

TEST_F(JpegPartTest, TakesNoMoreMemoryThanThePart) {
  const auto data = testing::read_file(testing::picture_fixtures() / "../reduced/even.jpg");
  const Region corner{0, 0, 8, 8};
  const Picture part = decode(data, 1, &corner).value();
  EXPECT_LE(part.width, 8 + 2 * 16);
  EXPECT_LE(part.height, 8 + 16);
}

TEST(DecodePlan, IsAsSmallAsItMayBe) {
  struct Case {
    int width, height, factor;
  };
  PreprocessSpec spec;
  spec.fit = Fit::kStretch;
  for (const auto& [width, height, factor] :
       {Case{203, 149, 1}, {102, 74, 1}, {101, 74, 2}, {51, 37, 2}, {50, 37, 4}, {25, 18, 8}, {1, 1, 8}, {1, 149, 1}}) {
    spec.width = width;
    spec.height = height;
    spec.jpeg_decode = JpegDecode::kExact;
    EXPECT_EQ(plan_decode(spec, 203, 149).value().factor, 1);
    spec.jpeg_decode = JpegDecode::kReduced;
    const DecodePlan plan = plan_decode(spec, 203, 149).value();
    EXPECT_EQ(plan.factor, factor) << width << " x " << height;
    EXPECT_EQ(plan.needed.width, (203 + factor - 1) / factor);
    EXPECT_EQ(plan.needed.height, (149 + factor - 1) / factor);
  }
}

TEST(DecodePlan, PlacesTheWholePicture) {
  PreprocessSpec spec;
  spec.width = spec.height = 32;
  const Geometry whole = plan_geometry(spec, 203, 149).value();
  Picture picture;
  picture.width = 26;
  picture.height = 19;
  picture.origin.whole = {26, 19};
  picture.reduction = {8, 0.625, 0};
  const Geometry reduced = plan_decoded(whole, picture);
  EXPECT_EQ(reduced.placement.source_width, 203);
  EXPECT_EQ(reduced.placement.input_width, 32);
  EXPECT_EQ(reduced.decoded.width, 26);
  EXPECT_DOUBLE_EQ(reduced.placement.scale_x, 32.0 / 26 / 8);
  EXPECT_DOUBLE_EQ(reduced.placement.offset_x, 0.625 * 32 / 26);
  EXPECT_DOUBLE_EQ(reduced.placement.offset_y, whole.top);
  // The right edge of a mirrored picture is the right edge of the input.
  EXPECT_DOUBLE_EQ(203 * reduced.placement.scale_x + reduced.placement.offset_x, 32);
}

TEST(Preprocess, RefusesAPartThatLacksWhatIsShown) {
  PreprocessSpec spec;
  spec.fit = Fit::kCrop;
  spec.width = spec.height = spec.resize_edge = 8;
  spec.interpolation = Interpolation::kNearest;
  Geometry geometry = plan_geometry(spec, 64, 32).value();
  const testing::NoisePicture part(16, 32, PixelFormat::kRgb);
  std::vector<std::byte> slot(8 * 8 * 3 * 4);
  geometry.decoded = {16, 32};
  EXPECT_FALSE(preprocess(part.view(), spec, geometry, slot).ok());
}

}  // namespace
}  // namespace foveate
