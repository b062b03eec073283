// What the builder of the stand-in writes, and its runtime reads: an ONNX model with a header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/shape.h"

namespace foveate::standin {

using Bytes = std::vector<std::byte>;

struct Range {
  Dims min, opt, max;
};
using Profile = std::map<std::string, Range>;  // by the name of an input

struct Plan {
  std::int32_t version = 0;
  std::int32_t capability = 0;
  bool refittable = false;
  std::string path;  // of the model, where its external data is beside it; else empty
  std::vector<Profile> profiles;
  Bytes model;

  Bytes write() const;
};

// Nothing where the bytes are no plan.
std::optional<Plan> read_plan(std::span<const std::byte> bytes);

}  // namespace foveate::standin
