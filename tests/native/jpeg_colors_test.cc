// JPEGs of other colour spaces, with profiles, and decoded smaller; the pixels themselves are compared with Pillow's in
// tests/reference.
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
using testing::read_file;

class JpegColors : public ::testing::Test {
 protected:
  Result<Picture> decode(std::span<const std::byte> data, const JpegOptions& options = {}) {
    return decode_jpeg(data, options, *pool_);
  }

  Result<Picture> converted(const std::string& name) {
    JpegOptions options;
    options.convert_colors = true;
    return decode(formats(name), options);
  }

  static std::vector<std::byte> formats(const std::string& name) {
    return read_file(testing::picture_fixtures() / "../formats" / name);
  }

  static std::vector<std::byte> reduced(const std::string& name) {
    return read_file(testing::picture_fixtures() / "../reduced" / name);
  }

  // All of it, at 1/factor.
  static JpegOptions reduced_by(int factor) {
    JpegOptions options;
    options.part = [=](PictureSize whole) {
      const Region all{0, 0, (whole.width + factor - 1) / factor, (whole.height + factor - 1) / factor};
      return Result<JpegPart>(JpegPart{factor, all});
    };
    return options;
  }

  std::shared_ptr<MemoryPool> pool_ = std::make_shared<MemoryPool>(std::size_t{64} << 20);
};

TEST_F(JpegColors, MakesRgbOfInks) {
  for (const char* name : {"cmyk.jpg", "cmyk-subsampled.jpg", "ycck.jpg"}) {
    auto decoded = decode(formats(name));
    ASSERT_TRUE(decoded.ok()) << name << decoded.status().error().message;
    EXPECT_EQ(decoded.value().format, PixelFormat::kRgb);
    EXPECT_EQ(decoded.value().width, 24);
  }
}

TEST_F(JpegColors, LeavesConversionToTheGeneralDecoder) {
  for (const char* name : {"cmyk.jpg", "ycck.jpg", "cmyk-profile.jpg", "display-p3.jpg", "adobe-rgb.jpg",
                           "linear-srgb.jpg", "grey-gamma.jpg", "broken-profile.jpg"}) {
    auto decoded = converted(name);
    ASSERT_FALSE(decoded.ok()) << name;
    EXPECT_EQ(decoded.status().error().code, error_code::kMediaUnsupported) << name;
    EXPECT_FALSE(decoded.status().error().hint.empty());
    EXPECT_TRUE(decode(formats(name)).ok()) << name;
  }
}

TEST_F(JpegColors, KeepsWhatIsSrgbAlready) {
  for (const char* name : {"srgb.jpg", "srgb-table.jpg"}) EXPECT_TRUE(converted(name).ok()) << name;
  JpegOptions options;
  options.convert_colors = true;
  EXPECT_TRUE(decode(reduced("even.jpg"), options).ok());  // no profile at all
}

TEST_F(JpegColors, TakesAProfileOfSeveralSegmentsForAnotherOne) {
  auto data = formats("srgb.jpg");
  const std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
  data[text.find("ICC_PROFILE") + 13] = std::byte{2};
  JpegOptions options;
  options.convert_colors = true;
  EXPECT_FALSE(decode(data, options).ok());
}

TEST_F(JpegColors, AsksForTheSizeOfTheUprightPicture) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    PictureSize asked;
    JpegOptions options;
    options.part = [&](PictureSize whole) {
      asked = whole;
      return Result<JpegPart>(JpegPart{8, {0, 0, (whole.width + 7) / 8, (whole.height + 7) / 8}});
    };
    auto decoded = decode(reduced("odd-" + std::to_string(orientation) + ".jpg"), options);
    ASSERT_TRUE(decoded.ok());
    const bool turned = orientation >= 5;
    EXPECT_EQ(asked.width, turned ? 149 : 203);
    EXPECT_EQ(decoded.value().width, turned ? 19 : 26);
    // 203 = 25 * 8 + 3 and 149 = 18 * 8 + 5: of the last column and row, 5/8 and 3/8 are beyond the picture.
    const auto& [factor, x, y] = decoded.value().reduction;
    const bool at_left = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
    const bool at_top = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
    EXPECT_DOUBLE_EQ(x, at_left ? (turned ? 0.375 : 0.625) : 0) << orientation;
    EXPECT_DOUBLE_EQ(y, at_top ? (turned ? 0.625 : 0.375) : 0) << orientation;
  }
}

TEST_F(JpegColors, FailsAsTheChoiceDoesBeforeAnyPixel) {
  JpegOptions options;
  options.part = [](PictureSize) {
    return Result<JpegPart>(Status(error_code::kMediaInvalid, "too elongated", "cut it"));
  };
  auto decoded = decode(reduced("even.jpg"), options);
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.status().error().message, "too elongated");
  EXPECT_EQ(pool_->statistics().allocations, 0u);
}

TEST_F(JpegColors, RefusesTruncationWhateverTheScale) {
  for (const char* name : {"even.jpg", "progressive.jpg", "cmyk.jpg"}) {
    const auto whole = reduced(name);
    for (std::size_t size = 2; size < whole.size() - 2; size += 37) {
      const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      auto decoded = decode(cut, reduced_by(4));
      ASSERT_FALSE(decoded.ok()) << name << " cut to " << size;
      EXPECT_EQ(decoded.status().error().code, error_code::kMediaInvalid);
    }
  }
}

TEST_F(JpegColors, StandsWhateverTheBytes) {
  const std::vector<std::vector<std::byte>> pictures = {
      formats("cmyk-profile.jpg"), formats("ycck.jpg"), formats("display-p3.jpg"),
      reduced("odd-6.jpg"),        reduced("cmyk.jpg"), reduced("progressive.jpg"),
  };
  Noise noise;
  int decoded_pictures = 0, refused_pictures = 0;
  for (int round = 0; round < 1500; ++round) {
    std::vector<std::byte> data = pictures[noise.below(pictures.size())];
    const std::size_t changes = 1 + noise.below(8);
    for (std::size_t i = 0; i < changes; ++i)
      data[noise.below(std::min<std::size_t>(data.size(), 1000))] = static_cast<std::byte>(noise.next_byte());
    if (noise.below(3) == 0) data.resize(noise.below(data.size()));
    data.shrink_to_fit();
    JpegOptions options = reduced_by(1 << noise.below(4));
    options.pixel_limit = 1 << 22;
    options.convert_colors = noise.below(2) == 0;
    auto decoded = decode(data, options);
    if (decoded.ok()) {
      ++decoded_pictures;
      continue;
    }
    ++refused_pictures;
    ASSERT_TRUE(decoded.status().error().code.starts_with("MEDIA_")) << decoded.status().error().message;
  }
  EXPECT_GT(decoded_pictures, 100);
  EXPECT_GT(refused_pictures, 100);
}

}  // namespace
}  // namespace foveate
