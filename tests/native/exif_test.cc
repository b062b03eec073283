#include "vision/exif.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "picture_fixture.h"

namespace foveate {
namespace {

using testing::Noise;

constexpr std::uint16_t kOrientation = 0x0112;
constexpr std::uint16_t kImageWidth = 0x0100;
constexpr std::uint16_t kShort = 3;
constexpr std::uint16_t kLong = 4;

class Segment {
 public:
  explicit Segment(bool big_endian) : big_endian_(big_endian) {
    text(std::string_view("Exif\0\0", 6));
    text(big_endian ? "MM" : "II");
    number(42, 2);
    number(8, 4);  // the directory follows at once
  }

  Segment& number(std::uint32_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) {
      const unsigned shift = 8 * (big_endian_ ? bytes - 1 - i : i);
      data_.push_back(static_cast<std::byte>(value >> shift));
    }
    return *this;
  }

  Segment& entries(std::uint16_t count) { return number(count, 2); }

  Segment& entry(std::uint16_t tag, std::uint16_t type, std::uint16_t value) {
    return number(tag, 2).number(type, 2).number(1, 4).number(value, 2).number(0, 2);
  }

  std::vector<std::byte>& data() { return data_; }

 private:
  void text(std::string_view characters) {
    for (const char character : characters) data_.push_back(static_cast<std::byte>(character));
  }

  bool big_endian_;
  std::vector<std::byte> data_;
};

class Exif : public ::testing::TestWithParam<bool> {};

INSTANTIATE_TEST_SUITE_P(ByteOrder, Exif, ::testing::Bool(),
                         [](const auto& order) { return order.param ? "BigEndian" : "LittleEndian"; });

TEST_P(Exif, ReadsEachOrientation) {
  for (std::uint16_t orientation = 1; orientation <= 8; ++orientation) {
    EXPECT_EQ(exif_orientation(Segment(GetParam()).entries(1).entry(kOrientation, kShort, orientation).data()),
              orientation);
  }
}

TEST_P(Exif, FindsTheTagBehindOthers) {
  Segment segment(GetParam());
  segment.entries(3).entry(kImageWidth, kShort, 5).entry(0x010f, kShort, 6).entry(kOrientation, kShort, 8);
  EXPECT_EQ(exif_orientation(segment.data()), 8);
}

TEST_P(Exif, TakesValuesThatMeanNothingAsUpright) {
  for (const unsigned value : {0u, 9u, 256u, 65535u}) {
    EXPECT_EQ(exif_orientation(
                  Segment(GetParam()).entries(1).entry(kOrientation, kShort, static_cast<std::uint16_t>(value)).data()),
              1)
        << value;
  }
  EXPECT_EQ(exif_orientation(Segment(GetParam()).entries(1).entry(kOrientation, kLong, 6).data()), 1);
  EXPECT_EQ(exif_orientation(Segment(GetParam()).entries(1).entry(kImageWidth, kShort, 6).data()), 1);
  EXPECT_EQ(exif_orientation(Segment(GetParam()).entries(0).data()), 1);
}

TEST_P(Exif, TakesEveryTruncationAsUpright) {
  auto whole = Segment(GetParam()).entries(1).entry(kOrientation, kShort, 6).data();
  const std::size_t needed = whole.size() - 2;  // the value's padding is not read
  for (std::size_t size = 0; size < needed; ++size) {
    // A copy of its own, so that AddressSanitizer sees a read past the end.
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(exif_orientation(cut), 1) << size;
  }
}

TEST_P(Exif, StaysInsideWhenOffsetsAndCountsLie) {
  EXPECT_EQ(exif_orientation(Segment(GetParam()).entries(65535).entry(kImageWidth, kShort, 5).data()), 1);
  for (const std::uint32_t offset : {26u, 27u, 0x7fffffffu, 0xfffffffeu, 0xffffffffu}) {
    Segment segment(GetParam());
    segment.data().resize(10);  // up to the directory's offset
    segment.number(offset, 4).entries(1).entry(kOrientation, kShort, 6);
    EXPECT_EQ(exif_orientation(segment.data()), 1) << offset;
  }
}

TEST_P(Exif, StaysInsideWhateverTheBytes) {
  Noise noise;
  for (int round = 0; round < 20000; ++round) {
    auto data = Segment(GetParam()).entries(2).entry(kImageWidth, kShort, 5).entry(kOrientation, kShort, 6).data();
    for (std::size_t i = 0; i < 3; ++i)
      data[10 + noise.below(data.size() - 10)] = static_cast<std::byte>(noise.next_byte());
    const int orientation = exif_orientation(data);
    ASSERT_GE(orientation, 1);
    ASSERT_LE(orientation, 8);
  }
}

TEST(ExifSegment, OfAnotherKindIsUpright) {
  auto xmp = Segment(false).entries(1).entry(kOrientation, kShort, 6).data();
  xmp[0] = std::byte{'h'};
  EXPECT_EQ(exif_orientation(xmp), 1);
  auto unordered = Segment(false).entries(1).entry(kOrientation, kShort, 6).data();
  unordered[6] = std::byte{'M'};  // "MI"
  EXPECT_EQ(exif_orientation(unordered), 1);
  EXPECT_EQ(exif_orientation({}), 1);
}

}  // namespace
}  // namespace foveate
