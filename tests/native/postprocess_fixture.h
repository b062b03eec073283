// The fixtures that tests/reference/postprocess.py writes, read with OpenCV's JSON parser.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <opencv2/core.hpp>

#include "vision/preprocess.h"

namespace foveate::testing {

class PostprocessFixture {
 public:
  explicit PostprocessFixture(const std::string& name)
      : storage_((std::filesystem::path(__FILE__).parent_path() / "../reference/fixtures/postprocess" / name).string(),
                 cv::FileStorage::READ | cv::FileStorage::FORMAT_JSON) {
    if (cases().empty()) throw std::runtime_error("No cases in the fixture " + name);
  }

  cv::FileNode cases() const { return storage_["cases"]; }

 private:
  cv::FileStorage storage_;
};

template <typename T>
std::vector<T> numbers_of(const cv::FileNode& node) {
  std::vector<T> values;
  for (const cv::FileNode& element : node) values.push_back(static_cast<T>(element.real()));
  return values;
}

inline Placement placement_of(const cv::FileNode& node) {
  Placement placement;
  placement.source_width = static_cast<int>(node["sourceWidth"].real());
  placement.source_height = static_cast<int>(node["sourceHeight"].real());
  placement.input_width = static_cast<int>(node["inputWidth"].real());
  placement.input_height = static_cast<int>(node["inputHeight"].real());
  placement.scale_x = node["scaleX"].real();
  placement.scale_y = node["scaleY"].real();
  placement.offset_x = node["offsetX"].real();
  placement.offset_y = node["offsetY"].real();
  return placement;
}

}  // namespace foveate::testing
