// How the core calls OpenCV: one thread, and no exception leaves.
#pragma once

#include <new>
#include <string>
#include <utility>

#include <opencv2/core.hpp>

#include "core/status.h"

namespace foveate {

// Makes OpenCV run every function on the thread that calls it, once per process: the lanes are the threads, and a pool
// of OpenCV's own would take cores from them. Cheap when already done.
void keep_opencv_on_this_thread();

// INTERNAL, or OUT_OF_MEMORY where that was the reason. `action` completes "Could not ...".
Status opencv_failure(const cv::Exception& exception, const std::string& action);

// Runs `call`, which calls OpenCV.
template <typename Call>
Status with_opencv(const char* action, Call&& call) {
  keep_opencv_on_this_thread();
  try {
    std::forward<Call>(call)();
    return {};
  } catch (const cv::Exception& exception) {
    return opencv_failure(exception, action);
  } catch (const std::bad_alloc&) {
    return Status(error_code::kOutOfMemory, std::string("Could not ") + action + ": the system has no more memory");
  }
}

}  // namespace foveate
