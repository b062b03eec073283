#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "vision/preprocess.h"
#include "vision/resample.h"

namespace foveate {
namespace {

// The longest side that kCrop, kShortestEdge and kLeastScale resize to: a picture 256 times as long as high at the
// usual 256 rows. Bounds the scratch memory that a hostile picture can ask for.
constexpr std::int64_t kMaxResizedSide = 65536;

// The most pixels of an input whose size follows from the picture: 4096 x 4096. What a model makes of it grows with it.
constexpr std::int64_t kMaxInputPixels = std::int64_t{1} << 24;

std::string size_text(std::int64_t width, std::int64_t height) {
  return std::to_string(width) + " x " + std::to_string(height);
}

// Halves to even, as Python's round() and thus ultralytics and torchvision do. Needs the default rounding mode, which
// nothing here changes.
int round_half_even(double value) { return static_cast<int>(std::nearbyint(value)); }

// The gain and the sizes are computed in the very order of ultralytics' LetterBox (kNearest, kCenter) and of YOLOX's
// preproc (kFloor, kTopLeft): another order of the same operations can be off by one pixel.
void plan_letterbox(const PreprocessSpec& spec, int source_width, int source_height, Geometry& geometry) {
  const double gain = std::min(static_cast<double>(spec.height) / source_height,  //
                               static_cast<double>(spec.width) / source_width);
  const double width = source_width * gain;
  const double height = source_height * gain;
  const bool nearest = spec.rounding == Rounding::kNearest;
  geometry.resized_width = nearest ? round_half_even(width) : static_cast<int>(width);
  geometry.resized_height = nearest ? round_half_even(height) : static_cast<int>(height);
  if (spec.anchor == Anchor::kCenter) {
    // The 0.1 puts the odd row or column of padding at the bottom or the right.
    geometry.left = round_half_even((spec.width - geometry.resized_width) / 2.0 - 0.1);
    geometry.top = round_half_even((spec.height - geometry.resized_height) / 2.0 - 0.1);
  }
}

// Where a centre crop puts a side of `resized` pixels: it cuts or pads, at a place that Hugging Face's rounds down
// (kFloor). torchvision's rounds where it cuts, and where it pads the odd pixel comes after the picture.
int center_offset(int resized, int input, Rounding rounding) {
  const double cut = (resized - input) / 2.0;
  if (rounding == Rounding::kFloor) return -static_cast<int>(std::floor(cut));
  return resized < input ? (input - resized) / 2 : -round_half_even(cut);
}

void center(const PreprocessSpec& spec, Geometry& geometry) {
  geometry.left = center_offset(geometry.resized_width, spec.width, spec.rounding);
  geometry.top = center_offset(geometry.resized_height, spec.height, spec.rounding);
}

Status check_longer(double resized, int source_width, int source_height) {
  if (resized <= kMaxResizedSide) return {};
  return Status(error_code::kMediaInvalid,
                "The picture is too elongated: its longer side would become " +
                    std::to_string(static_cast<std::int64_t>(resized)) + " pixels, expected at most " +
                    std::to_string(kMaxResizedSide) + ", received a picture of " +
                    size_text(source_width, source_height),
                "Cut the picture into parts, or use fit 'letterbox' or 'stretch'.");
}

// The shortest edge to spec.resize_edge; the other one is truncated, as torchvision's Resize does. Where it would
// exceed spec.longest_edge, both shrink in the order of operations of Hugging Face's DetrImageProcessor: the shortest
// edge is rounded, but the other one follows from what it was before.
Status plan_shortest_edge(const PreprocessSpec& spec, int source_width, int source_height, Geometry& geometry) {
  const int shorter = std::min(source_width, source_height);
  const int longer = std::max(source_width, source_height);
  int resized_shorter = spec.resize_edge;
  std::int64_t resized_longer = std::int64_t{spec.resize_edge} * longer / shorter;
  if (spec.longest_edge > 0 && static_cast<double>(longer) / shorter * spec.resize_edge > spec.longest_edge) {
    const double exact = static_cast<double>(spec.longest_edge) * shorter / longer;
    resized_shorter = round_half_even(exact);
    resized_longer = resized_shorter == shorter ? longer : static_cast<std::int64_t>(exact * longer / shorter);
  }
  FOVEATE_RETURN_IF_ERROR(check_longer(static_cast<double>(resized_longer), source_width, source_height));
  const bool upright = source_width <= source_height;
  geometry.resized_width = upright ? resized_shorter : static_cast<int>(resized_longer);
  geometry.resized_height = upright ? static_cast<int>(resized_longer) : resized_shorter;
  return {};
}

// The factor, and then the sizes, in the order of operations of Hugging Face's DPTImageProcessor.
Status plan_least_scale(const PreprocessSpec& spec, int source_width, int source_height, Geometry& geometry) {
  const double to_width = static_cast<double>(spec.width) / source_width;
  const double to_height = static_cast<double>(spec.height) / source_height;
  const double scale = std::fabs(1 - to_width) < std::fabs(1 - to_height) ? to_width : to_height;
  const auto whole = [&](int side) { return std::nearbyint(scale * side / spec.multiple_of) * spec.multiple_of; };
  const double width = whole(source_width);
  const double height = whole(source_height);
  FOVEATE_RETURN_IF_ERROR(check_longer(std::max(width, height), source_width, source_height));
  geometry.resized_width = static_cast<int>(width);
  geometry.resized_height = static_cast<int>(height);
  return {};
}

// Whether the input's size depends on the picture.
bool has_own_size(Fit fit) { return fit == Fit::kNone || fit == Fit::kShortestEdge || fit == Fit::kLeastScale; }

Status check_sizes(const PreprocessSpec& spec, int source_width, int source_height) {
  if (source_width < 1 || source_height < 1) {
    return Status(error_code::kMediaInvalid, "The picture is empty: expected at least 1 x 1 pixels, received " +
                                                 size_text(source_width, source_height));
  }
  if (source_width > kMaxPictureSide || source_height > kMaxPictureSide) {
    return Status(error_code::kMediaTooLarge,
                  "The picture is too large: expected at most " + std::to_string(kMaxPictureSide) +
                      " pixels a side, received " + size_text(source_width, source_height),
                  "Cut the picture into parts.");
  }
  const bool uses_size = !has_own_size(spec.fit) || spec.fit == Fit::kLeastScale;
  if (uses_size && (spec.width < 1 || spec.height < 1)) {
    return Status(
        error_code::kInvalidArgument,
        "The model's input has no size: expected at least 1 x 1 pixels, received " + size_text(spec.width, spec.height),
        "Give width and height in the preprocessing options, as the model fixes none.");
  }
  const bool uses_edge = spec.fit == Fit::kCrop || spec.fit == Fit::kStretchCrop || spec.fit == Fit::kShortestEdge;
  if ((uses_edge && spec.resize_edge < 1) || spec.multiple_of < 1) {
    return Status(error_code::kInvalidArgument,
                  "The resize edge or its divisor is too small: expected at least 1 pixel each, received " +
                      std::to_string(spec.resize_edge) + " and " + std::to_string(spec.multiple_of));
  }
  return {};
}

// The largest factor that JPEG decoders offer under which a picture is not smaller than what it is resized to.
int reduction_factor(const Geometry& geometry) {
  const auto [width, height] = geometry.origin.whole;
  for (const int factor : {8, 4, 2}) {
    if (std::int64_t{geometry.resized_width} * factor <= width &&
        std::int64_t{geometry.resized_height} * factor <= height)
      return factor;
  }
  return 1;
}

}  // namespace

Result<Geometry> plan_geometry(const PreprocessSpec& spec, int source_width, int source_height) {
  FOVEATE_RETURN_IF_ERROR(check_sizes(spec, source_width, source_height));
  Geometry geometry;
  switch (spec.fit) {
    case Fit::kLetterbox:
      plan_letterbox(spec, source_width, source_height, geometry);
      break;
    case Fit::kStretch:
      geometry.resized_width = spec.width;
      geometry.resized_height = spec.height;
      break;
    case Fit::kCrop:
      FOVEATE_RETURN_IF_ERROR(plan_shortest_edge(spec, source_width, source_height, geometry));
      center(spec, geometry);
      break;
    case Fit::kStretchCrop:
      geometry.resized_width = spec.resize_edge;
      geometry.resized_height = spec.resize_edge;
      center(spec, geometry);
      break;
    case Fit::kShortestEdge:
      FOVEATE_RETURN_IF_ERROR(plan_shortest_edge(spec, source_width, source_height, geometry));
      geometry.resized_width -= geometry.resized_width % spec.multiple_of;
      geometry.resized_height -= geometry.resized_height % spec.multiple_of;
      break;
    case Fit::kLeastScale:
      FOVEATE_RETURN_IF_ERROR(plan_least_scale(spec, source_width, source_height, geometry));
      break;
    case Fit::kNone:
      geometry.resized_width = source_width;
      geometry.resized_height = source_height;
      break;
  }
  if (geometry.resized_width < 1 || geometry.resized_height < 1) {
    return Status(error_code::kMediaInvalid,
                  "The picture is too elongated: in the model's input it would be " +
                      size_text(geometry.resized_width, geometry.resized_height) +
                      " pixels, expected at least 1 x 1, received a picture of " +
                      size_text(source_width, source_height),
                  "Cut the picture into parts, or use fit 'stretch'.");
  }

  const bool own_size = has_own_size(spec.fit);
  if (own_size && spec.fit != Fit::kNone &&
      std::int64_t{geometry.resized_width} * geometry.resized_height > kMaxInputPixels) {
    return Status(error_code::kMediaTooLarge,
                  "The picture is too elongated: the model's input would be " +
                      size_text(geometry.resized_width, geometry.resized_height) + " pixels, expected at most " +
                      std::to_string(kMaxInputPixels) + " in all, received a picture of " +
                      size_text(source_width, source_height),
                  "Cut the picture into parts, or give longestEdge, or use fit 'letterbox' or 'stretch'.");
  }
  Placement& placement = geometry.placement;
  placement.source_width = source_width;
  placement.source_height = source_height;
  placement.input_width = own_size ? geometry.resized_width : spec.width;
  placement.input_height = own_size ? geometry.resized_height : spec.height;
  // Not the letterbox's gain: rounding the size to whole pixels moves each axis by its own factor.
  placement.scale_x = static_cast<double>(geometry.resized_width) / source_width;
  placement.scale_y = static_cast<double>(geometry.resized_height) / source_height;
  placement.offset_x = geometry.left;
  placement.offset_y = geometry.top;
  geometry.decoded = {source_width, source_height};
  geometry.origin.whole = geometry.decoded;
  return geometry;
}

Region shown_window(const Geometry& geometry) {
  const Placement& placement = geometry.placement;
  Region window;
  window.left = std::max(-geometry.left, 0);
  window.top = std::max(-geometry.top, 0);
  window.width = std::min(geometry.resized_width - window.left, placement.input_width - std::max(geometry.left, 0));
  window.height = std::min(geometry.resized_height - window.top, placement.input_height - std::max(geometry.top, 0));
  return window;
}

Region needed_region(const PreprocessSpec& spec, const Geometry& geometry) {
  const PictureSize whole = geometry.origin.whole;
  const Region window = shown_window(geometry);
  if (whole.width == geometry.resized_width && whole.height == geometry.resized_height) return window;
  if (spec.interpolation == Interpolation::kBilinear)
    return {0, 0, whole.width, whole.height};  // OpenCV's knows no windows
  return resampled_from(whole, spec.interpolation, geometry.resized_width, geometry.resized_height, window);
}

Result<DecodePlan> plan_decode(const PreprocessSpec& spec, int source_width, int source_height) {
  auto geometry = plan_geometry(spec, source_width, source_height);
  if (!geometry.ok()) return geometry.take_status();
  DecodePlan plan{geometry.value(), 1, {}};
  if (spec.jpeg_decode == JpegDecode::kReduced) plan.factor = reduction_factor(plan.geometry);
  Geometry reduced = plan.geometry;
  reduced.origin.whole = {(source_width + plan.factor - 1) / plan.factor,
                          (source_height + plan.factor - 1) / plan.factor};
  plan.needed = needed_region(spec, reduced);
  return plan;
}

Geometry plan_decoded(const Geometry& whole, const Picture& decoded) {
  Geometry geometry = whole;
  geometry.decoded = {decoded.width, decoded.height};
  geometry.origin = decoded.origin;
  const auto [factor, origin_x, origin_y] = decoded.reduction;
  if (factor == 1) return geometry;
  // From a pixel of the reduced picture to one of the resized picture. The reduced one is up to a pixel larger than the
  // whole picture would be at its scale, so this is not the scale of the whole one by the factor.
  const double resize_x = static_cast<double>(whole.resized_width) / decoded.origin.whole.width;
  const double resize_y = static_cast<double>(whole.resized_height) / decoded.origin.whole.height;
  geometry.placement.scale_x = resize_x / factor;
  geometry.placement.scale_y = resize_y / factor;
  geometry.placement.offset_x = whole.left + origin_x * resize_x;
  geometry.placement.offset_y = whole.top + origin_y * resize_y;
  return geometry;
}

}  // namespace foveate
