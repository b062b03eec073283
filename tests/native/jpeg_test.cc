#include "vision/jpeg.h"

#include <gtest/gtest.h>

#include <cstdio>

#include <jpeglib.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "picture_fixture.h"

namespace foveate {
namespace {

using testing::Noise;
using testing::picture_fixtures;
using testing::read_file;

constexpr std::byte kMarker{0xff};
constexpr std::byte kStartOfScan{0xda};

class Jpeg : public ::testing::Test {
 protected:
  Result<Picture> decode(std::span<const std::byte> data, std::uint64_t pixel_limit = 0) {
    return decode_jpeg(data, JpegOptions{pixel_limit}, *pool_);
  }

  static std::vector<std::byte> fixture(const std::string& name) { return read_file(picture_fixtures() / name); }

  void expect_failure(std::span<const std::byte> data, std::string_view code, const std::string& part) {
    auto decoded = decode(data);
    ASSERT_FALSE(decoded.ok());
    const Error& error = decoded.status().error();
    EXPECT_EQ(error.code, code) << error.message;
    EXPECT_NE(error.message.find(part), std::string::npos) << error.message;
    EXPECT_FALSE(error.hint.empty()) << error.message;
  }

  std::shared_ptr<MemoryPool> pool_ = std::make_shared<MemoryPool>(std::size_t{64} << 20);
};

// A binary PGM or PPM as Pillow writes it.
struct PortableMap {
  int channels = 0, width = 0, height = 0;
  std::vector<std::uint8_t> pixels;
};

PortableMap read_portable_map(const std::filesystem::path& path) {
  const auto data = read_file(path);
  const std::string text(reinterpret_cast<const char*>(data.data()), data.size());
  PortableMap map;
  char kind = 0;
  int highest = 0, header = 0;
  if (std::sscanf(text.c_str(), "P%c %d %d %d%n", &kind, &map.width, &map.height, &highest, &header) != 4) return map;
  map.channels = kind == '5' ? 1 : 3;
  map.pixels.assign(text.begin() + header + 1, text.end());
  return map;
}

std::vector<std::uint8_t> pixels_of(const Picture& picture) {
  return {picture.data(), picture.data() + picture.stride() * static_cast<std::size_t>(picture.height)};
}

// A picture of noise, written by libjpeg itself with whatever `configure` sets.
template <typename Configure>
std::vector<std::byte> encode(int width, int height, int channels, Configure&& configure) {
  const testing::NoisePicture noise(width, height, testing::format_with(channels));
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &buffer, &size);
  info.image_width = static_cast<JDIMENSION>(width);
  info.image_height = static_cast<JDIMENSION>(height);
  info.input_components = channels;
  info.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  configure(info);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    auto* row = const_cast<JSAMPLE*>(noise.view().data + info.next_scanline * noise.view().stride);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  const auto* bytes = reinterpret_cast<const std::byte*>(buffer);
  std::vector<std::byte> data(bytes, bytes + size);
  std::free(buffer);
  return data;
}

// The offset of the first marker of that kind.
std::size_t find_marker(std::span<const std::byte> data, std::byte kind) {
  for (std::size_t i = 0; i + 1 < data.size(); ++i) {
    if (data[i] == kMarker && data[i + 1] == kind) return i;
  }
  throw std::runtime_error("The fixture lacks a marker");
}

TEST_F(Jpeg, DecodesEveryKindToPillowsPixels) {
  int pictures = 0;
  for (const auto& entry : std::filesystem::directory_iterator(picture_fixtures() / "synthetic")) {
    if (entry.path().extension() != ".jpg") continue;
    auto expected_path = entry.path();
    expected_path.replace_extension(".ppm");
    if (!std::filesystem::exists(expected_path)) expected_path.replace_extension(".pgm");
    const PortableMap expected = read_portable_map(expected_path);
    auto decoded = decode(read_file(entry.path()));
    ASSERT_TRUE(decoded.ok()) << entry.path() << ": " << decoded.status().error().message;
    const Picture& picture = decoded.value();
    EXPECT_EQ(picture.width, expected.width) << entry.path();
    EXPECT_EQ(picture.height, expected.height) << entry.path();
    EXPECT_EQ(picture.format, expected.channels == 1 ? PixelFormat::kGrey : PixelFormat::kRgb) << entry.path();
    EXPECT_EQ(pixels_of(picture), expected.pixels) << entry.path();
    ++pictures;
  }
  EXPECT_EQ(pictures, 20);
}

TEST_F(Jpeg, KnowsAJpegByItsFirstBytes) {
  EXPECT_TRUE(is_jpeg(fixture("synthetic/grey.jpg")));
  EXPECT_FALSE(is_jpeg(fixture("synthetic/grey.pgm")));
  EXPECT_FALSE(is_jpeg({}));
  EXPECT_FALSE(is_jpeg(std::vector{kMarker}));
}

TEST_F(Jpeg, LeavesColourSpacesThatItDoesNotKnowToTheGeneralDecoder) {
  // Rows of noise of 16 pixels, read as eight of two components each.
  const auto two_components = encode(16, 16, 1, [](jpeg_compress_struct& info) {
    info.image_width = 8;
    info.input_components = 2;
    info.in_color_space = JCS_UNKNOWN;
    jpeg_set_defaults(&info);
  });
  expect_failure(two_components, error_code::kMediaUnsupported, "2 colour components");
}

TEST_F(Jpeg, LeavesTwelveBitsToTheGeneralDecoder) {
  auto data = fixture("synthetic/grey.jpg");
  data[find_marker(data, std::byte{0xc0}) + 4] = std::byte{12};
  expect_failure(data, error_code::kMediaUnsupported, "12 bits");
}

TEST_F(Jpeg, LeavesHierarchicalFramesToTheGeneralDecoder) {
  auto data = fixture("synthetic/grey.jpg");
  data[find_marker(data, std::byte{0xc0}) + 1] = std::byte{0xc5};
  expect_failure(data, error_code::kMediaUnsupported, "not decoded here");
}

TEST_F(Jpeg, ChecksThePixelLimitBeforeAnyPixel) {
  const auto data = fixture("synthetic/subsampled-420.jpg");  // 45 x 29 = 1305
  EXPECT_TRUE(decode(data, 1305).ok());
  auto refused = decode(data, 1304);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().error().code, error_code::kMediaTooLarge);
  EXPECT_NE(refused.status().error().message.find("45 x 29 = 1305"), std::string::npos);

  // 65000 x 65000 pixels in a few hundred bytes: 12.7 GB, if it were tried.
  auto bomb = data;
  const std::size_t size = find_marker(bomb, std::byte{0xc0}) + 5;
  for (const std::size_t side : {size, size + 2}) {
    bomb[side] = std::byte{65000 >> 8};
    bomb[side + 1] = std::byte{65000 & 0xff};
  }
  refused = decode(bomb, 100'000'000);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().error().code, error_code::kMediaTooLarge);
  EXPECT_EQ(pool_->statistics().allocations, 1u);  // of the one that was decoded
}

TEST_F(Jpeg, RefusesPicturesWithoutPixels) {
  for (const std::size_t side : {5u, 7u}) {
    auto data = fixture("synthetic/grey.jpg");
    const std::size_t at = find_marker(data, std::byte{0xc0}) + side;
    data[at] = data[at + 1] = std::byte{0};
    expect_failure(data, error_code::kMediaInvalid, "not a complete JPEG picture");
  }
}

TEST_F(Jpeg, RefusesWhatIsNoJpeg) {
  expect_failure({}, error_code::kMediaInvalid, "not a complete JPEG picture");
  expect_failure(fixture("synthetic/grey.pgm"), error_code::kMediaInvalid, "not a complete JPEG picture");
  expect_failure(std::vector<std::byte>(1000), error_code::kMediaInvalid, "not a complete JPEG picture");
  expect_failure(std::vector{kMarker, std::byte{0xd8}}, error_code::kMediaInvalid, "not a complete JPEG picture");
}

TEST_F(Jpeg, RefusesEveryTruncation) {
  for (const char* name : {"subsampled-420", "restart-markers", "progressive", "grey", "orientation-6"}) {
    const auto whole = fixture(std::string("synthetic/") + name + ".jpg");
    for (std::size_t size = 0; size < whole.size() - 2; ++size) {
      // A copy of its own, so that AddressSanitizer sees a read past the end.
      const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      auto decoded = decode(cut);
      ASSERT_FALSE(decoded.ok()) << name << " cut to " << size << " of " << whole.size() << " bytes";
      ASSERT_EQ(decoded.status().error().code, error_code::kMediaInvalid) << decoded.status().error().message;
    }
  }
}

TEST_F(Jpeg, TakesAPictureThatLacksOnlyItsEndMarker) {
  auto data = fixture("synthetic/subsampled-420.jpg");
  const auto whole = pixels_of(decode(data).value());
  for (int lost = 0; lost < 2; ++lost) {
    data.pop_back();
    auto decoded = decode(data);
    ASSERT_TRUE(decoded.ok()) << decoded.status().error().message;
    EXPECT_EQ(pixels_of(decoded.value()), whole);
  }
  // The scans of a progressive one have no count: without the marker, nobody knows whether one is missing.
  auto progressive = fixture("synthetic/progressive.jpg");
  progressive.resize(progressive.size() - 2);
  expect_failure(progressive, error_code::kMediaInvalid, "ends early");
}

TEST_F(Jpeg, NamesTheRowWhereTheDataEnds) {
  auto data = encode(64, 800, 1, [](jpeg_compress_struct&) {});
  data.resize(data.size() / 2);
  auto decoded = decode(data);
  ASSERT_FALSE(decoded.ok());
  const std::string& message = decoded.status().error().message;
  int expected = 0, received = 0;
  const int found = std::sscanf(
      message.c_str(), "The JPEG data ends early: expected %d rows, received data up to row %d", &expected, &received);
  ASSERT_EQ(found, 2) << message;
  EXPECT_EQ(expected, 800);
  EXPECT_NEAR(received, 400, 16);  // noise: every row takes as many bytes
}

TEST_F(Jpeg, RefusesADamagedRestartInterval) {
  auto data = fixture("synthetic/restart-markers.jpg");
  data[find_marker(data, std::byte{0xd0}) + 1] = std::byte{0xd5};
  expect_failure(data, error_code::kMediaInvalid, "damaged near row");
}

TEST_F(Jpeg, ToleratesWhatLosesNoPixels) {
  auto data = fixture("synthetic/subsampled-420.jpg");
  const auto whole = pixels_of(decode(data).value());
  const std::vector<std::byte> junk(5, std::byte{0x11});
  data.insert(data.end(), junk.begin(), junk.end());  // behind the end marker
  data.insert(data.begin() + static_cast<std::ptrdiff_t>(find_marker(data, kStartOfScan)), junk.begin(), junk.end());
  auto decoded = decode(data);
  ASSERT_TRUE(decoded.ok()) << decoded.status().error().message;
  EXPECT_EQ(pixels_of(decoded.value()), whole);
}

TEST_F(Jpeg, BoundsTheScansOfAProgressivePicture) {
  const auto with_scans = [](int count) {
    std::vector<jpeg_scan_info> scans;
    for (int i = 0; i < count; ++i) {
      jpeg_scan_info& scan = scans.emplace_back();
      scan.comps_in_scan = 1;
      const int coefficient =
          (i - 3) / 3 + 1;  // after the three DC scans, each coefficient of each component by itself
      scan.component_index[0] = i % 3;
      scan.Ss = scan.Se = i < 3 ? 0 : coefficient;
    }
    return encode(16, 16, 3, [&](jpeg_compress_struct& info) {
      info.scan_info = scans.data();
      info.num_scans = count;
    });
  };
  EXPECT_TRUE(decode(with_scans(100)).ok());
  expect_failure(with_scans(101), error_code::kMediaInvalid, "more than 100 scans");
}

TEST_F(Jpeg, StopsWhenItIsAborted) {
  CancelToken cancel;
  cancel.cancel();
  auto decoded = decode_jpeg(fixture("synthetic/grey.jpg"), {0, &cancel}, *pool_);
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.status().error().code, error_code::kAborted);
}

TEST_F(Jpeg, DecodesArithmeticCoding) {
  const auto coded = encode(40, 30, 3, [](jpeg_compress_struct& info) { info.arith_code = TRUE; });
  const auto plain = encode(40, 30, 3, [](jpeg_compress_struct&) {});
  auto decoded = decode(coded);
  ASSERT_TRUE(decoded.ok()) << decoded.status().error().message;
  EXPECT_EQ(pixels_of(decoded.value()), pixels_of(decode(plain).value()));
  expect_failure(std::span(coded).first(coded.size() - 100), error_code::kMediaInvalid, "ends early");
}

TEST_F(Jpeg, GivesItsMemoryBack) {
  const auto whole = fixture("synthetic/orientation-6.jpg");
  const std::span cut = std::span(whole).first(whole.size() - 40);
  for (int round = 0; round < 50; ++round) {
    EXPECT_TRUE(decode(whole).ok());
    EXPECT_FALSE(decode(cut).ok());
  }
  EXPECT_EQ(pool_->statistics().live_bytes, 0u);
  EXPECT_LE(pool_->statistics().allocations, 2u);  // the stored picture and the upright one
}

// 2,000 pictures with up to eight bytes changed, a third of them cut short as well. The limit keeps hostile sizes
// quick.
TEST_F(Jpeg, StandsWhateverTheBytes) {
  const std::vector<std::vector<std::byte>> pictures = {
      fixture("synthetic/orientation-5.jpg"),
      fixture("synthetic/progressive.jpg"),
      fixture("synthetic/restart-markers.jpg"),
      fixture("synthetic/subsampled-422.jpg"),
      fixture("synthetic/grey.jpg"),
      fixture("cmyk.jpg"),
  };
  Noise noise;
  int decoded_pictures = 0, refused_pictures = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::byte> data = pictures[noise.below(pictures.size())];
    const std::size_t changes = 1 + noise.below(8);
    for (std::size_t i = 0; i < changes; ++i)
      data[noise.below(data.size())] = static_cast<std::byte>(noise.next_byte());
    if (noise.below(3) == 0) data.resize(noise.below(data.size()));
    data.shrink_to_fit();
    auto decoded = decode(data, 1 << 22);
    if (decoded.ok()) {
      ++decoded_pictures;
      continue;
    }
    ++refused_pictures;
    const Error& error = decoded.status().error();
    ASSERT_TRUE(error.code.starts_with("MEDIA_")) << error.code << ": " << error.message;
    ASSERT_FALSE(error.message.empty());
  }
  EXPECT_GT(decoded_pictures, 100);
  EXPECT_GT(refused_pictures, 100);
}

}  // namespace
}  // namespace foveate
