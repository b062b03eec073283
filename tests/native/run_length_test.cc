#include "metrics/run_length.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

namespace foveate {
namespace {

using Pixels = std::vector<std::uint8_t>;  // column by column

RunLengths runs_of(const Pixels& pixels, std::uint32_t height) {
  RunLengths mask{height, static_cast<std::uint32_t>(pixels.size()) / height, {0}};
  std::uint8_t value = 0;
  for (const std::uint8_t pixel : pixels) {
    if (pixel != value) mask.runs.push_back(0);
    value = pixel;
    ++mask.runs.back();
  }
  return mask;
}

Pixels pixels_of(const RunLengths& mask) {
  Pixels pixels;
  for (std::size_t i = 0; i < mask.runs.size(); ++i) {
    pixels.insert(pixels.end(), mask.runs[i], static_cast<std::uint8_t>(i % 2));
  }
  return pixels;
}

Pixels random_pixels(std::mt19937& random, std::size_t count) {
  const auto stay = 1 + random() % 9;
  Pixels pixels(count);
  std::uint8_t value = random() % 2;
  for (auto& pixel : pixels) {
    if (random() % stay == 0) value = random() % 2;
    pixel = value;
  }
  return pixels;
}

TEST(RunLength, AgreesWithPixelsOnRandomMasks) {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    const auto height = static_cast<std::uint32_t>(1 + random() % 12);
    const auto width = static_cast<std::uint32_t>(1 + random() % 12);
    const Pixels first = random_pixels(random, height * width);
    const Pixels second = random_pixels(random, height * width);
    const RunLengths a = runs_of(first, height);
    const RunLengths b = runs_of(second, height);

    RunLengths decoded;
    ASSERT_TRUE(decode_runs(encode_runs(a), height, width, decoded).ok());
    EXPECT_EQ(decoded.runs, a.runs);

    std::uint64_t area = 0, both = 0, either = 0;
    std::uint32_t left = width, top = height, right = 0, bottom = 0;
    Pixels united(first.size());
    for (std::size_t i = 0; i < first.size(); ++i) {
      both += first[i] & second[i];
      either += united[i] = first[i] | second[i];
      if (first[i] == 0) continue;
      ++area;
      const auto x = static_cast<std::uint32_t>(i) / height, y = static_cast<std::uint32_t>(i) % height;
      left = std::min(left, x), right = std::max(right, x), top = std::min(top, y), bottom = std::max(bottom, y);
    }
    EXPECT_EQ(area_of(a), area);
    const RunBox box = box_of(a);
    if (area > 0) {
      EXPECT_EQ(box.x, left);
      EXPECT_EQ(box.y, top);
      EXPECT_EQ(box.width, right - left + 1);
      EXPECT_EQ(box.height, bottom - top + 1);
    } else {
      EXPECT_EQ(box.width + box.height, 0u);
    }
    EXPECT_EQ(pixels_of(union_of(a, b)), united);
    EXPECT_EQ(union_of(a, b).runs, runs_of(united, height).runs);
    EXPECT_EQ(overlap_of(a, b, false), both == 0 ? 0 : static_cast<double>(both) / static_cast<double>(either));
    EXPECT_EQ(overlap_of(a, b, true), both == 0 ? 0 : static_cast<double>(both) / static_cast<double>(area));
  }
}

TEST(RunLength, TakesRunsWithoutPixels) {
  const RunLengths a{2, 3, {0, 0, 2, 2, 0, 1, 1}};
  const RunLengths b{2, 3, {2, 3, 1}};
  EXPECT_EQ(area_of(a), 3u);
  EXPECT_EQ(overlap_of(a, b, false), 1);
  EXPECT_EQ(union_of(a, b).runs, b.runs);
  EXPECT_EQ(box_of(a).x, 1u);
}

TEST(RunLength, RefusesDamagedText) {
  const std::string good = encode_runs({4, 4, {3, 2, 5, 1, 5}});
  RunLengths mask;
  ASSERT_TRUE(decode_runs(good, 4, 4, mask).ok());
  const auto refused = [&mask](std::string_view text, std::int64_t height = 4, std::int64_t width = 4) {
    const Status status = decode_runs(text, height, width, mask);
    return !status.ok() && status.error().code == error_code::kDatasetInvalid;
  };
  for (std::size_t length = 0; length < good.size(); ++length) EXPECT_TRUE(refused(good.substr(0, length))) << length;
  EXPECT_TRUE(refused(good + "0" + "1"));  // beyond the picture
  EXPECT_TRUE(refused("\x20"));            // no digit
  EXPECT_TRUE(refused("\xff\xff"));
  EXPECT_TRUE(refused("p"));
  EXPECT_TRUE(refused(std::string(100, 'o')));  // never ends
  EXPECT_TRUE(refused("O"));                    // -1
  EXPECT_TRUE(refused("oooooo?"));              // far more than fits
  EXPECT_TRUE(refused("ooooooO"));              // far below 0
  EXPECT_TRUE(refused(good, 0, 4));
  EXPECT_TRUE(refused(good, -4, -4));
  EXPECT_TRUE(refused(good, 65'536, 1));
  EXPECT_TRUE(refused(good, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::max()));
  std::mt19937 random(9);
  for (int round = 0; round < 5000; ++round) {
    std::string text(random() % 12, '\0');
    for (char& letter : text) letter = static_cast<char>(random());
    if (!decode_runs(text, 4, 4, mask).ok()) continue;
    EXPECT_EQ(pixels_of(mask).size(), 16u);
  }
}

TEST(RunLength, RefusesPolygonsThatAreNone) {
  RunLengths mask;
  const auto code = [&mask](std::vector<double> points, std::int64_t side = 10) {
    const Status status = runs_of_polygon(points, side, side, mask);
    return status.ok() ? std::string_view() : status.error().code;
  };
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(code({}), error_code::kDatasetInvalid);
  EXPECT_EQ(code({1, 1, 5, 5}), error_code::kDatasetInvalid);
  EXPECT_EQ(code({1, 1, 5, 5, 3, 8, 2}), error_code::kDatasetInvalid);
  EXPECT_EQ(code({1, 1, 5, 5, 3, std::numeric_limits<double>::quiet_NaN()}), error_code::kDatasetInvalid);
  EXPECT_EQ(code({1, 1, 5, 5, kInfinity, 2}), error_code::kDatasetInvalid);
  EXPECT_EQ(code({1, 1, 5, 5, -1e300, 2}), error_code::kDatasetInvalid);
  EXPECT_EQ(code({1, 1, 5, 5, 3, 8}, 0), error_code::kDatasetInvalid);
}

TEST(RunLength, FollowsAnOutlineAnyNumberOfTimes) {
  // An odd number of times around is once. It has more turns than are kept before they are settled.
  constexpr int kTimes = 31;
  std::vector<double> once{0, 0, 65'000, 3, 65'000, 9};
  std::vector<double> often;
  for (int i = 0; i < kTimes; ++i) often.insert(often.end(), once.begin(), once.end());
  RunLengths expected, mask;
  ASSERT_TRUE(runs_of_polygon(once, 10, 65'535, expected).ok());
  ASSERT_TRUE(runs_of_polygon(often, 10, 65'535, mask).ok());
  EXPECT_GT(area_of(expected), 0u);
  EXPECT_EQ(mask.runs, expected.runs);
}

TEST(RunLength, StopsWhenItIsCancelled) {
  CancelToken cancel;
  cancel.cancel();
  RunLengths mask;
  const std::vector<double> triangle{1, 1, 5, 5, 3, 8};
  const Status status = runs_of_polygon(triangle, 10, 10, mask, &cancel);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, error_code::kAborted);
}

TEST(RunLength, ClipsPolygonsToThePicture) {
  RunLengths mask;
  const std::vector<double> all{-1e6, -1e6, 1e6, -1e6, 1e6, 1e6, -1e6, 1e6};
  ASSERT_TRUE(runs_of_polygon(all, 7, 5, mask).ok());
  EXPECT_EQ(area_of(mask), 35u);
  const std::vector<double> beside{20, 20, 30, 20, 30, 30};
  ASSERT_TRUE(runs_of_polygon(beside, 7, 5, mask).ok());
  EXPECT_EQ(area_of(mask), 0u);
  EXPECT_EQ(pixels_of(mask).size(), 35u);
  const std::vector<double> inner{1, 2, 3, 2, 3, 4, 1, 4};
  ASSERT_TRUE(runs_of_polygon(inner, 7, 5, mask).ok());
  EXPECT_EQ(area_of(mask), 4u);
}

}  // namespace
}  // namespace foveate
