#include "vision/orientation.h"

#include <opencv2/core.hpp>

#include "vision/opencv.h"

namespace foveate {
namespace {

bool swaps_sides(int orientation) { return orientation >= 5; }

}  // namespace

PictureSize upright_size(PictureSize stored, int orientation) {
  return swaps_sides(orientation) ? PictureSize{stored.height, stored.width} : stored;
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
  const bool turned_x = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  const bool turned_y = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const bool swapped = swaps_sides(orientation);
  return {factor, turned_x ? beyond(swapped ? stored.height : stored.width) : 0,
          turned_y ? beyond(swapped ? stored.width : stored.height) : 0};
}

}  // namespace foveate
