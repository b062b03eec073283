#include "napi/arguments.h"
#include "napi/environment.h"
#include "napi/session.h"
#include "runtime/onnxruntime/library.h"

namespace foveate {
namespace {

class RuntimeOpen final : public Operation {
 public:
  explicit RuntimeOpen(std::string path) : path_(std::move(path)) {}

  Status execute(std::size_t) override {
    auto opened = onnxruntime::open_library(path_);
    if (!opened.ok()) return opened.take_status();
    runtime_ = std::move(opened).value();
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    const RuntimeInfo& info = runtime_->info();
    auto providers = Napi::Array::New(env, info.providers.size());
    for (std::uint32_t i = 0; i < info.providers.size(); ++i) providers.Set(i, info.providers[i]);
    auto value = Napi::Object::New(env);
    value.Set("name", info.name);
    value.Set("version", info.version);
    value.Set("path", info.path.string());
    value.Set("providers", providers);
    value.Set("handle", wrap_handle(env, runtime_));
    return value;
  }

 private:
  std::string path_;
  std::shared_ptr<Runtime> runtime_;
};

// runtimeOpen(path: string): Promise<{ handle, name, version, path, providers }>
Napi::Value runtime_open(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  return environment.launch(environment.loader(), std::make_unique<RuntimeOpen>(string_of(info[0])));
}

}  // namespace

void register_runtime(Napi::Env env, Napi::Object exports) {
  onnxruntime::decline_telemetry();  // while the addon loads, before it has threads
  exports.Set("runtimeOpen", Napi::Function::New(env, runtime_open));
}

}  // namespace foveate
