// Tensors that stay on a GPU: what one session puts out there, another reads without a trip to the host.
#pragma once

#include "core/memory.h"
#include "napi/arguments.h"
#include "napi/handles.h"
#include "napi/napi_setup.h"
#include "runtime/runtime.h"

namespace foveate {

// A share in device memory. Used on the JavaScript thread. `block` is null once the tensor was disposed.
struct DeviceTensor {
  BlockPtr block;
  std::size_t offset = 0;
  std::size_t bytes = 0;
};

FOVEATE_HANDLE(DeviceTensor, "device tensor", 0x5be0c3f27d1948a6ULL, 0xc7d21f8e04b96a53ULL);

// Handle of an output in device memory, of which V8 is told, so that forgotten ones are collected in time.
Napi::Value wrap_device_tensor(Napi::Env env, OwnedTensor tensor);
// What is behind a handle; throws DISPOSED.
HeldBytes device_bytes_of(const Napi::Value& handle);

void register_device_tensor(Napi::Env env, Napi::Object exports);

}  // namespace foveate
