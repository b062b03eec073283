// Drawing results into a picture. Fonts are OpenCV's own strokes, so nothing on the machine is needed.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vision/picture.h"

namespace foveate {

using Color = std::array<std::uint8_t, 3>;  // red, green, blue

struct BoxMark {
  std::array<float, 4> box;  // x1, y1, x2, y2 in pixels
  Color color;
  std::string text;  // above the box, inside it where there is no room; "" for none
  bool outlined = true;
};

// The pixels of one object: width * height bytes, 1 where it is.
struct InstanceMark {
  int x, y, width, height;  // where in the picture
  std::span<const std::uint8_t> mask;
  Color color;
};

struct LineMark {
  std::vector<std::array<float, 2>> points;
  bool closed;
  Color color;
};

struct PointMark {
  float x, y;
  Color color;
};

// All drawing is in place, on RGB, and never fails: a picture that is empty or of another format, and a mark that makes
// no sense (a NaN in a box, a mask of another size), are left alone. Line and letter sizes follow the picture's size,
// so that a mark is legible on any: a 4K frame shrunk to a screen as much as a thumbnail. Text wider than the picture
// shrinks, and is cut where it would become illegible. A character beyond ASCII is drawn as '?'.

// The first mark is the most important one: it lies on top, and its label gets the first choice of a place. Boxes may
// reach beyond the picture; their line is then drawn along its edge.
void draw_boxes(Picture& picture, std::span<const BoxMark> boxes);

// Lines of text on a dark panel in the top left corner.
void draw_caption(Picture& picture, std::span<const std::string> lines);

// Blends colors[mask[i]] over pixel i with `opacity` in 0..1, and outlines each region in its full colour where asked
// to. Class ids beyond the palette, and `transparent`, leave the pixel as it is. `mask` has one byte per pixel.
void draw_mask(Picture& picture, std::span<const std::uint8_t> mask, std::span<const Color> colors, float opacity,
               int transparent, bool outlined);

// Blends each object's colour over its pixels, half and half, and outlines it. The first mark lies on top. A mark that
// reaches beyond the picture is left out.
void draw_instances(Picture& picture, std::span<const InstanceMark> instances);

void draw_lines(Picture& picture, std::span<const LineMark> lines);

// Dots with a dark rim.
void draw_points(Picture& picture, std::span<const PointMark> points);

// Writes colors[mask[i]] as pixel i of `rgb`, which has three bytes per byte of `mask`.
void color_mask(std::span<const std::uint8_t> mask, const std::array<Color, 256>& colors, std::span<std::uint8_t> rgb);

}  // namespace foveate
