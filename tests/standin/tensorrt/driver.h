// The stand-in driver, which this process has opened already: what the stand-in of TensorRT needs of it.
#pragma once

#include <cstddef>

#include "runtime/cuda/functions.h"

namespace foveate::standin {

struct Driver {
  decltype(cuda::Functions::cuMemAlloc_v2) allocate = nullptr;
  decltype(cuda::Functions::cuMemFree_v2) free = nullptr;
  decltype(cuda::Functions::cuEventCreate) create_event = nullptr;
  decltype(cuda::Functions::cuEventDestroy_v2) destroy_event = nullptr;
  decltype(cuda::Functions::cuEventRecord) record = nullptr;
  decltype(cuda::Functions::cuEventSynchronize) synchronize = nullptr;
  cuda::CUresult (*launch)(cuda::CUstream stream, void (*function)(void* data), void* data) noexcept = nullptr;
  void* (*view)(const void* pointer) noexcept = nullptr;
  void (*lose)(int ordinal, int error) noexcept = nullptr;
  int (*ordinal)() noexcept = nullptr;

  // Null where the driver is another, as that of NVIDIA: nothing can be run on it.
  static const Driver* get();
};

// Memory that an object of TensorRT keeps on the device.
class DeviceMemory {
 public:
  explicit DeviceMemory(std::size_t bytes);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  bool ok() const { return pointer_ != 0; }

 private:
  cuda::CUdeviceptr pointer_ = 0;
};

}  // namespace foveate::standin
