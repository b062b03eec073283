// The CUDA driver, which is opened where there is one.
#pragma once

#include <optional>
#include <string>

namespace foveate::cuda {

struct Gpu {
  std::string name;        // "NVIDIA H200"
  int compute_capability;  // 90 for 9.0
  std::string uuid;        // 32 hexadecimal digits
};

// What the driver tells of this machine.
struct Machine {
  // Why no GPU can be used; nothing where one can.
  std::optional<std::string> obstacle;
  // The one that CUDA takes unless told otherwise; nothing where there is an obstacle.
  std::optional<Gpu> gpu;
};

// Opens the driver library, once in a process, on a thread of its own: a driver that does not answer within ten seconds
// is an obstacle.
const Machine& machine();

}  // namespace foveate::cuda
