// The CUDA driver, which is opened where there is one.
#pragma once

#include <optional>
#include <string>

namespace foveate::cuda {

struct Gpu {
  std::string name;        // "NVIDIA H200"
  int compute_capability;  // 90 for 9.0
};

// What the driver tells of this machine.
struct Machine {
  // Why no GPU can be used; nothing where one can.
  std::optional<std::string> obstacle;
  // The one that CUDA takes unless told otherwise; nothing where there is an obstacle.
  std::optional<Gpu> gpu;
};

// Opens the driver library, once in a process.
const Machine& machine();

}  // namespace foveate::cuda
