#include "vision/orientation.h"

#include <opencv2/core.hpp>

#include "vision/opencv.h"

namespace foveate {
namespace {

bool swaps_sides(int orientation) { return orientation >= 5; }

// Whether an axis of the upright picture runs against the one of the stored picture that it shows.
bool turns_x(int orientation) { return orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7; }
bool turns_y(int orientation) { return orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8; }

// A region of a picture, seen from its other ends.
Region turned(Region region, PictureSize upright, int orientation) {
  if (turns_x(orientation)) region.left = upright.width - region.left - region.width;
  if (turns_y(orientation)) region.top = upright.height - region.top - region.height;
  return region;
}

Region transposed(Region region) { return {region.top, region.left, region.height, region.width}; }

}  // namespace

PictureSize upright_size(PictureSize stored, int orientation) {
  return swaps_sides(orientation) ? PictureSize{stored.height, stored.width} : stored;
}

Region stored_region(Region upright, PictureSize stored, int orientation) {
  const Region region = turned(upright, upright_size(stored, orientation), orientation);
  return swaps_sides(orientation) ? transposed(region) : region;
}

Region upright_region(Region stored, PictureSize stored_size, int orientation) {
  if (swaps_sides(orientation)) stored = transposed(stored);
  return turned(stored, upright_size(stored_size, orientation), orientation);
}

Result<Picture> turn_upright(const Picture& stored, int orientation, MemoryPool& pool) {
  const bool swapped = swaps_sides(orientation);
  auto upright = allocate_picture(swapped ? stored.height : stored.width, swapped ? stored.width : stored.height,
                                  stored.format, pool);
  if (!upright.ok()) return upright;

  const int type = CV_8UC(pixel_channels(stored.format));
  const cv::Mat from(stored.height, stored.width, type, stored.data());
  cv::Mat to(upright.value().height, upright.value().width, type, upright.value().data());
  auto turned = with_opencv("turn a picture upright", [&] {
    constexpr int kAroundX = 0;
    constexpr int kAroundY = 1;
    constexpr int kAroundBoth = -1;
    switch (orientation) {
      case 2:
        return cv::flip(from, to, kAroundY);
      case 3:
        return cv::rotate(from, to, cv::ROTATE_180);
      case 4:
        return cv::flip(from, to, kAroundX);
      case 5:
        return cv::transpose(from, to);
      case 6:
        return cv::rotate(from, to, cv::ROTATE_90_CLOCKWISE);
      case 7:
        cv::transpose(from, to);
        return cv::flip(to, to, kAroundBoth);
      case 8:
        return cv::rotate(from, to, cv::ROTATE_90_COUNTERCLOCKWISE);
      default:
        return from.copyTo(to);
    }
  });
  if (!turned.ok()) return turned;
  return upright;
}

Reduction upright_reduction(PictureSize stored, int factor, int orientation) {
  // How much of the last column and row is beyond the picture, in pixels of the smaller one.
  const auto beyond = [factor](int side) { return (side + factor - 1) / factor - static_cast<double>(side) / factor; };
  const PictureSize upright = upright_size(stored, orientation);
  return {factor, turns_x(orientation) ? beyond(upright.width) : 0, turns_y(orientation) ? beyond(upright.height) : 0};
}

}  // namespace foveate
