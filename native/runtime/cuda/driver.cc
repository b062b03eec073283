#include "runtime/cuda/driver.h"

#include <dlfcn.h>

#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <thread>

namespace foveate::cuda {
namespace {

// Results of the driver are ints; 0 is success. A CUdevice is an int as well.
constexpr int kSuccess = 0;
constexpr int kNoDevice = 100;
constexpr int kComputeCapabilityMajor = 75;
constexpr int kComputeCapabilityMinor = 76;
constexpr std::chrono::seconds kPatience{10};

using Uuid = std::array<unsigned char, 16>;

struct Driver {
  int (*initialize)(unsigned flags) noexcept;
  int (*count_devices)(int* count) noexcept;
  int (*device_at)(int* device, int ordinal) noexcept;
  int (*device_name)(char* name, int length, int device) noexcept;
  int (*device_attribute)(int* value, int attribute, int device) noexcept;
  int (*device_uuid)(Uuid* uuid, int device) noexcept;
};

// False where the library lacks the function.
template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

Machine unusable(std::string why) { return {std::move(why), std::nullopt}; }

std::string text_of(const Uuid& uuid) {
  std::string text;
  for (const unsigned char byte : uuid) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

Machine look() {
  // Never closed: what it started cannot be taken back.
  void* const library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return unusable("there is no NVIDIA driver (libcuda.so.1)");
  Driver driver;
  const bool whole =
      find(library, "cuInit", driver.initialize) && find(library, "cuDeviceGetCount", driver.count_devices) &&
      find(library, "cuDeviceGet", driver.device_at) && find(library, "cuDeviceGetName", driver.device_name) &&
      find(library, "cuDeviceGetAttribute", driver.device_attribute) &&
      find(library, "cuDeviceGetUuid_v2", driver.device_uuid);
  if (!whole) return unusable("libcuda.so.1 is not NVIDIA's driver");
  const int started = driver.initialize(0);
  if (started != kSuccess && started != kNoDevice)
    return unusable("the NVIDIA driver does not start: CUDA error " + std::to_string(started));
  int count = 0;
  if (started == kNoDevice || driver.count_devices(&count) != kSuccess || count == 0)
    return unusable("there is no NVIDIA GPU");
  int device = 0;
  std::array<char, 256> name = {};
  int major = 0;
  int minor = 0;
  Uuid uuid = {};
  for (const int result :
       {driver.device_at(&device, 0), driver.device_name(name.data(), name.size() - 1, device),
        driver.device_attribute(&major, kComputeCapabilityMajor, device),
        driver.device_attribute(&minor, kComputeCapabilityMinor, device), driver.device_uuid(&uuid, device)}) {
    if (result != kSuccess)
      return unusable("the NVIDIA driver does not tell what its GPU is: CUDA error " + std::to_string(result));
  }
  return {std::nullopt, Gpu{name.data(), 10 * major + minor, text_of(uuid)}};
}

}  // namespace

const Machine& machine() {
  static const auto* const found = [] {
    // A driver that hangs keeps its thread, and with it the promise, until the process ends.
    const auto promise = std::make_shared<std::promise<Machine>>();
    auto answer = promise->get_future();
    std::thread([promise] { promise->set_value(look()); }).detach();
    const bool answered = answer.wait_for(kPatience) == std::future_status::ready;
    return new Machine(answered ? answer.get() : unusable("the NVIDIA driver does not answer"));
  }();
  return *found;
}

}  // namespace foveate::cuda
