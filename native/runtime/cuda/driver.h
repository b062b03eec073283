// The CUDA driver of this machine, and its GPUs.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace foveate::cuda {

struct Gpu {
  int ordinal;             // what CUDA calls it in this process
  std::string name;        // "NVIDIA H200"
  int compute_capability;  // 90 for 9.0
  std::string uuid;        // 32 hexadecimal digits
  std::size_t memory_bytes;
};

// What the driver tells of this machine.
struct Machine {
  // Why no GPU can be used; nothing where one can.
  std::optional<std::string> obstacle;
  // In the order of CUDA, whose default is the first; empty where there is an obstacle. One that does not tell what it
  // is is left out.
  std::vector<Gpu> gpus;
};

// Opens and starts the driver, once in a process, on a thread of its own: a driver that does not answer within ten
// seconds is an obstacle.
const Machine& machine();

}  // namespace foveate::cuda
