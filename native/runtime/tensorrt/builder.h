// What engines are built with.
#pragma once

#include <optional>

#include "core/status.h"
#include "runtime/cuda/device.h"
#include "runtime/tensorrt/library.h"
#include "runtime/tensorrt/logger.h"
#include "runtime/tensorrt/objects.h"

namespace foveate::tensorrt {

// A builder, and a share in the GPU that it measures kernels on, so that nobody recovers that meanwhile. It has none
// where there is no GPU, or none that gives a context: TensorRT-RTX needs none, and TensorRT says so itself.
struct UsedBuilder {
  std::optional<cuda::DeviceUse> device;
  Owned<abi::Builder> builder;
};

// A builder of a library. BACKEND_UNAVAILABLE where it has none, no ONNX parser either, or gives none on this machine;
// why not was then logged, in `log`, the scope of this thread. DEVICE_LOST where the GPU is lost, and in use.
Result<UsedBuilder> create_builder(const Library& library, LogScope& log);

}  // namespace foveate::tensorrt
