#include "vision/resample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/instructions.h"
#include "picture_fixture.h"

namespace foveate {
namespace {

using testing::Noise;
using testing::NoisePicture;

constexpr std::pair<const char*, Interpolation> kMethods[] = {{"nearest", Interpolation::kNearest},
                                                              {"bilinear", Interpolation::kBilinearAntialias},
                                                              {"bicubic", Interpolation::kBicubicAntialias},
                                                              {"lanczos", Interpolation::kLanczosAntialias}};

std::vector<std::uint8_t> resample(const PictureView& source, const Origin& origin, Interpolation interpolation,
                                   int width, int height, const Region& window) {
  std::vector<std::uint8_t> output(
      static_cast<std::size_t>(window.width * window.height * pixel_channels(source.format)));
  foveate::resample(source, origin, interpolation, width, height, window, output.data());
  return output;
}

std::vector<std::uint8_t> resample(const PictureView& source, Interpolation interpolation, int width, int height,
                                   const Region& window) {
  return resample(source, {{source.width, source.height}, 0, 0}, interpolation, width, height, window);
}

// Runs with no wider instructions than the parameter.
class ResampleWith : public ::testing::TestWithParam<Instructions> {
 protected:
  void SetUp() override {
    limit_instructions(GetParam());
    if (best_instructions() != GetParam()) GTEST_SKIP() << "This processor has no such instructions";
  }
  void TearDown() override { limit_instructions(Instructions::kAvx512); }
};

INSTANTIATE_TEST_SUITE_P(Instructions, ResampleWith, ::testing::Values(Instructions::kBaseline, Instructions::kAvx2));

TEST_P(ResampleWith, IsPillowsToTheBit) {
  int cases = 0;
  for (const auto& expected : testing::read_resample_cases()) {
    if (expected.method == "opencv") continue;
    const auto method = std::ranges::find(kMethods, expected.method, [](const auto& known) { return known.first; });
    ASSERT_NE(method, std::end(kMethods)) << expected.name();
    const NoisePicture source(expected.source_width, expected.source_height, testing::format_with(expected.channels));
    const auto output = resample(source.view(), method->second, expected.width, expected.height,
                                 {0, 0, expected.width, expected.height});
    EXPECT_EQ(testing::fnv1a(std::span<const std::uint8_t>(output)), expected.hash) << expected.name();
    ++cases;
  }
  EXPECT_GE(cases, 120);
}

// From a copy of no more than what the window is made of, so that a read beyond it is found.
std::vector<std::uint8_t> resample_needed(const PictureView& source, Interpolation interpolation, int width, int height,
                                          const Region& window) {
  const PictureSize whole{source.width, source.height};
  const Region needed = resampled_from(whole, interpolation, width, height, window);
  const std::size_t row = static_cast<std::size_t>(needed.width * pixel_channels(source.format));
  std::vector<std::uint8_t> pixels;
  for (int y = needed.top; y < needed.top + needed.height; ++y) {
    const std::uint8_t* first = source.data + static_cast<std::size_t>(y) * source.stride +
                                static_cast<std::size_t>(needed.left * pixel_channels(source.format));
    pixels.insert(pixels.end(), first, first + row);
  }
  pixels.shrink_to_fit();
  return resample({pixels.data(), needed.width, needed.height, row, source.format}, {whole, needed.left, needed.top},
                  interpolation, width, height, window);
}

TEST_P(ResampleWith, AWindowIsThatPartOfTheWhole) {
  Noise noise;
  for (const PixelFormat format : {PixelFormat::kGrey, PixelFormat::kRgb, PixelFormat::kRgba}) {
    const auto channels = static_cast<std::size_t>(pixel_channels(format));
    const NoisePicture source(61, 47, format);
    for (const auto& [name, interpolation] : kMethods) {
      constexpr int kWidth = 40, kHeight = 23;
      const auto whole = resample(source.view(), interpolation, kWidth, kHeight, {0, 0, kWidth, kHeight});
      for (int round = 0; round < 30; ++round) {
        Region window;
        window.left = static_cast<int>(noise.below(kWidth));
        window.top = static_cast<int>(noise.below(kHeight));
        window.width = 1 + static_cast<int>(noise.below(static_cast<std::size_t>(kWidth - window.left)));
        window.height = 1 + static_cast<int>(noise.below(static_cast<std::size_t>(kHeight - window.top)));
        const auto part = resample(source.view(), interpolation, kWidth, kHeight, window);
        EXPECT_EQ(part, resample_needed(source.view(), interpolation, kWidth, kHeight, window));
        const std::size_t row = static_cast<std::size_t>(window.width) * channels;
        for (int y = 0; y < window.height; ++y) {
          const std::size_t start = static_cast<std::size_t>((window.top + y) * kWidth + window.left) * channels;
          ASSERT_TRUE(std::equal(part.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(y) * row),
                                 part.begin() + static_cast<std::ptrdiff_t>((static_cast<std::size_t>(y) + 1) * row),
                                 whole.begin() + static_cast<std::ptrdiff_t>(start)))
              << window.left << ' ' << window.top << ' ' << window.width << ' ' << window.height << " row " << y;
        }
      }
    }
  }
}

// Tall enough to be made in several strips.
TEST(Resample, StripsAreAPartOfTheWhole) {
  const NoisePicture source(8, 30000, PixelFormat::kRgb);
  constexpr int kWidth = 200, kHeight = 60;
  const auto whole =
      resample(source.view(), Interpolation::kBicubicAntialias, kWidth, kHeight, {0, 0, kWidth, kHeight});
  for (int y = 0; y < kHeight; ++y) {
    const auto row = resample(source.view(), Interpolation::kBicubicAntialias, kWidth, kHeight, {0, y, kWidth, 1});
    ASSERT_TRUE(std::equal(row.begin(), row.end(), whole.begin() + y * kWidth * 3)) << "row " << y;
  }
}

TEST(Resample, KeepsAPictureOfTheSameSize) {
  const NoisePicture source(19, 11, PixelFormat::kRgb);
  for (const auto& [name, interpolation] : kMethods) {
    const auto output = resample(source.view(), interpolation, 19, 11, {0, 0, 19, 11});
    EXPECT_TRUE(std::equal(output.begin(), output.end(), source.view().data));
  }
}

TEST_P(ResampleWith, SkipsWhatStandsBetweenRows) {
  for (const PixelFormat format : {PixelFormat::kGrey, PixelFormat::kRgb, PixelFormat::kRgba}) {
    const NoisePicture tight(50, 40, format);
    const NoisePicture apart(50, 40, format, 13);
    EXPECT_EQ(resample(tight.view(), Interpolation::kBilinearAntialias, 20, 17, {0, 0, 20, 17}),
              resample(apart.view(), Interpolation::kBilinearAntialias, 20, 17, {0, 0, 20, 17}));
  }
}

TEST_P(ResampleWith, SaturatesWhereTheCubicOvershoots) {
  // A step from black to white, enlarged: the cubic's lobes go below 0 and above 255.
  std::vector<std::uint8_t> step(16 * 3, 0);
  std::fill(step.begin() + 8 * 3, step.end(), std::uint8_t{255});
  const PictureView view{step.data(), 16, 1, 48, PixelFormat::kRgb};
  const auto output = resample(view, Interpolation::kBicubicAntialias, 64, 1, {0, 0, 64, 1});
  EXPECT_TRUE(std::is_sorted(output.begin(), output.end()));
  EXPECT_EQ(output.front(), 0);
  EXPECT_EQ(output.back(), 255);
}

}  // namespace
}  // namespace foveate
