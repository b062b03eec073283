#include "prepare.h"

#include <cmath>
#include <memory>
#include <span>
#include <string>

#include "targets.h"

namespace foveate::fuzz {
namespace {

// More would be slow, not different.
constexpr double kMostValues = 1 << 17;

// The slot as the session lends it: just as large as the input, so that AddressSanitizer guards its end.
std::unique_ptr<std::byte[]> write(const PictureView& picture, const PreprocessSpec& spec, const Geometry& geometry,
                                   std::size_t bytes, std::byte before) {
  std::unique_ptr<std::byte[]> slot(new std::byte[bytes]);
  std::fill_n(slot.get(), bytes, before);
  const Status status = preprocess(picture, spec, geometry, {slot.get(), bytes});
  if (status.ok()) return slot;
  expect(status.error().code == error_code::kInvalidArgument,
         "planned pictures are written: " + status.error().message);
  return nullptr;
}

bool can_be_written(DType dtype) {
  return dtype == DType::kFloat32 || dtype == DType::kFloat16 || dtype == DType::kUint8 || dtype == DType::kInt8;
}

}  // namespace

void prepare(const PictureView& picture, const PreprocessSpec& spec) {
  auto planned = plan_geometry(spec, picture.width, picture.height);
  if (!planned.ok()) {
    const std::string_view code = planned.status().error().code;
    expect(
        code == error_code::kMediaInvalid || code == error_code::kMediaTooLarge || code == error_code::kInvalidArgument,
        "planning fails for the picture or the specification, not with " + std::string(code));
    return;
  }
  prepare(picture, spec, planned.value());
}

void prepare(const PictureView& picture, const PreprocessSpec& spec, const Geometry& geometry) {
  const Placement& placement = geometry.placement;
  expect(geometry.resized_width >= 1 && geometry.resized_height >= 1, "something is left of the picture");
  expect(placement.scale_x > 0 && placement.scale_y > 0 && std::isfinite(placement.scale_x) &&
             std::isfinite(placement.scale_y),
         "the scale is a positive number");
  const bool cuts = spec.fit == Fit::kCrop || spec.fit == Fit::kStretchCrop;
  expect(cuts || (geometry.left >= 0 && geometry.top >= 0 &&
                  geometry.left + geometry.resized_width <= placement.input_width &&
                  geometry.top + geometry.resized_height <= placement.input_height),
         "only the crops cut something off");
  if (spec.fit == Fit::kShortestEdge || spec.fit == Fit::kLeastScale) {
    expect(placement.input_width % spec.multiple_of == 0 && placement.input_height % spec.multiple_of == 0,
           "sizes that follow the picture are multiples of what is asked");
  }
  const double values = static_cast<double>(spec.channels()) * placement.input_width * placement.input_height;
  const double resized = static_cast<double>(geometry.resized_width) * geometry.resized_height;
  if (values > kMostValues || resized > kMostValues) return;

  const auto bytes = static_cast<std::size_t>(values) * dtype_bytes(spec.dtype);
  const auto first = write(picture, spec, geometry, bytes, std::byte{0x00});
  const auto second = write(picture, spec, geometry, bytes, std::byte{0xff});
  expect((first != nullptr) == can_be_written(spec.dtype), "floats and bytes are written, others refused");
  if (first != nullptr) expect(std::equal(first.get(), first.get() + bytes, second.get()), "every value is written");
}

}  // namespace foveate::fuzz
