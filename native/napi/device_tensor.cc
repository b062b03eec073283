#include "napi/device_tensor.h"

#include <memory>
#include <utility>

#include "napi/environment.h"
#include "napi/lease.h"
#include "runtime/cuda/read_back.h"

namespace foveate {
namespace {

void let_go(Napi::BasicEnv env, DeviceTensor& tensor) {
  if (!tensor.block) return;
  tensor.block.reset();
  Napi::MemoryManagement::AdjustExternalMemory(env, -static_cast<std::int64_t>(tensor.bytes));
}

class DeviceTensorRead final : public Operation {
 public:
  explicit DeviceTensorRead(HeldBytes source) : source_(std::move(source)) {}

  Status execute(std::size_t) override {
    auto copy = cuda::read_back(*source_.block, source_.offset, source_.bytes);
    source_.block.reset();
    if (!copy.ok()) return copy.take_status();
    copy_ = std::move(copy).value();
    return {};
  }

  Napi::Value result(Napi::Env env) override { return make_lease(env, std::move(copy_), 0, source_.bytes); }

 private:
  HeldBytes source_;
  BlockPtr copy_;
};

// deviceTensorRead(handle): Promise<lease>. A copy of it in host memory.
Napi::Value device_tensor_read(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  return environment.launch(environment.vision(), std::make_unique<DeviceTensorRead>(device_bytes_of(info[0])));
}

// deviceTensorFree(handle): void. A second time does nothing; runs in flight keep their share.
void device_tensor_free(const Napi::CallbackInfo& info) { let_go(info.Env(), *unwrap_handle<DeviceTensor>(info[0])); }

}  // namespace

Napi::Value wrap_device_tensor(Napi::Env env, OwnedTensor tensor) {
  auto holder = std::make_unique<std::shared_ptr<DeviceTensor>>(
      std::make_shared<DeviceTensor>(DeviceTensor{std::move(tensor.block), tensor.offset, tensor.bytes}));
  auto external = Napi::External<std::shared_ptr<DeviceTensor>>::New(
      env, holder.get(), [](Napi::BasicEnv collecting, std::shared_ptr<DeviceTensor>* data) {
        let_go(collecting, **data);
        delete data;
      });
  holder.release();
  external.TypeTag(&HandleTag<DeviceTensor>::tag);
  Napi::MemoryManagement::AdjustExternalMemory(env, static_cast<std::int64_t>(tensor.bytes));
  return external;
}

HeldBytes device_bytes_of(const Napi::Value& handle) {
  const auto tensor = unwrap_handle<DeviceTensor>(handle);
  if (!tensor->block) {
    throw_status(handle.Env(), Status(error_code::kDisposed, "The device tensor was disposed before the call",
                                      "Dispose of a tensor only after the last call that uses it was made."));
  }
  return {tensor->block, tensor->offset, tensor->bytes};
}

void register_device_tensor(Napi::Env env, Napi::Object exports) {
  exports.Set("deviceTensorRead", Napi::Function::New(env, device_tensor_read));
  exports.Set("deviceTensorFree", Napi::Function::New(env, device_tensor_free));
}

}  // namespace foveate
