#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "vision/preprocess.h"

namespace foveate {
namespace {

// The longest side that kCrop resizes to: a picture 256 times as long as high at the usual 256 rows. Bounds the scratch
// memory that a hostile picture can ask for.
constexpr std::int64_t kMaxResizedSide = 65536;

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

// Where torchvision's CenterCrop puts a side of `resized` pixels: it pads (rounding down before the picture) or cuts.
int center_offset(int resized, int input) {
  return resized < input ? (input - resized) / 2 : -round_half_even((resized - input) / 2.0);
}

// torchvision's Resize to the shortest edge (the other one is truncated), then CenterCrop.
Status plan_crop(const PreprocessSpec& spec, int source_width, int source_height, Geometry& geometry) {
  const int shorter = std::min(source_width, source_height);
  const int longer = std::max(source_width, source_height);
  const std::int64_t resized_longer = std::int64_t{spec.resize_edge} * longer / shorter;
  if (resized_longer > kMaxResizedSide) {
    return Status(error_code::kMediaInvalid,
                  "The picture is too elongated to crop: its longer side would become " +
                      std::to_string(resized_longer) + " pixels, expected at most " + std::to_string(kMaxResizedSide) +
                      ", received a picture of " + size_text(source_width, source_height) + " and a resize edge of " +
                      std::to_string(spec.resize_edge),
                  "Cut the picture into parts, or use fit 'letterbox' or 'stretch'.");
  }
  const bool upright = source_width <= source_height;
  geometry.resized_width = upright ? spec.resize_edge : static_cast<int>(resized_longer);
  geometry.resized_height = upright ? static_cast<int>(resized_longer) : spec.resize_edge;
  geometry.left = center_offset(geometry.resized_width, spec.width);
  geometry.top = center_offset(geometry.resized_height, spec.height);
  return {};
}

Status check_sizes(const PreprocessSpec& spec, int source_width, int source_height) {
  if (source_width < 1 || source_height < 1) {
    return Status(error_code::kMediaInvalid, "The picture is empty: expected at least 1 x 1 pixels, received " +
                                                 size_text(source_width, source_height));
  }
  if (spec.fit != Fit::kNone && (spec.width < 1 || spec.height < 1)) {
    return Status(
        error_code::kInvalidArgument,
        "The model's input has no size: expected at least 1 x 1 pixels, received " + size_text(spec.width, spec.height),
        "Give width and height in the preprocessing options, as the model fixes none.");
  }
  if (spec.fit == Fit::kCrop && spec.resize_edge < 1) {
    return Status(error_code::kInvalidArgument,
                  "The resize edge of fit 'crop' is too small: expected at least 1 pixel, "
                  "received " +
                      std::to_string(spec.resize_edge));
  }
  return {};
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
      FOVEATE_RETURN_IF_ERROR(plan_crop(spec, source_width, source_height, geometry));
      break;
    case Fit::kNone:
      geometry.resized_width = source_width;
      geometry.resized_height = source_height;
      break;
  }
  if (geometry.resized_width < 1 || geometry.resized_height < 1) {
    return Status(error_code::kMediaInvalid,
                  "The picture is too elongated: at the model's input of " + size_text(spec.width, spec.height) +
                      " it would be " + size_text(geometry.resized_width, geometry.resized_height) +
                      " pixels, expected at least 1 x 1, received a picture of " +
                      size_text(source_width, source_height),
                  "Cut the picture into parts, or use fit 'stretch'.");
  }

  const bool own_size = spec.fit == Fit::kNone;
  Placement& placement = geometry.placement;
  placement.source_width = source_width;
  placement.source_height = source_height;
  placement.input_width = own_size ? source_width : spec.width;
  placement.input_height = own_size ? source_height : spec.height;
  // Not the letterbox's gain: rounding the size to whole pixels moves each axis by its own factor.
  placement.scale_x = static_cast<double>(geometry.resized_width) / source_width;
  placement.scale_y = static_cast<double>(geometry.resized_height) / source_height;
  placement.offset_x = geometry.left;
  placement.offset_y = geometry.top;
  geometry.decoded_width = source_width;
  geometry.decoded_height = source_height;
  return geometry;
}

Geometry plan_reduced(const Geometry& whole, const Picture& reduced) {
  Geometry geometry = whole;
  const auto [factor, origin_x, origin_y] = reduced.reduction;
  // From a pixel of the reduced picture to one of the resized picture. The reduced one is up to a pixel larger than the
  // whole picture would be at its scale, so this is not the scale of the whole one by the factor.
  const double resize_x = static_cast<double>(whole.resized_width) / reduced.width;
  const double resize_y = static_cast<double>(whole.resized_height) / reduced.height;
  geometry.placement.scale_x = resize_x / factor;
  geometry.placement.scale_y = resize_y / factor;
  geometry.placement.offset_x = whole.left + origin_x * resize_x;
  geometry.placement.offset_y = whole.top + origin_y * resize_y;
  geometry.decoded_width = reduced.width;
  geometry.decoded_height = reduced.height;
  return geometry;
}

}  // namespace foveate
