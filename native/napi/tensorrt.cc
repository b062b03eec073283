#include "napi/tensorrt.h"

#include "core/mapped_file.h"
#include "napi/arguments.h"
#include "napi/environment.h"
#include "napi/lease.h"
#include "napi/session.h"
#include "runtime/cuda/driver.h"
#include "runtime/tensorrt/engine_builder.h"
#include "runtime/tensorrt/library.h"
#include "runtime/tensorrt/model.h"
#include "runtime/tensorrt/timing_cache.h"

namespace foveate {

using TensorRtLibrary = const tensorrt::Library;
FOVEATE_HANDLE(TensorRtLibrary, "TensorRT", 0x3c1d5f0a9be24c67ULL, 0x91f2c4d8e07ab356ULL);

namespace {

Napi::Value optional_text(Napi::Env env, const std::optional<std::string>& text) {
  return text ? Napi::String::New(env, *text).As<Napi::Value>() : env.Undefined();
}

class TensorRtOpen final : public Operation {
 public:
  TensorRtOpen(std::string path, std::string parser_path)
      : path_(std::move(path)), parser_path_(std::move(parser_path)) {}

  Status execute(std::size_t) override {
    auto opened = tensorrt::open_library(path_, parser_path_);
    if (!opened.ok()) return opened.take_status();
    library_ = std::move(opened).value();
    build_obstacle_ = library_->build_obstacle();
    cuda::machine();  // here, because a driver takes its time to start
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    auto value = Napi::Object::New(env);
    value.Set("family", tensorrt::family_name(library_->family));
    value.Set("profile", tensorrt::releases_name(library_->version.releases));
    value.Set("version", tensorrt::version_text(library_->version));
    value.Set("path", library_->path.string());
    if (!library_->parser_path.empty()) value.Set("parserPath", library_->parser_path.string());
    value.Set("buildObstacle", optional_text(env, build_obstacle_));
    const auto& [run_obstacle, gpus] = cuda::machine();
    value.Set("runObstacle", optional_text(env, run_obstacle));
    auto all = Napi::Array::New(env, gpus.size());
    for (std::uint32_t i = 0; i < gpus.size(); ++i) {
      auto told = Napi::Object::New(env);
      told.Set("ordinal", gpus[i].ordinal);
      told.Set("name", gpus[i].name);
      told.Set("computeCapability", gpus[i].compute_capability);
      told.Set("uuid", gpus[i].uuid);
      all.Set(i, told);
    }
    value.Set("gpus", all);
    if (!gpus.empty()) value.Set("gpu", all.Get(std::uint32_t{0}));
    value.Set("runtime", wrap_handle(env, tensorrt::make_runtime(library_)));
    value.Set("handle", wrap_handle<TensorRtLibrary>(env, std::move(library_)));
    return value;
  }

 private:
  std::string path_;
  std::string parser_path_;
  std::shared_ptr<TensorRtLibrary> library_;
  std::optional<std::string> build_obstacle_;
};

// tensorrtOpen(path: string, parserPath: string | undefined)
//   : Promise<{ handle, runtime, family, profile, version, path, parserPath?, buildObstacle, runObstacle,
//               gpus: { ordinal, name, computeCapability, uuid }[], gpu?: the first of these }>
Napi::Value tensorrt_open(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  return environment.launch(
      environment.loader(),
      std::make_unique<TensorRtOpen>(string_of(info[0]), info[1].IsString() ? string_of(info[1]) : ""));
}

Napi::Value memory_value(Napi::Env env, BlockPtr block) {
  if (!block) return env.Undefined();
  const std::size_t bytes = block->bytes();
  return make_lease(env, std::move(block), 0, bytes);
}

Napi::Array tensors_value(Napi::Env env, const std::vector<tensorrt::NetworkTensor>& tensors) {
  auto array = Napi::Array::New(env, tensors.size());
  for (std::uint32_t i = 0; i < tensors.size(); ++i) {
    auto value = Napi::Object::New(env);
    value.Set("name", tensors[i].name);
    value.Set("dtype", tensors[i].dtype);
    value.Set("dims", dims_value(env, tensors[i].dims));
    array.Set(i, value);
  }
  return array;
}

class EngineBuild final : public Operation {
 public:
  std::shared_ptr<TensorRtLibrary> library;
  std::string model_path;
  HeldBytes timing_cache;
  tensorrt::EngineSpec spec;
  bool log = false;  // whether what the library logs is told

  Status execute(std::size_t) override {
    auto model = map_file(model_path);
    if (!model.ok()) return model.take_status();
    spec.model = {model.value()->data(), model.value()->bytes()};
    spec.model_path = model_path;
    if (timing_cache.block) spec.timing_cache = {timing_cache.data(), timing_cache.bytes};
    auto built = tensorrt::build_engine(*library, spec, listener(), cancel.get());
    if (!built.ok()) return built.take_status();
    built_ = std::move(built).value();
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    auto value = Napi::Object::New(env);
    value.Set("engine", memory_value(env, std::move(built_.engine)));
    value.Set("timingCache", memory_value(env, std::move(built_.timing_cache)));
    value.Set("inputs", tensors_value(env, built_.inputs));
    value.Set("outputs", tensors_value(env, built_.outputs));
    value.Set("networkLayers", built_.network_layers);
    value.Set("layers", built_.layers);
    value.Set("buildMs", elapsed_ms());
    return value;
  }

 private:
  tensorrt::BuildListener listener() {
    if (!notify) return {};
    tensorrt::BuildListener listener;
    if (log) {
      listener.log = [this](tensorrt::abi::Severity severity, std::string_view message) {
        static constexpr const char* kLevels[] = {"error", "error", "warning", "info", "verbose"};
        notify({"log", std::string(message), kLevels[std::min<std::size_t>(static_cast<std::size_t>(severity), 4)]});
      };
    }
    listener.phase_start = [this](std::string_view phase, std::string_view parent, int steps) {
      notify({"phase", std::string(phase), std::string(parent), static_cast<double>(steps)});
    };
    listener.step = [this](std::string_view phase, int step) {
      notify({"step", std::string(phase), "", static_cast<double>(step)});
    };
    listener.phase_end = [this](std::string_view phase) { notify({"end", std::string(phase), ""}); };
    return listener;
  }

  tensorrt::BuiltEngine built_;
};

template <typename T>
std::optional<T> number_of(const Napi::Object& value, const char* name) {
  const auto number = value.Get(name);
  if (number.IsUndefined()) return std::nullopt;
  return static_cast<T>(number.As<Napi::Number>().Int64Value());
}

std::vector<std::vector<tensorrt::InputRange>> profiles_of(const Napi::Array& profiles) {
  std::vector<std::vector<tensorrt::InputRange>> result;
  for (std::uint32_t i = 0; i < profiles.Length(); ++i) {
    auto ranges = profiles.Get(i).As<Napi::Array>();
    auto& profile = result.emplace_back();
    for (std::uint32_t k = 0; k < ranges.Length(); ++k) {
      auto range = ranges.Get(k).As<Napi::Object>();
      profile.push_back({string_of(range.Get("input")), dims_of(range.Get("min")), dims_of(range.Get("opt")),
                         dims_of(range.Get("max"))});
    }
  }
  return result;
}

tensorrt::abi::BuilderFlag flag_of(const Napi::Value& value) {
  const std::string name = string_of(value);
  for (std::size_t i = 0; i < std::size(tensorrt::abi::kBuilderFlags); ++i) {
    if (name == tensorrt::abi::kBuilderFlags[i].name) return static_cast<tensorrt::abi::BuilderFlag>(i);
  }
  throw Napi::TypeError::New(value.Env(), "Unknown builder flag " + name);
}

std::vector<tensorrt::abi::BuilderFlag> flags_of(const Napi::Array& values) {
  std::vector<tensorrt::abi::BuilderFlag> flags;
  for (std::uint32_t i = 0; i < values.Length(); ++i) flags.push_back(flag_of(values.Get(i)));
  return flags;
}

tensorrt::EngineSpec spec_of(const Napi::Object& value) {
  using tensorrt::abi::HardwareCompatibility;
  tensorrt::EngineSpec spec;
  spec.network_name = string_of(value.Get("networkName"));
  spec.profiles = profiles_of(value.Get("profiles").As<Napi::Array>());
  spec.workspace_bytes = number_of<std::size_t>(value, "workspaceBytes");
  spec.optimization_level = number_of<std::int32_t>(value, "optimizationLevel");
  spec.max_aux_streams = number_of<std::int32_t>(value, "maxAuxStreams");
  spec.tactic_sources = number_of<std::uint32_t>(value, "tacticSources");
  spec.dla_core = number_of<std::int32_t>(value, "dlaCore");
  spec.hardware_compatibility = enum_of<HardwareCompatibility>(
      value.Get("hardwareCompatibility"), {{"none", HardwareCompatibility::kNone},
                                           {"ampere-plus", HardwareCompatibility::kAmperePlus},
                                           {"same-compute-capability", HardwareCompatibility::kSameComputeCapability}});
  spec.flags = flags_of(value.Get("flags").As<Napi::Array>());
  spec.cleared_flags = flags_of(value.Get("clearedFlags").As<Napi::Array>());
  for (const std::int64_t capability : dims_of(value.Get("computeCapabilities")))
    spec.compute_capabilities.push_back(static_cast<std::int32_t>(capability));
  auto plugins = value.Get("pluginLibraries").As<Napi::Array>();
  for (std::uint32_t i = 0; i < plugins.Length(); ++i) spec.plugin_libraries.push_back(string_of(plugins.Get(i)));
  spec.layers = true;
  return spec;
}

// engineBuild(library, modelPath: string, spec, timingCache: Uint8Array | undefined, listener, operation?)
//   : Promise<{ engine: lease, timingCache: lease | undefined, inputs, outputs, networkLayers, layers, buildMs }>
// The model is mapped into memory, and external data is looked for beside it: nobody may change either meanwhile.
// The listener hears { kind: 'phase' | 'step' | 'end' | 'log', text, detail, number }.
Napi::Value engine_build(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<EngineBuild>();
  operation->library = unwrap_handle<TensorRtLibrary>(info[0]);
  operation->model_path = string_of(info[1]);
  operation->spec = spec_of(info[2].As<Napi::Object>());
  operation->log = info[2].As<Napi::Object>().Get("log").As<Napi::Boolean>().Value();
  if (!info[3].IsUndefined()) operation->timing_cache = copied_bytes_of(info[3]);
  operation->cancel = cancel_token_of(info[5]);
  return environment.launch(environment.builder(), std::move(operation), info[4]);
}

class EngineSupport final : public Operation {
 public:
  std::shared_ptr<TensorRtLibrary> library;
  HeldBytes model;
  std::string model_path;

  Status execute(std::size_t) override {
    auto report = tensorrt::check_support(*library, model.span(), model_path);
    if (!report.ok()) return report.take_status();
    report_ = std::move(report).value();
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    auto faults = Napi::Array::New(env, report_.faults.size());
    for (std::uint32_t i = 0; i < report_.faults.size(); ++i) {
      const auto& [reason, node, op, index, where] = report_.faults[i];
      auto fault = Napi::Object::New(env);
      fault.Set("reason", reason);
      fault.Set("node", node);
      fault.Set("op", op);
      fault.Set("nodeIndex", index);
      fault.Set("where", where);
      faults.Set(i, fault);
    }
    auto value = Napi::Object::New(env);
    value.Set("supported", report_.supported);
    value.Set("faults", faults);
    return value;
  }

 private:
  tensorrt::SupportReport report_;
};

// engineSupport(library, model: { bytes, path? }, operation?): Promise<{ supported, faults }>
// External data is looked for beside the path.
Napi::Value engine_support(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<EngineSupport>();
  operation->library = unwrap_handle<TensorRtLibrary>(info[0]);
  const auto model = info[1].As<Napi::Object>();
  operation->model = copied_bytes_of(model.Get("bytes"));
  if (const auto path = model.Get("path"); path.IsString()) operation->model_path = string_of(path);
  operation->cancel = cancel_token_of(info[2]);
  return environment.launch(environment.builder(), std::move(operation));
}

class TimingCacheCombine final : public Operation {
 public:
  std::shared_ptr<TensorRtLibrary> library;
  HeldBytes first;
  HeldBytes second;

  Status execute(std::size_t) override {
    auto combined = tensorrt::combine_timing_caches(*library, first.span(), second.span());
    if (!combined.ok()) return combined.take_status();
    combined_ = std::move(combined).value();
    return {};
  }

  Napi::Value result(Napi::Env env) override { return memory_value(env, std::move(combined_)); }

 private:
  BlockPtr combined_;
};

// timingCacheCombine(library, first: Uint8Array, second: Uint8Array): Promise<lease | undefined>
// Not on the builder's lane: it would wait there for a whole build.
Napi::Value timing_cache_combine(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<TimingCacheCombine>();
  operation->library = unwrap_handle<TensorRtLibrary>(info[0]);
  operation->first = copied_bytes_of(info[1]);
  operation->second = copied_bytes_of(info[2]);
  return environment.launch(environment.loader(), std::move(operation));
}

}  // namespace

void register_tensorrt(Napi::Env env, Napi::Object exports) {
  exports.Set("tensorrtOpen", Napi::Function::New(env, tensorrt_open));
  exports.Set("engineBuild", Napi::Function::New(env, engine_build));
  exports.Set("timingCacheCombine", Napi::Function::New(env, timing_cache_combine));
  exports.Set("engineSupport", Napi::Function::New(env, engine_support));
}

}  // namespace foveate
