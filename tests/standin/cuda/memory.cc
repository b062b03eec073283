// Memory and copies.
#include <algorithm>
#include <cstring>
#include <utility>

#include "driver.h"
#include "host_memory.h"

using namespace foveate::cuda::standin;

namespace {

// A copy whose ends are looked up when it happens: memory that was freed by then is a fault of the device.
struct Copy {
  Device* device;
  CUdeviceptr device_to = 0;
  CUdeviceptr device_from = 0;
  void* host_to = nullptr;
  const void* host_from = nullptr;
  std::shared_ptr<std::vector<std::byte>> staged;  // what `host_from` is in
  std::size_t bytes = 0;

  void operator()() const {
    void* const to = host_to != nullptr ? host_to : device->view(device_to, bytes);
    const void* const from = host_from != nullptr ? host_from : device->view(device_from, bytes);
    if (to == nullptr || from == nullptr) return device->set_fault(result::kIllegalAddress);
    std::memmove(to, from, bytes);
    device->count_copy(kind(), bytes);
  }

  CopyKind kind() const {
    if (host_from != nullptr) return CopyKind::kUpload;
    return host_to != nullptr ? CopyKind::kDownload : CopyKind::kOnDevice;
  }
};

CUresult put_copy(Stream& stream, Copy copy) {
  if ((copy.host_to == nullptr && copy.device->view(copy.device_to, copy.bytes) == nullptr) ||
      (copy.host_from == nullptr && copy.device->view(copy.device_from, copy.bytes) == nullptr))
    return result::kInvalidValue;
  const Durations durations = Settings::instance().durations();
  Work work;
  work.duration = durations.work + durations.copied_kib * static_cast<std::int64_t>(copy.bytes / 1024);
  work.body = std::move(copy);
  return put(stream, std::move(work));
}

}  // namespace

CUresult cuMemGetInfo_v2(std::size_t* free, std::size_t* total) noexcept {
  STANDIN_ENTER(cuMemGetInfo_v2, kContext);
  *total = call.device->bytes;
  const std::size_t limit = std::min(*total, Settings::instance().memory_limit());
  *free = limit - std::min(limit, call.device->allocated_bytes());
  return result::kSuccess;
}

CUresult cuMemAlloc_v2(CUdeviceptr* memory, std::size_t bytes) noexcept {
  STANDIN_ENTER(cuMemAlloc_v2, kContext);
  if (const CUresult spoiled = spoil_captures(); spoiled != result::kSuccess) return spoiled;
  return call.device->allocate(*memory, bytes);
}

CUresult cuMemFree_v2(CUdeviceptr memory) noexcept {
  STANDIN_ENTER(cuMemFree_v2, kContext);
  if (const CUresult spoiled = spoil_captures(); spoiled != result::kSuccess) return spoiled;
  return call.device->free(memory);
}

CUresult cuMemHostAlloc(void** memory, std::size_t bytes, unsigned flags) noexcept {
  STANDIN_ENTER(cuMemHostAlloc, kContext);
  if (bytes == 0 || flags > 7) return result::kInvalidValue;
  if (const CUresult spoiled = spoil_captures(); spoiled != result::kSuccess) return spoiled;
  void* const data = HostMemory::instance().allocate(*call.device, bytes);
  if (data == nullptr) return result::kOutOfMemory;
  *memory = data;
  return result::kSuccess;
}

CUresult cuMemFreeHost(void* memory) noexcept {
  STANDIN_ENTER(cuMemFreeHost, kContext);
  if (const CUresult spoiled = spoil_captures(); spoiled != result::kSuccess) return spoiled;
  return HostMemory::instance().free(memory) ? result::kSuccess : result::kInvalidValue;
}

CUresult cuMemHostRegister_v2(void* memory, std::size_t bytes, unsigned flags) noexcept {
  STANDIN_ENTER(cuMemHostRegister_v2, kContext);
  if (memory == nullptr || bytes == 0 || flags > 15) return result::kInvalidValue;
  return HostMemory::instance().add(*call.device, memory, bytes) ? result::kSuccess : kAlreadyRegistered;
}

CUresult cuMemHostUnregister(void* memory) noexcept {
  STANDIN_ENTER(cuMemHostUnregister, kContext);
  return HostMemory::instance().remove(memory) ? result::kSuccess : kNotRegistered;
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, std::size_t bytes, CUstream handle) noexcept {
  STANDIN_ENTER(cuMemcpyHtoDAsync_v2, kContext);
  const auto stream = stream_of(call, handle);
  if (!stream) return kInvalidHandle;
  Copy copy{.device = call.device, .device_to = to, .host_from = from, .staged = nullptr, .bytes = bytes};
  if (bytes > 0 && !HostMemory::instance().holds(from, bytes) && !stream->capture) {
    // Memory that can be swapped out is read by the calling thread, into memory of the driver's.
    const auto* const bytes_from = static_cast<const std::byte*>(from);
    copy.staged = std::make_shared<std::vector<std::byte>>(bytes_from, bytes_from + bytes);
    copy.host_from = copy.staged->data();
  }
  return put_copy(*stream, std::move(copy));
}

CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, std::size_t bytes, CUstream handle) noexcept {
  STANDIN_ENTER(cuMemcpyDtoHAsync_v2, kContext);
  const auto stream = stream_of(call, handle);
  if (!stream) return kInvalidHandle;
  const CUresult error =
      put_copy(*stream, {.device = call.device, .device_from = from, .host_to = to, .staged = nullptr, .bytes = bytes});
  if (error != result::kSuccess || stream->capture || HostMemory::instance().holds(to, bytes)) return error;
  // To memory that can be swapped out, the calling thread waits.
  return wait_for(call, stream->end());
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, std::size_t bytes, CUstream handle) noexcept {
  STANDIN_ENTER(cuMemcpyDtoDAsync_v2, kContext);
  const auto stream = stream_of(call, handle);
  if (!stream) return kInvalidHandle;
  return put_copy(*stream,
                  {.device = call.device, .device_to = to, .device_from = from, .staged = nullptr, .bytes = bytes});
}
