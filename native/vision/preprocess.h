// From a picture to a model's input: one resize, then one pass that normalises, reorders and writes each value once,
// straight into its place in the batch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/dtype.h"
#include "core/status.h"
#include "vision/picture.h"

namespace foveate {

// How the picture is brought to the input's size.
enum class Fit : std::uint8_t {
  kLetterbox,     // keeps the aspect ratio, pads the rest
  kStretch,       // both axes to the input's size
  kCrop,          // shortest edge to resize_edge, then the centre
  kStretchCrop,   // both axes to resize_edge, then the centre
  kShortestEdge,  // shortest edge to resize_edge, the longest at most longest_edge: the input's size follows
  kLeastScale,    // by the factor to width or height that is nearer to 1: the input's size follows
  kNone,          // the picture's own size
};

enum class Interpolation : std::uint8_t {
  kBilinear,           // cv::INTER_LINEAR: four neighbours, whatever the factor
  kNearest,            // Pillow's NEAREST: one source pixel
  kBilinearAntialias,  // Pillow's BILINEAR: the filter grows with the factor
  kBicubicAntialias,   // Pillow's BICUBIC (a = -0.5)
  kLanczosAntialias,   // Pillow's LANCZOS (three lobes)
};

enum class Anchor : std::uint8_t { kCenter, kTopLeft };
// Of the letterboxed size, and of where a cut begins; kNearest: halves to even.
enum class Rounding : std::uint8_t { kNearest, kFloor };
enum class ColorOrder : std::uint8_t { kRgb, kBgr, kGrey };
enum class Layout : std::uint8_t { kChannelsFirst, kChannelsLast };  // CHW, HWC
enum class JpegDecode : std::uint8_t { kExact, kReduced };  // kReduced: at 1/2, 1/4 or 1/8 where that is large enough

// value = (pixel * scale - mean[c]) / std[c], c in the output's colour order; integer dtypes are rounded and saturated.
struct PreprocessSpec {
  Fit fit = Fit::kLetterbox;
  int width = 0;  // of the model's input, but for kLeastScale; unused by kNone and kShortestEdge
  int height = 0;
  int resize_edge = 0;   // kCrop, kStretchCrop and kShortestEdge
  int longest_edge = 0;  // kShortestEdge only; 0: as long as it comes
  int multiple_of = 1;   // both sides are brought to a multiple of this: kShortestEdge down, kLeastScale to the nearest
  Interpolation interpolation = Interpolation::kBilinear;
  Anchor anchor = Anchor::kCenter;              // kLetterbox only
  Rounding rounding = Rounding::kNearest;       // kLetterbox, kCrop and kStretchCrop
  std::array<double, 3> pad = {114, 114, 114};  // in the output's colour order, before scaling; around what kLetterbox
                                                // and, for small pictures, kCrop and kStretchCrop leave free
  double scale = 1.0;
  std::array<double, 3> mean = {0, 0, 0};
  std::array<double, 3> std = {1, 1, 1};
  ColorOrder color = ColorOrder::kRgb;
  Layout layout = Layout::kChannelsFirst;
  DType dtype = DType::kFloat32;                // float32, float16, uint8, int8
  JpegDecode jpeg_decode = JpegDecode::kExact;  // how the picture is to be decoded; told to decode_jpeg
  bool convert_colors = false;                  // likewise

  int channels() const { return color == ColorOrder::kGrey ? 1 : 3; }
};

// Where the picture came to lie in the input: input = source * scale + offset, in pixels whose first one spans [0, 1).
struct Placement {
  int source_width = 0;
  int source_height = 0;
  int input_width = 0;
  int input_height = 0;
  double scale_x = 1;
  double scale_y = 1;
  double offset_x = 0;
  double offset_y = 0;
};

// The part of the input that shows the picture, and the size it is resized to before padding or cropping.
struct Geometry {
  Placement placement;
  int resized_width = 0;
  int resized_height = 0;
  int left = 0;  // of the resized picture in the input; negative where it is cropped
  int top = 0;
  PictureSize decoded;  // of the pixels that are given: the picture's, unless it was decoded smaller or in part
  Origin origin;        // of those pixels; the whole is what is resized
};

// What to decode of a picture: at 1/factor of its size (1, 2, 4 or 8, rounded up), and what of that the input shows.
struct DecodePlan {
  Geometry geometry;  // of the whole picture
  int factor = 1;
  Region needed;
};

// MEDIA_INVALID where the picture is empty, or so elongated that it has no pixel left at the input's size or that its
// longer side would exceed 65536 pixels with kShortestEdge or kLeastScale, or before kCrop cuts it.
Result<Geometry> plan_geometry(const PreprocessSpec& spec, int source_width, int source_height);

// The same, and what has to be decoded for it. The factor is 1 unless spec.jpeg_decode is kReduced.
Result<DecodePlan> plan_decode(const PreprocessSpec& spec, int source_width, int source_height);

// The same geometry for a picture that was decoded smaller or in part: the placement is still that of the whole one.
Geometry plan_decoded(const Geometry& whole, const Picture& decoded);

// The part of the resized picture that the input shows: what a crop leaves.
Region shown_window(const Geometry& geometry);

// The part of the whole picture, geometry.origin.whole, that this is made of.
Region needed_region(const PreprocessSpec& spec, const Geometry& geometry);

// Writes channels() * input_height * input_width elements of spec.dtype to `slot`, which must have just that size and
// be aligned to an element. Grey pictures are spread over three channels, a grey input takes Rec. 601 luma after the
// resize; alpha is dropped. Values are computed in double precision; float16 is rounded by way of float32. Scratch
// memory is kept per thread.
Status preprocess(const PictureView& picture, const PreprocessSpec& spec, const Geometry& geometry,
                  std::span<std::byte> slot);

}  // namespace foveate
