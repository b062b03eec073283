// What is decoded of a JPEG where the input shows only a part of it, or shows it much smaller.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <jpeglib.h>

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

// How a JPEG is written: the sampling factors of its components, one (grey), three (YCbCr) or four (CMYK).
struct Layout {
  const char* name;
  std::vector<std::pair<int, int>> sampling;
  bool progressive = false;
  bool arithmetic = false;
  unsigned restart_rows = 0;
};

const std::vector<Layout> kLayouts = {
    {"grey", {{1, 1}}},
    {"4:4:4", {{1, 1}, {1, 1}, {1, 1}}},
    {"4:2:0", {{2, 2}, {1, 1}, {1, 1}}},
    {"4:2:2", {{2, 1}, {1, 1}, {1, 1}}},
    {"4:4:0", {{1, 2}, {1, 1}, {1, 1}}},
    {"4:1:1", {{4, 1}, {1, 1}, {1, 1}}},
    {"4:1:0", {{4, 2}, {1, 1}, {1, 1}}},
    {"1x4", {{1, 4}, {1, 2}, {1, 2}}},
    {"2x4", {{2, 4}, {1, 1}, {1, 1}}},
    {"4:2:0 with restarts", {{2, 2}, {1, 1}, {1, 1}}, false, false, 3},
    {"4:4:4 arithmetic", {{1, 1}, {1, 1}, {1, 1}}, false, true},
    {"4:2:0 progressive", {{2, 2}, {1, 1}, {1, 1}}, true},
    {"1x4 progressive", {{1, 4}, {1, 2}, {1, 2}}, true},
    {"CMYK", {{1, 1}, {1, 1}, {1, 1}, {1, 1}}},
};

// A picture of noise over a gradient, as libjpeg writes it.
std::vector<std::byte> encode(int width, int height, const Layout& layout) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* buffer = nullptr;
  unsigned long bytes = 0;
  jpeg_mem_dest(&info, &buffer, &bytes);
  info.image_width = static_cast<JDIMENSION>(width);
  info.image_height = static_cast<JDIMENSION>(height);
  info.input_components = static_cast<int>(layout.sampling.size());
  info.in_color_space = info.input_components == 1 ? JCS_GRAYSCALE : info.input_components == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&info);
  for (std::size_t i = 0; i < layout.sampling.size(); ++i) {
    info.comp_info[i].h_samp_factor = layout.sampling[i].first;
    info.comp_info[i].v_samp_factor = layout.sampling[i].second;
  }
  info.arith_code = layout.arithmetic ? TRUE : FALSE;
  info.restart_in_rows = static_cast<int>(layout.restart_rows);
  if (layout.progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  Noise noise;
  std::vector<JSAMPLE> row(static_cast<std::size_t>(width * info.input_components));
  while (info.next_scanline < info.image_height) {
    for (std::size_t x = 0; x < row.size(); ++x)
      row[x] = static_cast<JSAMPLE>((x + info.next_scanline + noise.below(60)) % 256);
    JSAMPROW rows[] = {row.data()};
    jpeg_write_scanlines(&info, rows, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  const auto* first = reinterpret_cast<const std::byte*>(buffer);
  std::vector<std::byte> data(first, first + bytes);
  std::free(buffer);
  return data;
}

// A part of a picture, somewhere.
Region some_region(PictureSize whole, Noise& noise) {
  Region region;
  region.left = static_cast<int>(noise.below(static_cast<std::size_t>(whole.width)));
  region.top = static_cast<int>(noise.below(static_cast<std::size_t>(whole.height)));
  region.width = 1 + static_cast<int>(noise.below(static_cast<std::size_t>(whole.width - region.left)));
  region.height = 1 + static_cast<int>(noise.below(static_cast<std::size_t>(whole.height - region.top)));
  return region;
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

  // The part has the pixels of the whole, in the region that was asked for.
  static void expect_same(const Picture& part, const Picture& whole, const Region& needed, const std::string& what) {
    const Origin& origin = part.origin;
    ASSERT_EQ(origin.whole.width, whole.width) << what;
    ASSERT_EQ(origin.whole.height, whole.height) << what;
    ASSERT_TRUE(origin.left <= needed.left && origin.top <= needed.top &&
                needed.left + needed.width <= origin.left + part.width &&
                needed.top + needed.height <= origin.top + part.height)
        << what;
    const auto channels = static_cast<std::size_t>(pixel_channels(whole.format));
    for (int y = needed.top; y < needed.top + needed.height; ++y) {
      const auto* expected = whole.data() + static_cast<std::size_t>(y) * whole.stride() +
                             static_cast<std::size_t>(needed.left) * channels;
      const auto* found = part.data() + static_cast<std::size_t>(y - origin.top) * part.stride() +
                          static_cast<std::size_t>(needed.left - origin.left) * channels;
      ASSERT_TRUE(std::equal(found, found + static_cast<std::size_t>(needed.width) * channels, expected))
          << what << ": " << needed.left << ' ' << needed.top << ' ' << needed.width << " x " << needed.height
          << ", row " << y;
    }
  }

  std::shared_ptr<MemoryPool> pool_ = std::make_shared<MemoryPool>(std::size_t{64} << 20);
};

// Tall enough for several steps of what is skipped. What libjpeg cannot leave out right is decoded whole.
TEST_F(JpegPartTest, HasThePixelsOfTheWholeWhateverTheSampling) {
  Noise noise;
  for (const Layout& layout : kLayouts) {
    for (const auto& [width, height] : {std::pair{67, 1403}, std::pair{33, 587}, std::pair{40, 127}}) {
      const auto data = encode(width, height, layout);
      for (const int factor : {1, 2, 4, 8}) {
        const Picture whole = decode(data, factor).value();
        for (int round = 0; round < 6; ++round) {
          const Region needed = some_region({whole.width, whole.height}, noise);
          auto part = decode(data, factor, &needed);
          ASSERT_TRUE(part.ok()) << layout.name << ": " << part.status().error().message;
          expect_same(part.value(), whole, needed, layout.name + std::string(" at 1/") + std::to_string(factor));
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST_F(JpegPartTest, RefusesWhatTheWholeRefuses) {
  Noise noise;
  int refused = 0;
  for (const Layout& layout : kLayouts) {
    const auto data = encode(64, 1403, layout);
    for (const int factor : {1, 2}) {
      for (int round = 0; round < 12; ++round) {
        // The end is cut off, or a byte of it is another.
        std::vector<std::byte> damaged(data);
        if (round % 2 == 0) {
          damaged.resize(data.size() - 2 - noise.below(data.size() / 3));
        } else {
          damaged[data.size() - 3 - noise.below(data.size() / 3)] = static_cast<std::byte>(noise.next_byte());
        }
        damaged.shrink_to_fit();
        const auto whole = decode(damaged, factor);
        const Region needed{8, static_cast<int>(noise.below(40)), 16, 1 + static_cast<int>(noise.below(60))};
        const auto part = decode(damaged, factor, &needed);
        ASSERT_EQ(part.ok(), whole.ok()) << layout.name << " at 1/" << factor << ", round " << round;
        refused += whole.ok() ? 0 : 1;
      }
    }
  }
  EXPECT_GT(refused, 100);
}

// Scans that come last are missing, as in a download that was cut off and closed: what is there is smoothed.
TEST_F(JpegPartTest, HasThePixelsOfAnUnfinishedPicture) {
  Noise noise;
  const auto data = encode(160, 120, {"progressive", {{2, 2}, {1, 1}, {1, 1}}, true});
  std::vector<std::size_t> scans;
  for (std::size_t i = 0; i + 1 < data.size(); ++i) {
    if (data[i] == std::byte{0xff} && data[i + 1] == std::byte{0xda}) scans.push_back(i);
  }
  ASSERT_GT(scans.size(), 4u);
  for (std::size_t kept = 1; kept < scans.size(); ++kept) {
    std::vector<std::byte> unfinished(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(scans[kept]));
    unfinished.insert(unfinished.end(), {std::byte{0xff}, std::byte{0xd9}});
    const Picture whole = decode(unfinished, 1).value();
    for (int round = 0; round < 10; ++round) {
      const Region needed = some_region({whole.width, whole.height}, noise);
      expect_same(decode(unfinished, 1, &needed).value(), whole, needed, std::to_string(kept) + " scans");
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(JpegPartTest, RefusesAPartOutsideThePicture) {
  const auto data = encode(64, 64, kLayouts[0]);
  for (const Region& needed : {Region{-1, 0, 8, 8}, {0, 0, 65, 8}, {60, 0, 8, 8}, {0, 0, 0, 8}, {0, 1 << 30, 8, 8}}) {
    auto decoded = decode(data, 1, &needed);
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(decoded.status().error().code, error_code::kInternal);
  }
}

TEST_F(JpegPartTest, HasThePixelsOfTheWhole) {
  Noise noise;
  int parts = 0, smaller = 0;
  for (const auto& path : all_jpegs()) {
    const auto data = testing::read_file(path);
    for (const int factor : {1, 2, 4, 8}) {
      const Picture whole = decode(data, factor).value();
      ASSERT_EQ(whole.origin.whole.width, whole.width);
      for (int round = 0; round < 25; ++round) {
        const Region needed = some_region({whole.width, whole.height}, noise);
        const Picture part = decode(data, factor, &needed).value();
        expect_same(part, whole, needed, path.string() + " at 1/" + std::to_string(factor));
        if (HasFatalFailure()) return;
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
