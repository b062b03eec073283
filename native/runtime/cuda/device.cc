#include "runtime/cuda/device.h"

#include <map>
#include <utility>

#include "runtime/cuda/memory.h"

namespace foveate::cuda {
namespace {

// How much memory the pools keep for the next request. What a service needs is used again all the time; more than a
// part of the GPU should not be kept from other processes, nor more than this from the system: it cannot be swapped
// out.
constexpr std::size_t kPooledPart = 4;
constexpr std::size_t kPooledPinnedBytes = std::size_t{512} << 20;

// After these nothing works in a context any more.
bool is_sticky(CUresult answer) {
  switch (answer) {
    case result::kDeinitialized:
    case result::kDeviceUnavailable:
    case result::kEccUncorrectable:
    case result::kNvlinkUncorrectable:
    case result::kContained:
    case result::kIllegalAddress:
    case result::kLaunchTimeout:
    case result::kContextIsDestroyed:
    case result::kAssert:
    case result::kHardwareStackError:
    case result::kIllegalInstruction:
    case result::kMisalignedAddress:
    case result::kInvalidAddressSpace:
    case result::kInvalidPc:
    case result::kLaunchFailed:
    case result::kTensorMemoryLeak:
    case result::kMpsClientTerminated:
    case result::kExternalDevice:
      return true;
    default:
      return false;
  }
}

struct Registry {
  std::mutex mutex;  // held while a device is opened
  std::map<int, std::shared_ptr<Device>> devices;
};

// Leaked: contexts are never released, and blocks may be freed while the process ends.
Registry& registry() {
  static auto* const instance = new Registry;
  return *instance;
}

std::string name_of(const Gpu& gpu) { return "GPU " + std::to_string(gpu.ordinal) + " (" + gpu.name + ")"; }

}  // namespace

Device::Device(const Functions& functions, Gpu gpu, CUdevice device, CUcontext context)
    : functions_(functions),
      gpu_(std::move(gpu)),
      device_(device),
      context_(context),
      device_pool_(std::make_unique<Pool>(*this, MemoryKind::kDevice, gpu_.memory_bytes / kPooledPart)),
      pinned_pool_(std::make_unique<Pool>(*this, MemoryKind::kPinned, kPooledPinnedBytes)) {}

Device::~Device() = default;

Result<std::shared_ptr<Device>> Device::open(int ordinal) {
  const Machine& found = machine();
  if (found.obstacle)
    return Status(error_code::kBackendUnavailable, "No GPU can be used: " + *found.obstacle,
                  "Install or repair NVIDIA's driver, or run on the CPU.");
  Registry& known = registry();
  std::lock_guard lock(known.mutex);
  if (const auto device = known.devices.find(ordinal); device != known.devices.end()) {
    FOVEATE_RETURN_IF_ERROR(device->second->recover());
    return device->second;
  }
  std::string ordinals;
  for (const Gpu& gpu : found.gpus) {
    if (gpu.ordinal == ordinal) {
      auto device = create(gpu);
      if (device.ok()) known.devices.emplace(ordinal, device.value());
      return device;
    }
    ordinals += (ordinals.empty() ? "" : ", ") + std::to_string(gpu.ordinal);
  }
  return Status(error_code::kInvalidArgument,
                "Expected the number of a GPU to be one of " + ordinals + ", received " + std::to_string(ordinal));
}

std::vector<std::shared_ptr<Device>> Device::opened() {
  Registry& known = registry();
  std::lock_guard lock(known.mutex);
  std::vector<std::shared_ptr<Device>> devices;
  for (const auto& [ordinal, device] : known.devices) devices.push_back(device);
  return devices;
}

Result<std::shared_ptr<Device>> Device::create(const Gpu& gpu) {
  auto opened = cuda::functions();
  if (!opened.ok()) return opened.take_status();
  const Functions& driver = *opened.value();
  CUdevice handle = 0;
  CUcontext context = nullptr;
  CUresult answer = driver.cuDeviceGet(&handle, gpu.ordinal);
  if (answer == result::kSuccess) answer = driver.cuDevicePrimaryCtxRetain(&context, handle);
  // Not make_shared: the constructor is private.
  std::shared_ptr<Device> device(new Device(driver, gpu, handle, context));
  if (answer == result::kSuccess) return device;
  return Status(error_code::kBackendUnavailable,
                "The " + name_of(gpu) + " gives no context: " + device->error_text(answer),
                answer == result::kOutOfMemory ? "Close what else runs on it: nvidia-smi lists that."
                                               : "Look whether nvidia-smi shows it, and who else uses it.");
}

std::string Device::error_text(CUresult answer) const {
  const char* name = nullptr;
  const char* text = nullptr;
  functions_.cuGetErrorName(answer, &name);
  functions_.cuGetErrorString(answer, &text);
  return std::string(name == nullptr ? "CUDA error" : name) + " (" + std::to_string(answer) + ")" +
         (text == nullptr ? "" : std::string(", ") + text);
}

Status Device::make_current() {
  FOVEATE_RETURN_IF_ERROR(usable());
  return check(functions_.cuCtxSetCurrent(context_.load(std::memory_order_relaxed)),
               "The context was not made current");
}

Status Device::check(CUresult answer, std::string_view what) {
  if (answer == result::kSuccess) return {};
  if (is_sticky(answer)) lose(answer, what);
  FOVEATE_RETURN_IF_ERROR(usable());
  std::string message = std::string(what) + " on " + name_of(gpu_) + ": " + error_text(answer);
  if (answer != result::kOutOfMemory) return {error_code::kCudaFailed, std::move(message)};
  return {error_code::kCudaOutOfMemory, std::move(message),
          "Use smaller batches or fewer lanes, or close what else runs on the GPU: nvidia-smi lists that."};
}

void Device::lose(CUresult answer, std::string_view what) { give_up(std::string(what) + ": " + error_text(answer)); }

void Device::give_up(std::string_view what) {
  std::lock_guard lock(loss_mutex_);
  if (lost()) return;
  loss_ = what;
  lost_.store(true);
}

Status Device::usable() const {
  if (!lost()) return {};
  std::lock_guard lock(loss_mutex_);
  return {
      error_code::kDeviceLost, "The " + name_of(gpu_) + " was lost. " + loss_,
      "Close all that runs on it and open it again, or start the process anew; the system's log may tell the reason "
      "(Xid)."};
}

Status Device::examine() {
  auto info = memory_info();
  return info.ok() ? Status() : info.take_status();
}

Status Device::recover() {
  std::lock_guard lock(recovery_mutex_);
  if (!lost()) return {};
  // First what is counted, then the blocks: Pool::allocate counts itself until its block does.
  if (uses_.load() > 0 || device_pool_->statistics().live_bytes > 0 || pinned_pool_->statistics().live_bytes > 0) {
    Status status = usable();
    status.error().message += "; it is not recovered while something lives on it";
    return status;
  }
  // A lost device frees nothing: what the pools keep goes with the context.
  device_pool_->drop();
  pinned_pool_->drop();
  FOVEATE_RETURN_IF_ERROR(reset());
  lost_.store(false);
  return {};
}

Status Device::reset() {
  const auto failed = [this](CUresult answer) {
    if (answer == result::kSuccess) return Status();
    Status status = usable();
    status.error().message += "; it cannot be recovered: " + error_text(answer);
    status.error().hint = "Start the process anew; the system's log may tell the reason (Xid).";
    return status;
  };
  FOVEATE_RETURN_IF_ERROR(failed(functions_.cuDevicePrimaryCtxReset_v2(device_)));
  // A reset does not undo the retaining, and a context that was reset comes to life by another.
  if (context_.exchange(nullptr) != nullptr) functions_.cuDevicePrimaryCtxRelease_v2(device_);
  CUcontext context = nullptr;
  FOVEATE_RETURN_IF_ERROR(failed(functions_.cuDevicePrimaryCtxRetain(&context, device_)));
  context_.store(context);
  // Whether it works shows in a first use.
  CUdeviceptr memory = 0;
  FOVEATE_RETURN_IF_ERROR(failed(functions_.cuCtxPushCurrent_v2(context)));
  CUresult answer = functions_.cuMemAlloc_v2(&memory, 1);
  if (answer == result::kSuccess) answer = functions_.cuMemFree_v2(memory);
  CUcontext popped = nullptr;
  functions_.cuCtxPopCurrent_v2(&popped);
  return failed(answer);
}

Result<MemoryInfo> Device::memory_info() {
  FOVEATE_RETURN_IF_ERROR(make_current());
  MemoryInfo info;
  FOVEATE_RETURN_IF_ERROR(
      check(functions_.cuMemGetInfo_v2(&info.free_bytes, &info.total_bytes), "The memory could not be asked for"));
  return info;
}

void Device::trim() {
  device_pool_->trim();
  pinned_pool_->trim();
}

DeviceStatistics Device::statistics() const {
  DeviceStatistics statistics;
  statistics.device = device_pool_->statistics();
  statistics.pinned = pinned_pool_->statistics();
  for (std::size_t kind = 0; kind < copies_.size(); ++kind) {
    statistics.copies[kind] = {copies_[kind].load(std::memory_order_relaxed),
                               copied_bytes_[kind].load(std::memory_order_relaxed)};
  }
  return statistics;
}

void Device::count_copies(CopyKind kind, CopyCount count) {
  copies_[static_cast<std::size_t>(kind)].fetch_add(count.copies, std::memory_order_relaxed);
  copied_bytes_[static_cast<std::size_t>(kind)].fetch_add(count.bytes, std::memory_order_relaxed);
}

DeviceUse::DeviceUse(std::shared_ptr<Device> device) : device_(std::move(device)) { device_->uses_.fetch_add(1); }

Result<DeviceUse> DeviceUse::begin(std::shared_ptr<Device> device) {
  DeviceUse use(std::move(device));
  FOVEATE_RETURN_IF_ERROR(use->make_current());
  return use;
}

DeviceUse& DeviceUse::operator=(DeviceUse&& other) noexcept {
  std::swap(device_, other.device_);
  return *this;
}

DeviceUse::~DeviceUse() {
  if (device_ && device_->uses_.fetch_sub(1) == 1) device_->trim();
}

ContextScope::ContextScope(Device& device) : device_(device), entered_(false) {
  if (device.lost()) return;
  const CUcontext context = device.context_.load(std::memory_order_relaxed);
  entered_ = device.check(device.functions_.cuCtxPushCurrent_v2(context), "The context was not made current").ok();
}

ContextScope::~ContextScope() {
  CUcontext popped = nullptr;
  if (entered_) (void)device_.check(device_.functions_.cuCtxPopCurrent_v2(&popped), "The context was not left");
}

}  // namespace foveate::cuda
