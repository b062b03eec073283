#include "runtime/cuda/driver.h"

#include <dlfcn.h>

namespace foveate::cuda {
namespace {

// Results of the driver are ints; 0 is success.
using Initialize = int (*)(unsigned flags) noexcept;
using CountDevices = int (*)(int* count) noexcept;
constexpr int kSuccess = 0;
constexpr int kNoDevice = 100;

std::optional<std::string> find_obstacle() {
  // Never closed: what it started cannot be taken back.
  void* const driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (driver == nullptr) return "there is no NVIDIA driver (libcuda.so.1)";
  const auto initialize = reinterpret_cast<Initialize>(dlsym(driver, "cuInit"));
  const auto count_devices = reinterpret_cast<CountDevices>(dlsym(driver, "cuDeviceGetCount"));
  if (initialize == nullptr || count_devices == nullptr) return "libcuda.so.1 is not NVIDIA's driver";
  const int started = initialize(0);
  if (started != kSuccess && started != kNoDevice)
    return "the NVIDIA driver does not start: CUDA error " + std::to_string(started);
  int devices = 0;
  if (started == kNoDevice || count_devices(&devices) != kSuccess || devices == 0) return "there is no NVIDIA GPU";
  return std::nullopt;
}

}  // namespace

const std::optional<std::string>& obstacle() {
  static const auto* const found = new std::optional<std::string>(find_obstacle());
  return *found;
}

}  // namespace foveate::cuda
