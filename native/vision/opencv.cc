#include "vision/opencv.h"

#include <opencv2/core/utility.hpp>

namespace foveate {

void keep_opencv_on_this_thread() {
  [[maybe_unused]] static const bool done = [] {
    cv::setNumThreads(0);
    return true;
  }();
}

Status opencv_failure(const cv::Exception& exception, const std::string& action) {
  const bool memory = exception.code == cv::Error::StsNoMem;
  return Status(memory ? error_code::kOutOfMemory : error_code::kInternal,
                "Could not " + action + ": OpenCV reported \"" + exception.err + "\" in " + exception.func);
}

}  // namespace foveate
