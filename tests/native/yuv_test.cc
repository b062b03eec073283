#include "vision/yuv.h"

#include <gtest/gtest.h>

#include <array>
#include <sstream>

#include "picture_fixture.h"

namespace foveate {
namespace {

using testing::Noise;

constexpr YuvFormat kFormats[] = {YuvFormat::kNv12, YuvFormat::kI420, YuvFormat::kYuyv};

class Yuv : public ::testing::Test {
 protected:
  // Of exactly the bytes that the frame needs, so that AddressSanitizer sees a read past the end.
  Result<Picture> convert(YuvFrame frame) {
    Noise noise;
    std::vector<std::uint8_t> data(yuv_bytes(frame).value());
    for (auto& byte : data) byte = noise.next_byte();
    frame.data = data.data();
    return convert_to_rgb(frame, *pool_);
  }

  std::shared_ptr<MemoryPool> pool_ = std::make_shared<MemoryPool>(std::size_t{64} << 20);
};

YuvFrame frame_of(YuvFormat format, int width, int height, std::size_t stride) {
  YuvFrame frame;
  frame.format = format;
  frame.width = width;
  frame.height = height;
  frame.stride = stride;
  return frame;
}

std::size_t packed_stride(YuvFormat format, int width) {
  const auto side = static_cast<std::size_t>(width);
  return format == YuvFormat::kYuyv ? (side + 1) / 2 * 4 : side;
}

TEST_F(Yuv, HasThePixelsOfOpenCv) {
  std::ifstream file(testing::picture_fixtures() / "../frames.txt");
  int cases = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string format, matrix, range, hash;
    int width = 0, height = 0;
    fields >> format >> width >> height >> matrix >> range >> hash;
    if (hash == "-") continue;  // not of OpenCV
    const YuvFormat kind = format == "nv12" ? YuvFormat::kNv12 : format == "i420" ? YuvFormat::kI420 : YuvFormat::kYuyv;
    auto converted = convert(frame_of(kind, width, height, packed_stride(kind, width)));
    ASSERT_TRUE(converted.ok());
    const Picture& picture = converted.value();
    const std::span<const std::uint8_t> pixels(picture.data(), picture.stride() * static_cast<std::size_t>(height));
    EXPECT_EQ(testing::fnv1a(pixels), std::stoull(hash, nullptr, 16)) << line;
    ++cases;
  }
  EXPECT_EQ(cases, 24);
}

TEST_F(Yuv, TellsTheBytesOfPlanes) {
  EXPECT_EQ(yuv_bytes(frame_of(YuvFormat::kNv12, 4, 2, 4)), 12u);
  EXPECT_EQ(yuv_bytes(frame_of(YuvFormat::kI420, 4, 2, 4)), 12u);
  EXPECT_EQ(yuv_bytes(frame_of(YuvFormat::kYuyv, 4, 2, 8)), 16u);
  // 3 x 3: luma of 9, chroma of 2 x 2.
  EXPECT_EQ(yuv_bytes(frame_of(YuvFormat::kNv12, 3, 3, 3)), 9u + 8);
  EXPECT_EQ(yuv_bytes(frame_of(YuvFormat::kI420, 3, 3, 3)), 9u + 4 + 4);
  EXPECT_EQ(yuv_bytes(frame_of(YuvFormat::kYuyv, 3, 3, 8)), 24u);
  // Rows of luma 10 apart; the last row ends with its pixels.
  EXPECT_EQ(yuv_bytes(frame_of(YuvFormat::kNv12, 4, 4, 10)), 40u + 10 + 4);
  EXPECT_EQ(yuv_bytes(frame_of(YuvFormat::kI420, 4, 4, 10)), 40u + 10 + 5 + 2);
  EXPECT_EQ(yuv_bytes(frame_of(YuvFormat::kYuyv, 4, 4, 10)), 30u + 8);
}

TEST_F(Yuv, RefusesSizesThatCannotBe) {
  constexpr std::size_t kHuge = std::size_t{1} << 60;
  for (const YuvFormat format : kFormats) {
    for (const auto [width, height] : {std::array{0, 2}, {2, 0}, {-2, 2}, {2, -2}, {65536, 2}, {2, 65536}}) {
      EXPECT_FALSE(yuv_bytes(frame_of(format, width, height, 1 << 20))) << width << " x " << height;
    }
    EXPECT_FALSE(yuv_bytes(frame_of(format, 4, 4, packed_stride(format, 4) - 1)));
    EXPECT_FALSE(yuv_bytes(frame_of(format, 4, 4, kHuge)));
    EXPECT_FALSE(yuv_bytes(frame_of(format, 4, 4, ~std::size_t{0})));
    EXPECT_TRUE(yuv_bytes(frame_of(format, 65535, 65535, 1 << 20)));
  }
}

TEST_F(Yuv, StaysInsideEveryFrame) {
  for (const YuvFormat format : kFormats) {
    for (int width = 1; width < 10; ++width) {
      for (int height = 1; height < 6; ++height) {
        for (std::size_t gap = 0; gap < 4; ++gap) {
          EXPECT_TRUE(convert(frame_of(format, width, height, packed_stride(format, width) + gap)).ok());
        }
      }
    }
  }
}

TEST_F(Yuv, SaturatesAndKeepsGreyGrey) {
  for (const YuvMatrix matrix : {YuvMatrix::kBt601, YuvMatrix::kBt709}) {
    const std::array<std::uint8_t, 12> limited = {0, 16, 235, 255, 128, 128, 128, 128, 128, 128, 128, 128};
    YuvFrame frame = frame_of(YuvFormat::kNv12, 4, 2, 4);
    frame.data = limited.data();
    frame.matrix = matrix;
    const Picture picture = convert_to_rgb(frame, *pool_).value();
    for (int c = 0; c < 3; ++c) {
      EXPECT_EQ(picture.data()[0 + c], 0);
      EXPECT_EQ(picture.data()[3 + c], 0);
      EXPECT_EQ(picture.data()[6 + c], 255);
      EXPECT_EQ(picture.data()[9 + c], 255);
    }
    frame.range = YuvRange::kFull;
    const Picture full = convert_to_rgb(frame, *pool_).value();
    for (int x = 0; x < 4; ++x) {
      for (int c = 0; c < 3; ++c) EXPECT_EQ(full.data()[x * 3 + c], limited[static_cast<std::size_t>(x)]);
    }
  }
}

}  // namespace
}  // namespace foveate
