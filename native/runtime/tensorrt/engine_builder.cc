#include "runtime/tensorrt/engine_builder.h"

#include <algorithm>
#include <utility>

#include "runtime/tensorrt/builder.h"
#include "runtime/tensorrt/callbacks.h"
#include "runtime/tensorrt/dims.h"
#include "runtime/tensorrt/objects.h"
#include "runtime/tensorrt/parser.h"
#include "runtime/tensorrt/profiles.h"

namespace foveate::tensorrt {
namespace {

// How the one message begins in which a builder tells the layers of an engine.
constexpr std::string_view kLayersMessage = "Layers:";

// Tells JavaScript how far it is, and the library whether to go on.
class Monitor final : public abi::ProgressMonitor {
 public:
  Monitor(const BuildListener& listener, CancelToken* cancel) : listener_(listener), cancel_(cancel) {}

  void phaseStart(const char* phase, const char* parent, std::int32_t steps) noexcept override {
    tell([&] {
      if (listener_.phase_start) listener_.phase_start(text(phase), text(parent), steps);
    });
  }
  bool stepComplete(const char* phase, std::int32_t step) noexcept override {
    tell([&] {
      if (listener_.step) listener_.step(text(phase), step);
    });
    return cancel_ == nullptr || !cancel_->cancelled();
  }
  void phaseFinish(const char* phase) noexcept override {
    tell([&] {
      if (listener_.phase_end) listener_.phase_end(text(phase));
    });
  }

 private:
  static std::string_view text(const char* phase) { return phase == nullptr ? "" : phase; }

  // An exception would cross the library's frames.
  template <typename Call>
  static void tell(Call call) noexcept {
    try {
      call();
    } catch (const std::exception&) {  // no memory for an event: it is dropped
    }
  }

  const BuildListener& listener_;
  CancelToken* cancel_;
};

// One build: its objects, in the order in which they are made.
class Build {
 public:
  Build(const Library& library, const EngineSpec& spec, const BuildListener& listener, CancelToken* cancel)
      : library_(library),
        version_(library.version),
        spec_(spec),
        cancel_(cancel),
        monitor_(listener, cancel),
        log_([this, &listener](abi::Severity severity, std::string_view message) {
          if (message.starts_with(kLayersMessage)) result_.layers = message.substr(kLayersMessage.size());
          if (listener.log) listener.log(severity, message);
        }) {}

  Result<BuiltEngine> run() {
    FOVEATE_RETURN_IF_ERROR(create());
    FOVEATE_RETURN_IF_ERROR(configure());
    FOVEATE_RETURN_IF_ERROR(choose_device());
    auto parser = OnnxParser::create(library_, network_.get());
    if (!parser.ok()) return parser.take_status();
    FOVEATE_RETURN_IF_ERROR(parser.value().parse(spec_.model, spec_.model_path, log_));
    abi::kNetworkDefinitionSetName.in(version_)(network_.get(), spec_.network_name.c_str());
    FOVEATE_RETURN_IF_ERROR(describe());
    if (result_.outputs.empty()) return no_model("it has no outputs");
    FOVEATE_RETURN_IF_ERROR(check_profiles(result_.inputs, spec_.profiles));
    FOVEATE_RETURN_IF_ERROR(add_profiles());
    if (cancel_ != nullptr && cancel_->cancelled()) return aborted();
    return build();
  }

 private:
  // The first error that the library logged, as ours.
  Status failure(std::string_view code, std::string what, std::string hint = {}) {
    const std::string reason = log_.take_error();
    return Status(code, what + (reason.empty() ? "" : ": " + reason), std::move(hint));
  }

  Status create() {
    auto builder = create_builder(library_, log_);
    if (!builder.ok()) return builder.take_status();
    device_ = std::move(builder.value().device);
    builder_ = std::move(builder.value().builder);
    if (!spec_.plugin_libraries.empty()) FOVEATE_RETURN_IF_ERROR(load_plugins());
    network_.reset(abi::kBuilderCreateNetworkV2.in(version_)(builder_.get(), abi::network_flags(version_.releases)));
    config_.reset(abi::kBuilderCreateBuilderConfig.in(version_)(builder_.get()));
    if (!network_ || !config_) return failure(error_code::kEngineFailed, "The builder gives no network");
    return {};
  }

  Status load_plugins() {
    auto registry = abi::kBuilderGetPluginRegistry.in(version_);
    if (!registry.ok()) return registry.take_status();
    auto load = abi::kPluginRegistryLoadLibrary.in(version_);
    if (!load.ok()) return load.take_status();
    for (const auto& path : spec_.plugin_libraries) {
      if (load.value()(registry.value()(builder_.get()), path.c_str()) == nullptr)
        return failure(error_code::kBackendInvalid, "The plugin library \"" + path + "\" cannot be loaded",
                       "Give a shared library with TensorRT plugins, built for this processor and this release.");
    }
    return {};
  }

  // Options that were not given are left as the library has them.
  Status configure() {
    abi::BuilderConfig* const config = config_.get();
    log_.take_error();
    auto flags = spec_.flags;
    std::ranges::sort(flags);  // some are taken only after another, which has a smaller number
    for (const abi::BuilderFlag flag : flags) FOVEATE_RETURN_IF_ERROR(change_flag(abi::kBuilderConfigSetFlag, flag));
    for (const abi::BuilderFlag flag : spec_.cleared_flags)
      FOVEATE_RETURN_IF_ERROR(change_flag(abi::kBuilderConfigClearFlag, flag));
    if (spec_.workspace_bytes) {
      abi::kBuilderConfigSetMemoryPoolLimit.in(version_)(config, abi::MemoryPool::kWorkspace, *spec_.workspace_bytes);
      FOVEATE_RETURN_IF_ERROR(taken("The size of the workspace"));
    }
    FOVEATE_RETURN_IF_ERROR(
        set("The optimization level", abi::kBuilderConfigSetBuilderOptimizationLevel, spec_.optimization_level));
    FOVEATE_RETURN_IF_ERROR(
        set("The number of auxiliary streams", abi::kBuilderConfigSetMaxAuxStreams, spec_.max_aux_streams));
    if (spec_.hardware_compatibility != abi::HardwareCompatibility::kNone) {
      if (library_.family == Family::kTensorRtRtx) {  // which would only log that it has no effect
        return {error_code::kInvalidArgument, "Hardware compatibility can be asked for with tensorrt only",
                "For tensorrt-rtx, name the compute capabilities to build for."};
      }
      FOVEATE_RETURN_IF_ERROR(set("The hardware compatibility", abi::kBuilderConfigSetHardwareCompatibilityLevel,
                                  std::optional(spec_.hardware_compatibility)));
    }
    if (spec_.tactic_sources && !abi::kBuilderConfigSetTacticSources.in(version_)(config, *spec_.tactic_sources))
      return failure(error_code::kInvalidArgument, "The tactic sources are refused");
    if (spec_.layers) abi::kBuilderConfigSetProfilingVerbosity.in(version_)(config, abi::ProfilingVerbosity::kDetailed);
    if (abi::kBuilderConfigSetProgressMonitor.exists(version_))
      abi::kBuilderConfigSetProgressMonitor.in(version_).value()(config, &monitor_);
    return use_timing_cache();
  }

  Status change_flag(const abi::Method<void(std::int32_t)>& change, abi::BuilderFlag flag) {
    const abi::FlagNumbers& entry = abi::kBuilderFlags[static_cast<std::size_t>(flag)];
    const abi::Slot& number = entry.of(version_);
    if (!number.in(version_)) {
      return {error_code::kBackendTooOld, std::string("This release of the library has no builder flag ") + entry.name,
              "Leave the option out that needs it, or use another release."};
    }
    change.in(version_)(config_.get(), number.index);
    return taken(std::string("The builder flag ") + entry.name);
  }

  // After a call that gives no result: what it refuses is only logged.
  Status taken(const std::string& what) {
    const std::string reason = log_.take_error();
    return reason.empty() ? Status() : Status(error_code::kInvalidArgument, what + " is refused: " + reason);
  }

  template <typename T>
  Status set(const char* what, const abi::NewerMethod<void(T)>& method, const std::optional<T>& value) {
    if (!value) return {};
    auto setter = method.in(version_);
    if (!setter.ok()) return setter.take_status();
    setter.value()(config_.get(), *value);
    return taken(what);
  }

  // One of another release or GPU is refused, and then the build starts without; that it was is no error of the build.
  Status use_timing_cache() {
    if (!take_timing_cache(spec_.timing_cache) && !spec_.timing_cache.empty()) take_timing_cache({});
    log_.take_error();
    return {};
  }

  bool take_timing_cache(std::span<const std::byte> bytes) {
    timing_cache_.reset(abi::kBuilderConfigCreateTimingCache.in(version_)(config_.get(), bytes.data(), bytes.size()));
    return timing_cache_ && abi::kBuilderConfigSetTimingCache.in(version_)(config_.get(), timing_cache_.get(),
                                                                           /*ignore_mismatch=*/false);
  }

  Status choose_device() {
    if (spec_.dla_core) {
      abi::kBuilderConfigSetDefaultDeviceType.in(version_)(config_.get(), abi::DeviceType::kDla);
      abi::kBuilderConfigSetDLACore.in(version_)(config_.get(), *spec_.dla_core);
      FOVEATE_RETURN_IF_ERROR(taken("The DLA core " + std::to_string(*spec_.dla_core)));
    }
    if (spec_.compute_capabilities.empty()) return {};
    auto set_count = abi::kBuilderConfigSetNbComputeCapabilities.in(version_);
    auto set_one = abi::kBuilderConfigSetComputeCapability.in(version_);
    if (!set_count.ok() || !set_one.ok()) {
      return {error_code::kInvalidArgument,
              "Compute capabilities can be named for tensorrt-rtx only: tensorrt builds for the GPU of the machine",
              "Leave computeCapabilities out, or build for tensorrt-rtx."};
    }
    const auto count = static_cast<std::int32_t>(spec_.compute_capabilities.size());
    if (!set_count.value()(config_.get(), count))
      return failure(error_code::kInvalidArgument, "The number of compute capabilities is refused");
    for (std::int32_t i = 0; i < count; ++i) {
      const std::int32_t capability = spec_.compute_capabilities[static_cast<std::size_t>(i)];
      if (!set_one.value()(config_.get(), capability, i)) {
        return failure(error_code::kInvalidArgument,
                       "The compute capability " + std::to_string(capability) + " is refused by this release",
                       "TensorRT-RTX builds for 75, 80, 86, 89, 120 and 121.");
      }
    }
    return {};
  }

  Status describe(abi::Tensor* tensor, std::vector<NetworkTensor>& tensors) {
    const char* const given = abi::kTensorGetName.in(version_)(tensor);
    const std::string name = given == nullptr ? "" : given;
    auto dims = dims_of(abi::kTensorGetDimensions.in(version_)(tensor), version_.releases);
    if (!dims) {
      return failure(error_code::kModelUnsupported, "TensorRT cannot tell how many dimensions \"" + name + "\" has",
                     "Export the model with inputs and outputs of known rank.");
    }
    tensors.push_back({name, element_name(abi::kTensorGetType.in(version_)(tensor)), std::move(*dims)});
    return {};
  }

  Status describe() {
    abi::Network* const network = network_.get();
    result_.network_layers = abi::kNetworkDefinitionGetNbLayers.in(version_)(network);
    const std::int32_t inputs = abi::kNetworkDefinitionGetNbInputs.in(version_)(network);
    for (std::int32_t i = 0; i < inputs; ++i)
      FOVEATE_RETURN_IF_ERROR(describe(abi::kNetworkDefinitionGetInput.in(version_)(network, i), result_.inputs));
    const std::int32_t outputs = abi::kNetworkDefinitionGetNbOutputs.in(version_)(network);
    for (std::int32_t i = 0; i < outputs; ++i)
      FOVEATE_RETURN_IF_ERROR(describe(abi::kNetworkDefinitionGetOutput.in(version_)(network, i), result_.outputs));
    return {};
  }

  Status add_profiles() {
    for (std::size_t i = 0; i < spec_.profiles.size(); ++i) {
      const std::string name = "optimization profile " + std::to_string(i);
      abi::Profile* const profile = abi::kBuilderCreateOptimizationProfile.in(version_)(builder_.get());
      if (profile == nullptr) return failure(error_code::kEngineFailed, "The builder gives no " + name);
      for (const InputRange& range : spec_.profiles[i]) {
        const bool fits = set_range(profile, range.input, abi::ProfileSelector::kMin, range.min) &&
                          set_range(profile, range.input, abi::ProfileSelector::kOpt, range.opt) &&
                          set_range(profile, range.input, abi::ProfileSelector::kMax, range.max);
        if (!fits) {
          return failure(error_code::kInvalidArgument, "The shapes of input \"" + range.input + "\" in " + name +
                                                           " are refused: " + dims_text(range.min) + ", " +
                                                           dims_text(range.opt) + ", " + dims_text(range.max));
        }
      }
      if (!abi::kOptimizationProfileIsValid.in(version_)(profile) ||
          abi::kBuilderConfigAddOptimizationProfile.in(version_)(config_.get(), profile) < 0)
        return failure(error_code::kInvalidArgument, "The builder refuses " + name);
    }
    return {};
  }

  bool set_range(abi::Profile* profile, const std::string& input, abi::ProfileSelector which, const Dims& dims) const {
    if (dims.size() > 8) return false;
    const ForeignDims foreign(dims, version_.releases);
    if (version_.releases == abi::Releases::kTrt8) {
      return abi::kOptimizationProfileSetDimensionsByValue.in(version_).value()(profile, input.c_str(), which,
                                                                                foreign.narrow());
    }
    return abi::kOptimizationProfileSetDimensions.in(version_).value()(profile, input.c_str(), which, &foreign.wide());
  }

  Result<BuiltEngine> build() {
    Owned<abi::HostMemory> engine(
        abi::kBuilderBuildSerializedNetwork.in(version_)(builder_.get(), network_.get(), config_.get()));
    if (cancel_ != nullptr && cancel_->cancelled()) return aborted();
    if (!engine) {
      return failure(error_code::kEngineFailed, "The engine could not be built",
                     "The log tells more: pass onLog, or use --verbose.");
    }
    result_.engine = block_of(std::move(engine), version_);
    if (timing_cache_) {
      Owned<abi::HostMemory> cache(abi::kTimingCacheSerialize.in(version_)(timing_cache_.get()));
      if (cache) result_.timing_cache = block_of(std::move(cache), version_);
    }
    return std::move(result_);
  }

  const Library& library_;
  const abi::Version version_;
  const EngineSpec& spec_;
  CancelToken* const cancel_;
  BuiltEngine result_;
  Monitor monitor_;
  LogScope log_;
  std::optional<cuda::DeviceUse> device_;
  // Freed from the last to the first: what a builder made goes before it, but for the timing cache, which has to
  // outlive the builders that use it.
  Owned<abi::TimingCache> timing_cache_;
  Owned<abi::Builder> builder_;
  Owned<abi::Network> network_;
  Owned<abi::BuilderConfig> config_;
};

}  // namespace

Result<BuiltEngine> build_engine(const Library& library, const EngineSpec& spec, const BuildListener& listener,
                                 CancelToken* cancel) {
  return Build(library, spec, listener, cancel).run();
}

Result<SupportReport> check_support(const Library& library, std::span<const std::byte> model,
                                    const std::filesystem::path& model_path) {
  LogScope log;
  const abi::Version& version = library.version;
  auto builder = create_builder(library, log);
  if (!builder.ok()) return builder.take_status();
  Owned<abi::Network> network(
      abi::kBuilderCreateNetworkV2.in(version)(builder.value().builder.get(), abi::network_flags(version.releases)));
  if (!network) return Status(error_code::kEngineFailed, "The builder gives no network: " + log.take_error());
  auto parser = OnnxParser::create(library, network.get());
  if (!parser.ok()) return parser.take_status();
  auto report = parser.value().check(model, model_path);
  if (report.ok() && report.value().supported && abi::kNetworkDefinitionGetNbOutputs.in(version)(network.get()) == 0)
    return no_model("it has no outputs");
  return report;
}

}  // namespace foveate::tensorrt
