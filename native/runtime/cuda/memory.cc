#include "runtime/cuda/memory.h"

#include <string>
#include <utility>

namespace foveate::cuda {
namespace {

// Counts itself among the uses of a device, so that a recovery does not come between.
class UseCount {
 public:
  explicit UseCount(std::atomic<std::size_t>& uses) : uses_(uses) { uses_.fetch_add(1); }
  ~UseCount() { uses_.fetch_sub(1); }
  UseCount(const UseCount&) = delete;
  UseCount& operator=(const UseCount&) = delete;

 private:
  std::atomic<std::size_t>& uses_;
};

std::string mebibytes(std::size_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

// All freeing is done between threads of others, and after a loss: see ContextScope.
class DeviceMemory final : public MemorySource {
 public:
  explicit DeviceMemory(Device& device) : device_(device) {}

  MemoryPlace place() const override { return {MemoryKind::kDevice, device_.ordinal()}; }
  bool reuses() const override { return device_.in_use(); }

  Result<void*> allocate(std::size_t capacity) override {
    const ContextScope scope(device_);
    FOVEATE_RETURN_IF_ERROR(device_.usable());
    CUdeviceptr memory = 0;
    Status status = device_.check(device_.functions().cuMemAlloc_v2(&memory, capacity),
                                  "No memory for " + std::to_string(capacity) + " bytes");
    if (status.ok()) return reinterpret_cast<void*>(memory);
    std::size_t free = 0;
    std::size_t total = 0;
    if (status.error().code == error_code::kCudaOutOfMemory &&
        device_.functions().cuMemGetInfo_v2(&free, &total) == result::kSuccess)
      status.error().message += "; " + mebibytes(free) + " of its " + mebibytes(total) + " are free";
    return status;
  }

  void free(void* data, std::size_t) noexcept override {
    const ContextScope scope(device_);
    if (!scope.entered()) return;
    // Its status would have nobody to go to; check() marks the device.
    (void)device_.check(device_.functions().cuMemFree_v2(reinterpret_cast<CUdeviceptr>(data)), "Memory was not freed");
  }

 private:
  Device& device_;
};

class PinnedMemory final : public MemorySource {
 public:
  explicit PinnedMemory(Device& device) : device_(device) {}

  MemoryPlace place() const override { return {MemoryKind::kPinned, device_.ordinal()}; }
  bool reuses() const override { return device_.in_use(); }

  Result<void*> allocate(std::size_t capacity) override {
    const ContextScope scope(device_);
    FOVEATE_RETURN_IF_ERROR(device_.usable());
    void* memory = nullptr;
    // Portable: other devices copy from it as fast.
    FOVEATE_RETURN_IF_ERROR(device_.check(device_.functions().cuMemHostAlloc(&memory, capacity, kMemHostAllocPortable),
                                          "No pinned memory for " + std::to_string(capacity) + " bytes"));
    return memory;
  }

  void free(void* data, std::size_t) noexcept override {
    const ContextScope scope(device_);
    if (!scope.entered()) return;
    (void)device_.check(device_.functions().cuMemFreeHost(data), "Pinned memory was not freed");
  }

 private:
  Device& device_;
};

std::unique_ptr<MemorySource> source_of(Device& device, MemoryKind kind) {
  if (kind == MemoryKind::kDevice) return std::make_unique<DeviceMemory>(device);
  return std::make_unique<PinnedMemory>(device);
}

}  // namespace

Pool::Pool(Device& device, MemoryKind kind, std::size_t pooled_bytes_limit)
    : device_(device), pool_(std::make_shared<MemoryPool>(pooled_bytes_limit, source_of(device, kind))) {}

Result<BlockPtr> Pool::allocate(std::size_t bytes) {
  const UseCount use(device_.uses_);
  FOVEATE_RETURN_IF_ERROR(device_.usable());
  return pool_->obtain(bytes);
}

void Pool::trim() {
  const UseCount use(device_.uses_);
  if (!device_.lost()) pool_->trim();
}

Result<PinnedRange> PinnedRange::pin(std::shared_ptr<Device> device, void* data, std::size_t bytes) {
  auto use = DeviceUse::begin(std::move(device));
  if (!use.ok()) return use.take_status();
  Device& target = *use.value();
  FOVEATE_RETURN_IF_ERROR(target.check(target.functions().cuMemHostRegister_v2(data, bytes, kMemHostRegisterPortable),
                                       "Memory of " + std::to_string(bytes) + " bytes was not pinned"));
  return PinnedRange(std::move(use).value(), data);
}

PinnedRange::PinnedRange(PinnedRange&& other) noexcept
    : device_(std::move(other.device_)), data_(std::exchange(other.data_, nullptr)) {}

PinnedRange& PinnedRange::operator=(PinnedRange&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(data_, other.data_);
  return *this;
}

PinnedRange::~PinnedRange() {
  if (data_ == nullptr) return;
  const ContextScope scope(*device_);
  if (scope.entered()) (void)device_->check(device_->functions().cuMemHostUnregister(data_), "Memory was not unpinned");
}

}  // namespace foveate::cuda
