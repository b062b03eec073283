#include "runtime/cuda/driver.h"

#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "runtime/cuda/functions.h"

namespace foveate::cuda {
namespace {

constexpr std::chrono::seconds kPatience{10};

Machine unusable(std::string why) { return {std::move(why), {}}; }

std::string text_of(const CUuuid& uuid) {
  std::string text;
  for (const unsigned char byte : uuid) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

// What kept the driver from telling what a GPU is; kSuccess where nothing did.
CUresult describe(const Functions& driver, Gpu& gpu) {
  CUdevice device = 0;
  std::array<char, 256> name = {};
  int major = 0;
  int minor = 0;
  CUuuid uuid = {};
  for (const CUresult answer :
       {driver.cuDeviceGet(&device, gpu.ordinal), driver.cuDeviceGetName(name.data(), name.size() - 1, device),
        driver.cuDeviceGetAttribute(&major, attribute::kComputeCapabilityMajor, device),
        driver.cuDeviceGetAttribute(&minor, attribute::kComputeCapabilityMinor, device),
        driver.cuDeviceGetUuid_v2(&uuid, device), driver.cuDeviceTotalMem_v2(&gpu.memory_bytes, device)}) {
    if (answer != result::kSuccess) return answer;
  }
  gpu.name = name.data();
  gpu.compute_capability = 10 * major + minor;
  gpu.uuid = text_of(uuid);
  return result::kSuccess;
}

Machine look() {
  auto opened = functions();
  if (!opened.ok()) return unusable(opened.status().error().message);
  const Functions& driver = *opened.value();
  const CUresult started = driver.cuInit(0);
  if (started != result::kSuccess && started != result::kNoDevice)
    return unusable("the NVIDIA driver does not start: CUDA error " + std::to_string(started));
  int count = 0;
  if (started == result::kNoDevice || driver.cuDeviceGetCount(&count) != result::kSuccess || count == 0)
    return unusable("there is no NVIDIA GPU");
  Machine machine;
  CUresult refused = result::kSuccess;
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    Gpu gpu{ordinal, "", 0, "", 0};
    const CUresult answer = describe(driver, gpu);
    if (answer == result::kSuccess) {
      machine.gpus.push_back(std::move(gpu));
    } else if (refused == result::kSuccess) {
      refused = answer;
    }
  }
  if (machine.gpus.empty())
    return unusable("the NVIDIA driver does not tell what its GPU is: CUDA error " + std::to_string(refused));
  return machine;
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
