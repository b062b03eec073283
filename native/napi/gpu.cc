#include "napi/gpu.h"

#include <memory>
#include <optional>
#include <vector>

#include "napi/environment.h"
#include "runtime/cuda/device.h"
#include "runtime/cuda/driver.h"

namespace foveate {
namespace {

class GpuObstacle final : public Operation {
 public:
  Status execute(std::size_t) override {
    cuda::machine();
    return {};
  }
  Napi::Value result(Napi::Env env) override {
    const auto& obstacle = cuda::machine().obstacle;
    return obstacle ? Napi::String::New(env, *obstacle).As<Napi::Value>() : env.Undefined();
  }
};

// gpuObstacle(): Promise<string | undefined>
Napi::Value gpu_obstacle(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  return environment.launch(environment.loader(), std::make_unique<GpuObstacle>());
}

Napi::Object memory_value(Napi::Env env, const MemoryStatistics& memory) {
  auto value = Napi::Object::New(env);
  value.Set("liveBytes", static_cast<double>(memory.live_bytes));
  value.Set("pooledBytes", static_cast<double>(memory.pooled_bytes));
  value.Set("allocations", static_cast<double>(memory.allocations));
  value.Set("reuses", static_cast<double>(memory.reuses));
  return value;
}

Napi::Object copies_value(Napi::Env env, const cuda::CopyCount& count) {
  auto value = Napi::Object::New(env);
  value.Set("count", static_cast<double>(count.copies));
  value.Set("bytes", static_cast<double>(count.bytes));
  return value;
}

class GpuStatistics final : public Operation {
 public:
  Status execute(std::size_t) override {
    for (const auto& device : cuda::Device::opened()) {
      auto memory = device->memory_info();
      gpus_.push_back({device, memory.ok() ? std::optional(memory.value()) : std::nullopt});
    }
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    auto array = Napi::Array::New(env, gpus_.size());
    for (std::uint32_t i = 0; i < gpus_.size(); ++i) {
      const auto& [device, memory] = gpus_[i];
      const cuda::DeviceStatistics statistics = device->statistics();
      auto value = Napi::Object::New(env);
      value.Set("gpu", device->ordinal());
      value.Set("name", device->gpu().name);
      if (const Status usable = device->usable(); !usable.ok()) value.Set("lost", usable.error().message);
      if (memory) {
        value.Set("freeBytes", static_cast<double>(memory->free_bytes));
        value.Set("totalBytes", static_cast<double>(memory->total_bytes));
      }
      value.Set("device", memory_value(env, statistics.device));
      value.Set("pinned", memory_value(env, statistics.pinned));
      const auto copies = [&](cuda::CopyKind kind) {
        return copies_value(env, statistics.copies[static_cast<std::size_t>(kind)]);
      };
      value.Set("toDevice", copies(cuda::CopyKind::kToDevice));
      value.Set("toHost", copies(cuda::CopyKind::kToHost));
      value.Set("onDevice", copies(cuda::CopyKind::kOnDevice));
      array.Set(i, value);
    }
    return array;
  }

 private:
  struct Asked {
    std::shared_ptr<cuda::Device> device;
    std::optional<cuda::MemoryInfo> memory;  // a lost one does not tell
  };
  std::vector<Asked> gpus_;
};

// gpuStatistics(): Promise<{ gpu, name, lost?, freeBytes?, totalBytes?, device, pinned, toDevice, toHost, onDevice }[]>
Napi::Value gpu_statistics(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  return environment.launch(environment.loader(), std::make_unique<GpuStatistics>());
}

}  // namespace

void register_gpu(Napi::Env env, Napi::Object exports) {
  exports.Set("gpuObstacle", Napi::Function::New(env, gpu_obstacle));
  exports.Set("gpuStatistics", Napi::Function::New(env, gpu_statistics));
}

}  // namespace foveate
