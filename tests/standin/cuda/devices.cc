// Devices, contexts, errors by name.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "driver.h"

using namespace foveate::cuda::standin;

namespace {

// A handle is not an ordinal: who takes one for the other is found out.
constexpr int kFirstHandle = 40;

Device* by_handle(CUdevice handle) {
  const auto ordinal = static_cast<std::size_t>(handle - kFirstHandle);
  return ordinal < driver().devices.size() ? driver().devices[ordinal].get() : nullptr;
}

CUcontext handle_of(Device* device) { return reinterpret_cast<CUcontext>(device); }

Device* by_context(CUcontext context) {
  for (const auto& device : driver().devices) {
    if (handle_of(device.get()) == context) return device.get();
  }
  return nullptr;
}

struct ErrorText {
  CUresult error;
  const char* name;
  const char* text;
};

constexpr ErrorText kErrors[] = {
    {0, "CUDA_SUCCESS", "no error"},
    {1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {214, "CUDA_ERROR_ECC_UNCORRECTABLE", "uncorrectable ECC error encountered"},
    {400, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {710, "CUDA_ERROR_ASSERT", "device-side assert triggered"},
    {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"},
    {904, "CUDA_ERROR_STREAM_CAPTURE_UNJOINED", "capturing stream has unjoined work"},
};

CUresult tell(CUresult error, const char* ErrorText::* what, const char** text) {
  const auto* const found = std::find_if(std::begin(kErrors), std::end(kErrors),
                                         [&](const ErrorText& entry) { return entry.error == error; });
  *text = found == std::end(kErrors) ? nullptr : found->*what;
  return *text == nullptr ? result::kInvalidValue : result::kSuccess;
}

}  // namespace

CUresult cuInit(unsigned flags) noexcept {
  STANDIN_ENTER(cuInit, kNothing);
  if (flags != 0) return result::kInvalidValue;
  Settings& settings = Settings::instance();
  if (!driver().started) {
    for (int ordinal = 0; ordinal < settings.devices; ++ordinal)
      driver().devices.push_back(std::make_unique<Device>(ordinal, settings.memory));
    driver().started = true;
  }
  return driver().devices.empty() ? result::kNoDevice : result::kSuccess;
}

CUresult cuDriverGetVersion(int* version) noexcept {
  STANDIN_ENTER(cuDriverGetVersion, kNothing);
  *version = Settings::instance().driver;
  return result::kSuccess;
}

CUresult cuGetErrorName(CUresult error, const char** name) noexcept { return tell(error, &ErrorText::name, name); }

CUresult cuGetErrorString(CUresult error, const char** text) noexcept { return tell(error, &ErrorText::text, text); }

CUresult cuDeviceGetCount(int* count) noexcept {
  STANDIN_ENTER(cuDeviceGetCount, kDriver);
  *count = static_cast<int>(driver().devices.size());
  return result::kSuccess;
}

CUresult cuDeviceGet(CUdevice* device, int ordinal) noexcept {
  STANDIN_ENTER(cuDeviceGet, kDriver);
  *device = kFirstHandle + ordinal;
  return by_handle(*device) == nullptr ? kInvalidDevice : result::kSuccess;
}

CUresult cuDeviceGetName(char* name, int length, CUdevice device) noexcept {
  STANDIN_ENTER(cuDeviceGetName, kDriver);
  if (by_handle(device) == nullptr) return kInvalidDevice;
  std::snprintf(name, static_cast<std::size_t>(length), "Stand-in GPU %d", by_handle(device)->ordinal);
  return result::kSuccess;
}

CUresult cuDeviceGetAttribute(int* value, int attribute, CUdevice device) noexcept {
  STANDIN_ENTER(cuDeviceGetAttribute, kDriver);
  if (by_handle(device) == nullptr) return kInvalidDevice;
  const Settings& settings = Settings::instance();
  const bool last = by_handle(device)->ordinal == settings.devices - 1;
  const int capability = last && settings.last_capability != 0 ? settings.last_capability : settings.capability;
  if (attribute == attribute::kComputeCapabilityMajor) {
    *value = capability / 10;
  } else if (attribute == attribute::kComputeCapabilityMinor) {
    *value = capability % 10;
  } else {
    return result::kInvalidValue;
  }
  return result::kSuccess;
}

CUresult cuDeviceGetUuid_v2(CUuuid* uuid, CUdevice device) noexcept {
  STANDIN_ENTER(cuDeviceGetUuid_v2, kDriver);
  if (by_handle(device) == nullptr) return kInvalidDevice;
  uuid->fill(static_cast<unsigned char>(0x50 + by_handle(device)->ordinal));
  return result::kSuccess;
}

CUresult cuDeviceTotalMem_v2(std::size_t* bytes, CUdevice device) noexcept {
  STANDIN_ENTER(cuDeviceTotalMem_v2, kDriver);
  if (by_handle(device) == nullptr) return kInvalidDevice;
  *bytes = by_handle(device)->bytes;
  return result::kSuccess;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice handle) noexcept {
  STANDIN_ENTER(cuDevicePrimaryCtxRetain, kDriver);
  Device* const device = by_handle(handle);
  if (device == nullptr) return kInvalidDevice;
  if (device->fault() != result::kSuccess) return device->fault();
  ++device->retained;
  device->active = true;
  *context = handle_of(device);
  return result::kSuccess;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice handle) noexcept {
  STANDIN_ENTER(cuDevicePrimaryCtxRelease_v2, kDriver);
  Device* const device = by_handle(handle);
  if (device == nullptr) return kInvalidDevice;
  if (device->retained == 0) return kInvalidContext;
  if (--device->retained == 0 && device->active) destroy_context(*device);
  return result::kSuccess;
}

CUresult cuDevicePrimaryCtxReset_v2(CUdevice handle) noexcept {
  STANDIN_ENTER(cuDevicePrimaryCtxReset_v2, kDriver);
  Device* const device = by_handle(handle);
  if (device == nullptr) return kInvalidDevice;
  destroy_context(*device);
  return result::kSuccess;
}

CUresult cuCtxSetCurrent(CUcontext context) noexcept {
  STANDIN_ENTER(cuCtxSetCurrent, kDriver);
  Device* const device = by_context(context);
  if (device == nullptr && context != nullptr) return kInvalidContext;
  auto& stack = context_stack();
  if (!stack.empty()) stack.pop_back();
  if (device != nullptr) stack.push_back(device);
  return result::kSuccess;
}

CUresult cuCtxPushCurrent_v2(CUcontext context) noexcept {
  STANDIN_ENTER(cuCtxPushCurrent_v2, kDriver);
  Device* const device = by_context(context);
  if (device == nullptr) return kInvalidContext;
  context_stack().push_back(device);
  return result::kSuccess;
}

CUresult cuCtxPopCurrent_v2(CUcontext* context) noexcept {
  STANDIN_ENTER(cuCtxPopCurrent_v2, kDriver);
  if (context_stack().empty()) return kInvalidContext;
  *context = handle_of(context_stack().back());
  context_stack().pop_back();
  return result::kSuccess;
}
