#include <algorithm>

#include "vision/heads/head.h"

namespace foveate {

Status check_output(HeadOutputs outputs, std::size_t index, std::size_t expected) {
  if (index >= outputs.size()) {
    return {error_code::kInternal, "Expected " + std::to_string(index + 1) +
                                       " outputs of a detection head but received " + std::to_string(outputs.size())};
  }
  if (outputs[index].size() == expected) return {};
  return {error_code::kInternal, "Expected " + std::to_string(expected) + " values in output " + std::to_string(index) +
                                     " of a detection head but received " + std::to_string(outputs[index].size())};
}

Result<std::vector<Grid>> grids_of(const DetectionSpec& spec, const Placement& placement, int per_cell,
                                   EdgeCells edge_cells) {
  if (per_cell < 1 || std::any_of(spec.strides.begin(), spec.strides.end(), [](int stride) { return stride < 1; })) {
    return Status(error_code::kInvalidArgument, "The strides of a detection head must be positive");
  }
  const auto cells_along = [edge_cells](int side, int stride) {
    return side / stride + (edge_cells == EdgeCells::kCounted && side % stride != 0 ? 1 : 0);
  };
  std::vector<Grid> grids;
  std::int64_t anchors = 0;
  for (const int stride : spec.strides) {
    grids.push_back({stride, cells_along(placement.input_width, stride), cells_along(placement.input_height, stride)});
    anchors += grids.back().cells() * per_cell;
  }
  if (anchors == spec.anchors) return grids;
  std::string strides;
  for (const int stride : spec.strides) strides += (strides.empty() ? "" : ", ") + std::to_string(stride);
  return Status(error_code::kInvalidArgument,
                "The grids of strides [" + strides + "] on an input of " + std::to_string(placement.input_width) + "x" +
                    std::to_string(placement.input_height) + " have " + std::to_string(anchors) +
                    " anchors, but the output has " + std::to_string(spec.anchors),
                "Give the strides that the model was exported with, and its own input size.");
}

}  // namespace foveate
