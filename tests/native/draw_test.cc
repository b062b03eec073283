#include "vision/draw.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "draw_fixture.h"

namespace foveate {
namespace {

using namespace foveate::testing;

TEST(DrawBoxes, DrawsALineAroundTheBoxAndNothingElse) {
  Picture picture = plain(100, 80);  // lines of one pixel
  draw(picture, {{{20, 30, 60, 50}, kRed, ""}});
  EXPECT_EQ(changed(picture), region_of(picture, kRed));
  EXPECT_EQ(region_of(picture, kRed), (Changed{20, 30, 59, 49, 2 * 40 + 2 * 18}));
}

TEST(DrawBoxes, LinesAndLettersGrowWithThePicture) {
  int last_line = 0;
  int last_letters = 0;
  for (const auto& [width, height] :
       {std::pair(64, 64), std::pair(640, 480), std::pair(1920, 1080), std::pair(7680, 4320)}) {
    Picture picture = plain(width, height);
    const auto w = static_cast<float>(width);
    const auto h = static_cast<float>(height);
    draw(picture, {{{w / 4, h / 2, w * 3 / 4, h * 3 / 4}, kRed, "x 1"}});
    int line = 0;
    for (int x = 0; x < width / 2; ++x) line += pixel(picture, x, height * 5 / 8) == kRed;
    const Changed letters = white_letters(picture);
    EXPECT_GE(line, std::max(last_line, 1)) << width;
    EXPECT_GT(letters.bottom - letters.top, last_letters) << width;
    last_line = line;
    last_letters = letters.bottom - letters.top;
  }
  EXPECT_GE(last_line, 8);
  EXPECT_GE(last_letters, 50);
}

TEST(DrawBoxes, TheLabelStandsOnTheBoxInItsColour) {
  Picture picture = plain(400, 300);
  draw(picture, {{{100, 150, 300, 250}, kRed, "cat 0.92"}});
  Picture bare = plain(400, 300);
  draw(bare, {{{100, 150, 300, 250}, kRed, ""}});
  const Changed line = region_of(bare, kRed);
  const Changed all = changed(picture);
  EXPECT_EQ(all.left, line.left);  // flush with the line
  EXPECT_EQ(all.right, line.right);
  EXPECT_EQ(all.bottom, line.bottom);
  EXPECT_LT(all.top, line.top - 10);
  for (int y = line.top; y <= line.bottom; ++y) {  // and hides none of the box
    for (int x = line.left; x <= line.right; ++x) ASSERT_EQ(pixel(picture, x, y), pixel(bare, x, y)) << x << " " << y;
  }
  // Its letters are padded on all sides.
  const Changed letters = white_letters(picture);
  EXPECT_GT(letters.count, 20);
  EXPECT_GE(letters.left, all.left + 2);
  EXPECT_GE(letters.top, all.top + 2);
  EXPECT_LE(letters.bottom, line.top - 3);
}

TEST(DrawBoxes, LettersAreBlackOnLightAndWhiteOnDark) {
  Picture light = plain(300, 200);
  draw(light, {{{50, 50, 250, 150}, kYellow, "dog"}});
  EXPECT_GT(black_letters(light).count, 10);
  EXPECT_EQ(white_letters(light).count, 0);
  Picture dark = plain(300, 200);
  draw(dark, {{{50, 50, 250, 150}, {20, 40, 160}, "dog"}});
  EXPECT_GT(white_letters(dark).count, 10);
  EXPECT_EQ(black_letters(dark).count, 0);
}

TEST(DrawBoxes, WithoutRoomAboveTheLabelLiesInside) {
  Picture picture = plain(300, 200);
  draw(picture, {{{0, 0, 300, 200}, kRed, "dog"}});
  const Changed letters = white_letters(picture);
  EXPECT_GT(letters.count, 10);
  EXPECT_LT(letters.bottom, 30);
  EXPECT_LT(letters.right, 100);
}

TEST(DrawBoxes, WithoutRoomAboveOrInsideTheLabelLiesBelow) {
  Picture picture = plain(300, 200);
  draw(picture, {{{100, 2, 200, 8}, kRed, "dog"}});
  EXPECT_GT(white_letters(picture).count, 10);
  EXPECT_GT(white_letters(picture).top, 8);
}

TEST(DrawBoxes, LabelsStayInThePicture) {
  for (const float x : {-20.0f, 180.0f, 199.9f}) {
    for (const float y : {-10.0f, 90.0f, 119.9f}) {
      Picture picture = plain(200, 120);
      draw(picture, {{{x, y, x + 25, y + 15}, kRed, "elephant 0.99"}});
      EXPECT_GT(white_letters(picture).count, 20);
      Picture amid = plain(200, 120);
      draw(amid, {{{50, 50, 75, 65}, kRed, "elephant 0.99"}});
      EXPECT_NEAR(white_letters(picture).count, white_letters(amid).count, 4) << x << " " << y;
    }
  }
}

TEST(DrawBoxes, LabelsMakeRoomForOneAnother) {
  Picture picture = plain(400, 300);
  const std::array<float, 4> box = {100, 100, 300, 200};
  draw(picture, {{box, kRed, "cat"}, {box, kRed, "cat"}, {box, kRed, "cat"}});
  Picture one = plain(400, 300);
  draw(one, {{box, kRed, "cat"}});
  EXPECT_EQ(white_letters(picture).count, 3 * white_letters(one).count);
}

TEST(DrawBoxes, TheFirstMarkLiesOnTop) {
  Picture picture = plain(100, 100);
  draw(picture, {{{10, 10, 90, 90}, kRed, ""}, {{10, 10, 90, 90}, kYellow, ""}});
  EXPECT_EQ(region_of(picture, kYellow).count, 0);
}

TEST(DrawBoxes, AnInvertedBoxIsTheSameBox) {
  Picture straight = plain(100, 100);
  draw(straight, {{{10, 20, 50, 60}, kRed, "a"}});
  Picture inverted = plain(100, 100);
  draw(inverted, {{{50, 60, 10, 20}, kRed, "a"}});
  EXPECT_EQ(bytes_of(straight), bytes_of(inverted));
}

TEST(DrawBoxes, ABoxBeyondThePictureIsDrawnAlongItsEdge) {
  Picture picture = plain(100, 80);
  draw(picture, {{{-kInfinity, -1e30f, kInfinity, 300}, kRed, ""}});
  EXPECT_EQ(region_of(picture, kRed), (Changed{0, 0, 99, 79, 2 * 100 + 2 * 78}));
}

TEST(DrawBoxes, ABoxWithoutSizeIsStillSeen) {
  for (const float at : {0.01f, 50.0f, 99.9f}) {
    Picture picture = plain(100, 100);
    draw(picture, {{{at, at, at + 0.05f, at + 0.05f}, kRed, ""}});
    EXPECT_EQ(region_of(picture, kRed).count, 1) << at;
  }
}

TEST(DrawBoxes, BoxesThatAreNotThereLeaveThePictureAlone) {
  Picture picture = plain(100, 100);
  draw(picture, {{{NAN, 10, 50, 50}, kRed, "a"},
                 {{10, NAN, 50, 50}, kRed, "a"},
                 {{10, 10, NAN, 50}, kRed, "a"},
                 {{10, 10, 50, NAN}, kRed, "a"},
                 {{-50, 10, 0, 50}, kRed, "a"},
                 {{100, 10, 150, 50}, kRed, "a"},
                 {{10, -50, 50, -1}, kRed, "a"},
                 {{10, 100, 50, 140}, kRed, "a"}});
  draw(picture, {});
  EXPECT_EQ(changed(picture).count, 0);
}

TEST(DrawBoxes, OtherCharactersAreOneQuestionMarkEach) {
  Picture picture = plain(300, 200);
  draw(picture, {{{50, 50, 250, 150}, kRed, "\xC3\xBC\xE7\x8C\xAB\xF0\x9F\x90\x88\n\x7F"}});
  Picture expected = plain(300, 200);
  draw(expected, {{{50, 50, 250, 150}, kRed, "?????"}});
  EXPECT_EQ(bytes_of(picture), bytes_of(expected));
}

TEST(DrawBoxes, LongTextShrinksAndIsThenCut) {
  const std::array<float, 4> box = {10, 100, 190, 140};
  Picture shrunk = plain(200, 150);
  draw(shrunk, {{box, kRed, "a label of some length"}});
  Picture same = plain(200, 150);
  draw(same, {{box, kRed, "a label of some length"}});
  EXPECT_EQ(bytes_of(shrunk), bytes_of(same));
  EXPECT_LT(region_of(shrunk, kRed).right, 200);
  EXPECT_GT(region_of(shrunk, kRed).top, 80);
  // Both are cut at the same letter, wherever they end.
  Picture long_text = plain(200, 150);
  draw(long_text, {{box, kRed, std::string(300, 'm')}});
  Picture longer = plain(200, 150);
  draw(longer, {{box, kRed, std::string(1000000, 'm')}});
  EXPECT_EQ(bytes_of(long_text), bytes_of(longer));
  EXPECT_LE(region_of(longer, kRed).right, 199);
}

TEST(Draw, PicturesOfAnySizeAreSafe) {
  const std::vector<std::string> lines = {"one", "", std::string(500, 'W'), "\xFF\xFE", "four"};
  for (int width = 1; width < 70; width += width < 24 ? 1 : 9) {
    for (int height = 1; height < 70; height += height < 24 ? 1 : 9) {
      Picture picture = plain(width, height);
      const auto w = static_cast<float>(width);
      const auto h = static_cast<float>(height);
      draw(picture, {{{0, 0, w, h}, kRed, "person 0.93"},
                     {{w / 2, h / 2, w, h}, kYellow, lines[2]},
                     {{w - 1, h - 1, w + 9, h + 9}, kRed, "x"}});
      draw_caption(picture, lines);
      const std::vector<std::uint8_t> mask(static_cast<std::size_t>(width * height), 0);
      draw_mask(picture, mask, std::vector<Color>{kRed}, 0.5f, -1, true);
      EXPECT_NE(pixel(picture, 0, 0), kGround);
    }
  }
}

TEST(Draw, WhatIsNoRgbPictureIsLeftAlone) {
  const std::vector<std::string> lines = {"text"};
  const std::vector<std::uint8_t> mask(100, 0);
  const auto draw_all = [&](Picture& picture) {
    draw(picture, {{{0, 0, 5, 5}, kRed, "text"}});
    draw_caption(picture, lines);
    draw_mask(picture, mask, std::vector<Color>{kRed}, 0.5f, -1, true);
  };
  Picture none;
  draw_all(none);
  Picture swapped = plain(10, 10);
  swapped.format = PixelFormat::kBgr;
  draw_all(swapped);
  Picture too_large = plain(10, 10);
  too_large.height = 11;
  draw_all(too_large);
  Picture negative = plain(10, 10);
  negative.width = negative.height = -10;
  draw_all(negative);
  for (Picture* picture : {&swapped, &too_large, &negative}) {
    picture->width = picture->height = 10;
    picture->format = PixelFormat::kRgb;
    EXPECT_EQ(changed(*picture).count, 0);
  }
}

TEST(DrawCaption, LiesOnADarkPanelInTheTopLeftCorner) {
  Picture picture = plain(640, 480);
  draw_caption(picture, std::vector<std::string>{"tabby cat 0.81", "lynx 0.07"});
  const Changed panel = changed(picture);
  EXPECT_LT(panel.left, 12);
  EXPECT_LT(panel.top, 12);
  EXPECT_LT(panel.right, 320);
  EXPECT_LT(panel.bottom, 100);
  EXPECT_GT(white_letters(picture).count, 100);
  const Color shade = pixel(picture, panel.left, panel.top);
  EXPECT_LT(shade[0], 40);
  EXPECT_GT(shade[2], 0);  // the picture shows through
}

TEST(DrawCaption, AllLinesHaveOneSize) {
  // Rows from the first one with a letter to the next without any.
  const auto first_line_height = [](std::vector<std::string> lines) {
    Picture picture = plain(640, 480);
    draw_caption(picture, lines);
    const Changed letters = white_letters(picture);
    EXPECT_LT(letters.right, 640 - 5);
    const auto has_letters = [&](int y) {
      for (int x = letters.left; x <= letters.right; ++x) {
        const Color seen = pixel(picture, x, y);
        if (*std::min_element(seen.begin(), seen.end()) > 120 && y <= letters.bottom) return true;
      }
      return false;
    };
    int height = 0;
    while (has_letters(letters.top + height)) ++height;
    return height;
  };
  EXPECT_GT(first_line_height({"HHH", "H"}), first_line_height({"HHH", std::string(80, 'H')}) + 2);
}

TEST(DrawCaption, LinesBeyondThePictureAreLeftOut) {
  Picture picture = plain(120, 60);
  draw_caption(picture, std::vector<std::string>(50, "line"));
  EXPECT_GT(white_letters(picture).count, 10);
  EXPECT_LT(changed(picture).bottom, 60);
  Picture untouched = plain(120, 60);
  draw_caption(untouched, {});
  draw_caption(untouched, std::vector<std::string>{"", ""});
  EXPECT_EQ(changed(untouched).count, 0);
}

}  // namespace
}  // namespace foveate
