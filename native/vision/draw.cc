// Lines and panels are filled rectangles, so that their edges are sharp; only letters are strokes of OpenCV's font.
#include "vision/draw.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "vision/opencv.h"

namespace foveate {
namespace {

constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
constexpr double kFontCapitals = 21;       // height of a capital letter at scale 1
constexpr double kSmallestCapitals = 5.5;  // in pixels; below, letters run together

cv::Scalar scalar(const Color& color) { return {double(color[0]), double(color[1]), double(color[2])}; }

// Black or white, whichever stands out: by the luma of BT.601.
cv::Scalar text_color_on(const Color& color) {
  const double luma = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2];
  return luma > 140 ? cv::Scalar(0, 0, 0) : cv::Scalar(255, 255, 255);
}

// Sizes that suit a picture, in pixels: they grow with its mean edge, from the least that can be read.
struct Style {
  int stroke;       // of a box
  double capitals;  // height of a capital letter

  explicit Style(const Picture& picture) {
    const double edge = std::sqrt(static_cast<double>(picture.width) * picture.height);
    stroke = std::min({static_cast<int>(std::lround(1 + edge / 720)), picture.width, picture.height});
    capitals = 6 + edge * 0.0105;
  }
};

// One line of text at a size. Padded on all sides; what hangs below the baseline lies in the padding.
struct Text {
  std::string letters;
  double capitals;

  double scale() const { return capitals / kFontCapitals; }
  int thickness() const { return std::max(1, static_cast<int>(std::lround(capitals / 11))); }
  int padding() const { return std::max(2, static_cast<int>(std::lround(capitals * 0.42))); }
  int height() const { return static_cast<int>(std::lround(capitals)) + 2 * padding(); }
  int width() const {
    int baseline = 0;
    return cv::getTextSize(letters, kFont, scale(), thickness(), &baseline).width + 2 * padding();
  }

  // With its padded top left corner at `corner`.
  void draw(cv::Mat& canvas, cv::Point corner, const cv::Scalar& color) const {
    const cv::Point baseline(corner.x + padding(), corner.y + height() - padding());
    cv::putText(canvas, letters, baseline, kFont, scale(), color, thickness(), cv::LINE_AA);
  }
};

// The font has ASCII alone: any other character becomes one '?', however many bytes it has in UTF-8.
std::string to_ascii(const std::string& text) {
  std::string ascii;
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    const bool continues = (byte & 0xC0) == 0x80;
    if (!continues) ascii += byte >= 0x20 && byte < 0x7F ? letter : '?';
  }
  return ascii;
}

// `text` at `capitals` or smaller, no larger than `room`: first its letters shrink, then its end is cut off. nullopt
// where not one letter has room.
std::optional<Text> fit_text(const std::string& text, double capitals, cv::Size room) {
  Text fitted{to_ascii(text), capitals};
  // A letter is wider than a pixel: what is beyond is never seen, and need not be measured.
  fitted.letters.resize(std::min(fitted.letters.size(), static_cast<std::size_t>(std::max(room.width, 0))));
  while (fitted.width() > room.width || fitted.height() > room.height) {
    if (fitted.capitals > kSmallestCapitals) {
      fitted.capitals = std::max(kSmallestCapitals, fitted.capitals * 0.95);
    } else if (fitted.height() <= room.height && !fitted.letters.empty()) {
      // No letter is wider than twice its height: never cuts too much at once.
      const auto surplus = static_cast<std::size_t>((fitted.width() - room.width) / (2 * fitted.capitals));
      const std::size_t length = fitted.letters.size();
      fitted.letters.resize(length - std::clamp<std::size_t>(surplus, 1, length));
    } else {
      return std::nullopt;
    }
  }
  if (fitted.letters.empty()) return std::nullopt;
  return fitted;
}

void fill(cv::Mat& canvas, const cv::Rect& area, const cv::Scalar& color) {
  const cv::Rect visible = area & cv::Rect(0, 0, canvas.cols, canvas.rows);
  if (!visible.empty()) canvas(visible).setTo(color);
}

// Where a line of `stroke` around low..high starts and ends, within 0..limit and never thinner than the line itself.
cv::Range edges_of(float low, float high, int stroke, int limit) {
  const auto place = [limit](float value) {
    return static_cast<int>(std::round(std::clamp(value, 0.0f, static_cast<float>(limit))));
  };
  const int start = std::clamp(place(low) - stroke / 2, 0, limit - stroke);
  return {start, std::clamp(place(high) + stroke / 2, start + stroke, limit)};
}

// The outer edge of a box's line, within the picture; nullopt where there is nothing to see.
std::optional<cv::Rect> outline_of(const BoxMark& mark, const cv::Mat& canvas, int stroke) {
  const auto [left, right] = std::minmax(mark.box[0], mark.box[2]);
  const auto [top, bottom] = std::minmax(mark.box[1], mark.box[3]);
  // Written so that a NaN is refused too.
  if (!(left < static_cast<float>(canvas.cols) && right > 0 && top < static_cast<float>(canvas.rows) && bottom > 0)) {
    return std::nullopt;
  }
  const cv::Range across = edges_of(left, right, stroke, canvas.cols);
  const cv::Range down = edges_of(top, bottom, stroke, canvas.rows);
  return cv::Rect(across.start, down.start, across.size(), down.size());
}

void draw_outline(cv::Mat& canvas, const cv::Rect& outline, int stroke, const cv::Scalar& color) {
  fill(canvas, {outline.x, outline.y, outline.width, stroke}, color);
  fill(canvas, {outline.x, outline.y + outline.height - stroke, outline.width, stroke}, color);
  fill(canvas, {outline.x, outline.y, stroke, outline.height}, color);
  fill(canvas, {outline.x + outline.width - stroke, outline.y, stroke, outline.height}, color);
}

struct Label {
  Text text;
  cv::Rect area;
  Color color;
};

// Above the box, else inside it, else below it: the first that lies in the picture and hides no label placed before.
cv::Rect place_label(cv::Size size, const cv::Rect& outline, const cv::Mat& canvas, int stroke,
                     const std::vector<Label>& placed) {
  const auto at = [&](int y) {
    return cv::Rect(cv::Point(std::clamp(outline.x, 0, canvas.cols - size.width), y), size);
  };
  const cv::Rect above = at(outline.y - size.height);
  const cv::Rect inside = at(outline.y + stroke);
  const cv::Rect below = at(outline.y + outline.height);
  const auto in_picture = [&](const cv::Rect& area) { return area.y >= 0 && area.y + size.height <= canvas.rows; };
  const auto is_free = [&](const cv::Rect& area) {
    return std::none_of(placed.begin(), placed.end(), [&](const Label& label) { return !(label.area & area).empty(); });
  };
  const bool fits_inside = inside.y + size.height <= outline.y + outline.height - stroke;
  if (in_picture(above) && is_free(above)) return above;
  if (fits_inside && is_free(inside)) return inside;
  if (in_picture(below) && is_free(below)) return below;
  if (in_picture(above)) return above;
  return at(std::clamp(inside.y, 0, canvas.rows - size.height));
}

// The pixels of an RGB picture; nullopt where there are none.
std::optional<cv::Mat> canvas_of(const Picture& picture) {
  if (!picture.block || picture.width < 1 || picture.height < 1 || picture.format != PixelFormat::kRgb ||
      picture.block->bytes() < picture.stride() * static_cast<std::size_t>(picture.height)) {
    return std::nullopt;
  }
  return cv::Mat(picture.height, picture.width, CV_8UC3, picture.data(), picture.stride());
}

// Drawing is decoration: a call that fails for want of memory leaves the picture as far as it got.
template <typename Call>
void draw_on(const Picture& picture, Call&& call) {
  static_cast<void>(with_opencv("draw", [&] {
    auto canvas = canvas_of(picture);
    if (canvas) call(*canvas);
  }));
}

// 255 where a pixel's class differs from a direct neighbour's, widened to `stroke` pixels on each side.
cv::Mat borders_of(std::span<const std::uint8_t> mask, cv::Size size, int stroke) {
  const int width = size.width;
  const int height = size.height;
  cv::Mat borders = cv::Mat::zeros(size, CV_8UC1);
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* row = mask.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
    const std::uint8_t* next = y + 1 < height ? row + width : row;
    auto* border = borders.ptr<std::uint8_t>(y);
    auto* next_border = y + 1 < height ? borders.ptr<std::uint8_t>(y + 1) : border;
    for (int x = 0; x < width; ++x) {
      if (row[x] != next[x]) border[x] = next_border[x] = 255;
    }
    for (int x = 0; x + 1 < width; ++x) {
      if (row[x] != row[x + 1]) border[x] = border[x + 1] = 255;
    }
  }
  if (stroke > 1) {
    const int side = 2 * stroke - 1;
    cv::dilate(borders, borders, cv::getStructuringElement(cv::MORPH_RECT, {side, side}));
  }
  return borders;
}

// Blends colours over the pixels of `canvas`, one byte of `mask` each. `stroke` 0: no outlines.
void blend(cv::Mat& canvas, std::span<const std::uint8_t> mask, std::span<const Color> colors, float opacity,
           int transparent, int stroke) {
  std::array<bool, 256> drawn{};
  for (std::size_t id = 0; id < std::min(colors.size(), drawn.size()); ++id) {
    drawn[id] = static_cast<int>(id) != transparent;
  }
  // In 256 steps; at the last the colour itself is written, to the bit. A NaN is none.
  const int share_of_color = opacity > 0 ? static_cast<int>(std::lround(std::min(opacity, 1.0f) * 256)) : 0;
  const cv::Mat borders = stroke > 0 ? borders_of(mask, canvas.size(), stroke) : cv::Mat();
  const std::uint8_t* id = mask.data();
  for (int y = 0; y < canvas.rows; ++y) {
    const std::uint8_t* border = stroke > 0 ? borders.ptr<std::uint8_t>(y) : nullptr;
    std::uint8_t* pixel = canvas.ptr<std::uint8_t>(y);
    for (int x = 0; x < canvas.cols; ++x, ++id, pixel += 3) {
      if (!drawn[*id]) continue;
      const Color& color = colors[*id];
      const int share = border != nullptr && border[x] != 0 ? 256 : share_of_color;
      for (std::size_t c = 0; c < 3; ++c) {
        pixel[c] = static_cast<std::uint8_t>((pixel[c] * (256 - share) + color[c] * share + 128) >> 8);
      }
    }
  }
}

// Places of lines and points are told to OpenCV in 16ths of a pixel.
constexpr int kSubpixelBits = 4;

// nullopt where it is no number. What lies far beyond the picture is drawn towards, not at, its place.
std::optional<cv::Point> place_of(float x, float y, const cv::Mat& canvas) {
  if (!std::isfinite(x) || !std::isfinite(y)) return std::nullopt;
  const auto fixed = [](float value, int size) {
    const auto limit = static_cast<float>(size);
    return static_cast<int>(std::lround(std::clamp(value, -limit, 2 * limit) * (1 << kSubpixelBits)));
  };
  // Pixels begin at whole numbers here, at halves in OpenCV.
  return cv::Point(fixed(x - 0.5f, canvas.cols), fixed(y - 0.5f, canvas.rows));
}

}  // namespace

void draw_boxes(Picture& picture, std::span<const BoxMark> boxes) {
  draw_on(picture, [&](cv::Mat& canvas) {
    const Style style(picture);
    std::vector<Label> labels;
    // The first marks are the most important: their lines are drawn last, and their labels choose their place first.
    for (auto mark = boxes.rbegin(); mark != boxes.rend(); ++mark) {
      const auto outline = outline_of(*mark, canvas, style.stroke);
      if (outline && mark->outlined) draw_outline(canvas, *outline, style.stroke, scalar(mark->color));
    }
    for (const BoxMark& mark : boxes) {
      const auto outline = outline_of(mark, canvas, style.stroke);
      if (!outline || mark.text.empty()) continue;
      auto text = fit_text(mark.text, style.capitals, canvas.size());
      if (!text) continue;
      const cv::Size size(text->width(), text->height());
      const cv::Rect area = place_label(size, *outline, canvas, style.stroke, labels);
      labels.push_back({std::move(*text), area, mark.color});
    }
    for (auto label = labels.rbegin(); label != labels.rend(); ++label) {
      fill(canvas, label->area, scalar(label->color));
      label->text.draw(canvas, label->area.tl(), text_color_on(label->color));
    }
  });
}

void draw_caption(Picture& picture, std::span<const std::string> lines) {
  draw_on(picture, [&](cv::Mat& canvas) {
    double capitals = Style(picture).capitals;
    const int margin = static_cast<int>(std::lround(capitals * 0.8));  // around the panel, half of it inside
    const cv::Size room(canvas.cols - 2 * margin, canvas.rows - 2 * margin);
    // All lines in the size of the one that has to shrink most.
    const auto share = static_cast<int>(room.height / std::max<std::ptrdiff_t>(std::ssize(lines), 1));
    for (const std::string& line : lines) {
      const auto fitted = fit_text(line, capitals, {room.width, share});
      if (fitted) capitals = fitted->capitals;
    }
    std::vector<Text> texts;
    cv::Size panel;
    for (const std::string& line : lines) {
      auto fitted = fit_text(line, capitals, {room.width, room.height - panel.height});
      if (!fitted) continue;
      panel = {std::max(panel.width, fitted->width()), panel.height + fitted->height()};
      texts.push_back(std::move(*fitted));
    }
    if (texts.empty()) return;
    constexpr double kShade = 0.3;  // of the picture, shows through the panel
    const int inner = margin / 2;
    const cv::Point corner(margin - inner, margin - inner);
    cv::Mat shaded = canvas(cv::Rect(corner, panel + cv::Size(2 * inner, 2 * inner)));
    shaded.convertTo(shaded, -1, kShade);
    cv::Point line(margin, margin);
    for (const Text& text : texts) {
      text.draw(canvas, line, cv::Scalar(255, 255, 255));
      line.y += text.height();
    }
  });
}

void draw_mask(Picture& picture, std::span<const std::uint8_t> mask, std::span<const Color> colors, float opacity,
               int transparent, bool outlined) {
  draw_on(picture, [&](cv::Mat& canvas) {
    if (mask.size() != canvas.total()) return;
    blend(canvas, mask, colors, opacity, transparent, outlined ? Style(picture).stroke : 0);
  });
}

void draw_instances(Picture& picture, std::span<const InstanceMark> instances) {
  draw_on(picture, [&](cv::Mat& canvas) {
    for (auto mark = instances.rbegin(); mark != instances.rend(); ++mark) {
      const cv::Rect area(mark->x, mark->y, mark->width, mark->height);
      const bool inside = mark->width > 0 && mark->height > 0 && mark->x >= 0 && mark->y >= 0 &&
                          mark->width <= canvas.cols - mark->x && mark->height <= canvas.rows - mark->y;
      if (!inside || mark->mask.size() != static_cast<std::size_t>(area.area())) continue;
      cv::Mat part = canvas(area);
      blend(part, mark->mask, std::array<Color, 2>{Color{}, mark->color}, 0.5f, 0, Style(picture).stroke);
    }
  });
}

void draw_lines(Picture& picture, std::span<const LineMark> lines) {
  draw_on(picture, [&](cv::Mat& canvas) {
    const int thickness = Style(picture).stroke + 1;
    for (const LineMark& line : lines) {
      std::vector<cv::Point> points;
      for (const auto& [x, y] : line.points) {
        if (const auto place = place_of(x, y, canvas)) points.push_back(*place);
      }
      if (points.size() != line.points.size()) continue;
      cv::polylines(canvas, points, line.closed, scalar(line.color), thickness, cv::LINE_AA, kSubpixelBits);
    }
  });
}

void draw_points(Picture& picture, std::span<const PointMark> points) {
  draw_on(picture, [&](cv::Mat& canvas) {
    const int radius = (Style(picture).stroke + 1) << kSubpixelBits;
    for (const PointMark& point : points) {
      const auto place = place_of(point.x, point.y, canvas);
      if (!place) continue;
      const int rim = 1 << kSubpixelBits;
      cv::circle(canvas, *place, radius + rim, cv::Scalar(0, 0, 0), cv::FILLED, cv::LINE_AA, kSubpixelBits);
      cv::circle(canvas, *place, radius, scalar(point.color), cv::FILLED, cv::LINE_AA, kSubpixelBits);
    }
  });
}

void color_mask(std::span<const std::uint8_t> mask, const std::array<Color, 256>& colors, std::span<std::uint8_t> rgb) {
  std::uint8_t* pixel = rgb.data();
  for (const std::uint8_t id : mask) {
    const Color& color = colors[id];
    pixel[0] = color[0];
    pixel[1] = color[1];
    pixel[2] = color[2];
    pixel += 3;
  }
}

}  // namespace foveate
