#include "runtime/tensorrt/engine.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "runtime/tensorrt/dims.h"
#include "runtime/tensorrt/profile_choice.h"
#include "runtime/tensorrt/slots.generated.h"

namespace foveate::tensorrt {
namespace {

bool mentions(const std::string& text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

// What to do about an engine that is refused, by the words of releases 8.5 to 11.
std::string refusal_hint(const std::string& reason) {
  if (mentions(reason, {"ersion tag", "incompatible version", "serialization version", "older plan", "lean runtime"}))
    return "It was built by another release of TensorRT: build it again, or open it with that release.";
  if (mentions(reason, {"incompatible device", "compute capability", "expecting compute", "different GPU"}))
    return "It was built for another GPU: build it again on this machine.";
  return "Give a complete engine of this library; if it was copied or downloaded, get it again.";
}

std::string quoted(const char* name) { return "\"" + std::string(name) + "\""; }

Status said(std::string_view code, const std::string& what, const std::string& reason, std::string hint = {}) {
  return Status(code, what + (reason.empty() ? "." : ": " + reason), std::move(hint));
}

bool is_fixed(const OptimizationProfile& profile) { return profile.min == profile.max; }

}  // namespace

bool lacks_memory(const Status& status) {
  return !status.ok() &&
         (status.error().code == error_code::kCudaOutOfMemory || status.error().code == error_code::kOutOfMemory);
}

Status Engine::failure(LogScope& log, const std::string& what) const {
  FOVEATE_RETURN_IF_ERROR(device_->examine());
  const std::string reason = log.take_error();
  const bool no_memory = mentions(reason, {"ut of memory", "OutOfMemory", "OUT_OF_MEMORY", "emory allocation"});
  return said(no_memory ? error_code::kCudaOutOfMemory : error_code::kEngineFailed, what, reason);
}

Result<std::shared_ptr<Engine>> Engine::load(std::shared_ptr<const Library> library,
                                             std::shared_ptr<cuda::Device> device, std::span<const std::byte> bytes,
                                             const std::string& name) {
  auto loaded = try_to_load(library, device, bytes, name);
  if (loaded.ok() || !lacks_memory(loaded.status())) return loaded;
  device->trim();  // the library allocates by itself, and the pools may keep what it needs
  return try_to_load(std::move(library), std::move(device), bytes, name);
}

Result<std::shared_ptr<Engine>> Engine::try_to_load(std::shared_ptr<const Library> library,
                                                    std::shared_ptr<cuda::Device> device,
                                                    std::span<const std::byte> bytes, const std::string& name) {
  auto use = cuda::DeviceUse::begin(std::move(device));
  if (!use.ok()) return use.take_status();
  std::shared_ptr<Engine> made(new Engine(std::move(library), std::move(use).value()));
  const abi::Version& version = made->version();
  LogScope log;
  made->runtime_.reset(
      static_cast<abi::Runtime*>(made->library_->create_runtime(logger_for(version.releases), version.number)));
  if (!made->runtime_) {
    FOVEATE_RETURN_IF_ERROR(made->device_->examine());
    return said(error_code::kBackendUnavailable, "TensorRT cannot run engines on this machine", log.take_error());
  }
  if (auto load = abi::kRuntimeDeserializeCudaEngine.in(version); load.ok()) {
    made->engine_.reset(load.value()(made->runtime_.get(), bytes.data(), bytes.size()));
  } else {  // TensorRT 8
    made->engine_.reset(abi::kRuntimeDeserializeCudaEngineWithPlugins.in(version).value()(
        made->runtime_.get(), bytes.data(), bytes.size(), nullptr));
  }
  if (!made->engine_) {
    Status failed = made->failure(log, "TensorRT refuses the engine " + name);
    if (failed.error().code != error_code::kEngineFailed) return failed;
    return Status(error_code::kEngineInvalid, failed.error().message, refusal_hint(failed.error().message));
  }
  FOVEATE_RETURN_IF_ERROR(made->describe());
  return made;
}

Engine::~Engine() {
  if (!runtime_) return;
  // Also on a lost device: what the library keeps on the host is freed, and what it says of the rest is known.
  const cuda::ContextScope scope(*device_.device());
  LogScope log;
  engine_.reset();
  runtime_.reset();
}

Status Engine::describe() {
  const std::int32_t count = abi::kCudaEngineGetNbIOTensors.in(version())(native());
  for (std::int32_t i = 0; i < count; ++i) {
    const char* const name = abi::kCudaEngineGetIOTensorName.in(version())(native(), i);
    if (name != nullptr) FOVEATE_RETURN_IF_ERROR(describe_tensor(name));
  }
  info_.providers = {family_name(library_->family)};
  return describe_profiles();
}

std::int32_t Engine::profiles() const { return abi::kCudaEngineGetNbOptimizationProfiles.in(version())(engine_.get()); }

Status Engine::describe_tensor(const char* name) {
  const bool is_input = abi::kCudaEngineGetTensorIOMode.in(version())(native(), name) == abi::IoMode::kInput;
  const std::string subject = std::string("The ") + (is_input ? "input " : "output ") + quoted(name) + " of the engine";
  const abi::ElementType element = abi::kCudaEngineGetTensorDataType.in(version())(native(), name);
  const auto dtype = dtype_of(element);
  if (!dtype) {
    return Status(error_code::kModelUnsupported,
                  subject + " is a tensor of " + element_name(element) + ", which no tensor of ours can hold.",
                  "Build the engine with inputs and outputs of 8 to 64 bits.");
  }
  FOVEATE_RETURN_IF_ERROR(check_format(name, subject));
  auto dims = dims_of(abi::kCudaEngineGetTensorShape.in(version())(native(), name), version().releases);
  if (!dims) {
    return Status(error_code::kModelUnsupported, subject + " has no known number of dimensions.",
                  "Export the model with inputs and outputs of known rank, and build the engine again.");
  }
  TensorInfo tensor{name, *dtype, std::move(*dims), {}};
  tensor.symbols.resize(tensor.dims.size());
  const bool on_host = abi::kCudaEngineGetTensorLocation.in(version())(native(), name) == abi::Location::kHost;
  (is_input ? info_.inputs : info_.outputs).push_back(std::move(tensor));
  (is_input ? inputs_ : outputs_).push_back({on_host});
  return {};
}

// Profiles may differ in the layout that they were built for. TensorRT 8.5 tells that of the first alone.
Status Engine::check_format(const char* name, const std::string& subject) const {
  auto format_of = abi::kCudaEngineGetTensorFormatV2.in(version());
  auto text_of = abi::kCudaEngineGetTensorFormatDescV2.in(version());
  const bool each = format_of.ok() && text_of.ok();
  for (std::int32_t i = 0; i < (each ? profiles() : 1); ++i) {
    const std::int32_t format = each ? format_of.value()(engine_.get(), name, i)
                                     : abi::kCudaEngineGetTensorFormat.in(version())(engine_.get(), name);
    if (format == abi::kLinearFormat) continue;
    const char* const text = each ? text_of.value()(engine_.get(), name, i)
                                  : abi::kCudaEngineGetTensorFormatDesc.in(version())(engine_.get(), name);
    return Status(error_code::kModelUnsupported,
                  subject + " has a vectorised or padded layout in optimization profile " + std::to_string(i) + ": " +
                      (text == nullptr ? "" : text) + ".",
                  "Build the engine with linear inputs and outputs, which is the default.");
  }
  return {};
}

Status Engine::describe_profiles() {
  using Which = abi::ProfileSelector;
  for (std::int32_t i = 0; i < profiles(); ++i) {
    OptimizationProfile profile;
    for (std::size_t at = 0; at < info_.inputs.size(); ++at) {
      for (const auto& [which, shapes] :
           {std::pair(Which::kMin, &profile.min), {Which::kOpt, &profile.opt}, {Which::kMax, &profile.max}}) {
        auto shape = profile_shape(info_.inputs[at], i, which);
        if (!shape.ok()) return shape.take_status();
        shapes->push_back(std::move(shape).value());
      }
      const bool has_values = inputs_[at].on_host && profile.min[at] == profile.max[at];
      const std::size_t count = has_values ? element_count(profile.min[at]).value_or(0) : 0;
      for (const auto& [which, values] : {std::pair(Which::kMin, &profile.min_values),
                                          {Which::kOpt, &profile.opt_values},
                                          {Which::kMax, &profile.max_values}})
        values->push_back(count > 0 ? profile_values(info_.inputs[at], count, i, which) : std::vector<std::int64_t>());
    }
    info_.profiles.push_back(std::move(profile));
  }
  claims_.resize(info_.profiles.size());
  return {};
}

Result<Dims> Engine::profile_shape(const TensorInfo& input, std::int32_t profile, abi::ProfileSelector which) const {
  auto dims = dims_of(abi::kCudaEngineGetProfileShape.in(version())(engine_.get(), input.name.c_str(), profile, which),
                      version().releases);
  if (dims) return std::move(*dims);
  // Of an input that leaves nothing free, a profile need not say anything.
  if (std::ranges::find(input.dims, kDynamic) == input.dims.end()) return input.dims;
  return Status(error_code::kEngineFailed, "Input " + quoted(input.name.c_str()) +
                                               ": TensorRT tells no shape in optimization profile " +
                                               std::to_string(profile) + ".");
}

// TensorRT 8 tells them by a number that it has for each input and profile, which nothing here knows.
std::vector<std::int64_t> Engine::profile_values(const TensorInfo& tensor, std::size_t count, std::int32_t profile,
                                                 abi::ProfileSelector which) const {
  const auto copied = [count](const auto* values) {
    return values == nullptr ? std::vector<std::int64_t>() : std::vector<std::int64_t>(values, values + count);
  };
  if (auto wide = abi::kCudaEngineGetProfileTensorValuesV2.in(version()); wide.ok())
    return copied(wide.value()(engine_.get(), tensor.name.c_str(), profile, which));
  auto narrow = abi::kCudaEngineGetProfileTensorValues.in(version());
  if (!narrow.ok() || tensor.dtype != DType::kInt32) return {};
  return copied(narrow.value()(engine_.get(), tensor.name.c_str(), profile, which));
}

Result<std::size_t> Engine::claim_profile(const void* lane, const RunRequest& request) {
  std::lock_guard lock(claiming_);
  const auto taken = [&](std::size_t profile) { return claims_[profile] != nullptr && claims_[profile] != lane; };
  auto chosen = choose_profile(info_, request.inputs, request.profile, taken);
  const bool exclusive = version().releases == abi::Releases::kTrt8;
  if (chosen.ok() && exclusive && !is_fixed(info_.profiles[chosen.value()]) && !taken(chosen.value()))
    claims_[chosen.value()] = lane;
  return chosen;
}

void Engine::release_profiles(const void* lane) {
  std::lock_guard lock(claiming_);
  std::ranges::replace(claims_, lane, static_cast<const void*>(nullptr));
}

Result<Owned<abi::Execution>> Engine::create_execution(std::size_t profile, void* stream) {
  auto made = try_to_create_execution(profile, stream);
  if (made.ok() || !lacks_memory(made.status())) return made;
  device_->trim();
  return try_to_create_execution(profile, stream);
}

Result<Owned<abi::Execution>> Engine::try_to_create_execution(std::size_t profile, void* stream) {
  FOVEATE_RETURN_IF_ERROR(device_->make_current());
  std::lock_guard lock(creating_);
  LogScope log;
  Owned<abi::Execution> made;
  if (auto create = abi::kCudaEngineCreateExecutionContext.in(version()); create.ok()) {
    made.reset(create.value()(native(), abi::AllocationStrategy::kOnProfileChange));
  } else {  // TensorRT 8
    made.reset(abi::kCudaEngineCreateExecutionContextPlain.in(version()).value()(native()));
  }
  if (!made) return failure(log, "TensorRT gives no execution context");
  const auto select = abi::kExecutionContextSetOptimizationProfileAsync.in(version());
  if (select(made.get(), static_cast<std::int32_t>(profile), stream)) return made;
  Status failed = failure(log, "TensorRT does not take the optimization profile " + std::to_string(profile));
  if (version().releases == abi::Releases::kTrt8) {
    failed.error().hint =
        "TensorRT 8 lets one lane at a time use a profile: build the engine with as many equal profiles as there are "
        "lanes, or use one lane.";
  }
  return failed;
}

Result<std::string> Engine::layers() const {
  FOVEATE_RETURN_IF_ERROR(device_->make_current());
  LogScope log;
  Owned<abi::Inspector> inspector(abi::kCudaEngineCreateEngineInspector.in(version())(native()));
  const char* const text =
      inspector ? abi::kEngineInspectorGetEngineInformation.in(version())(inspector.get(), abi::LayerFormat::kJson)
                : nullptr;
  if (text == nullptr) return failure(log, "TensorRT does not tell the layers of the engine");
  return std::string(text);
}

Status Engine::refit(std::span<const NamedWeights> weights) {
  FOVEATE_RETURN_IF_ERROR(device_->make_current());
  if (library_->create_refitter == nullptr || !abi::kCudaEngineIsRefittable.in(version())(native())) {
    return {error_code::kInvalidArgument, "The weights of this engine cannot be changed.",
            "Build it with the flag REFIT."};
  }
  LogScope log;
  Owned<abi::Refitter> refitter(static_cast<abi::Refitter*>(
      library_->create_refitter(native(), logger_for(version().releases), version().number)));
  if (!refitter) return failure(log, "TensorRT does not change the weights of the engine");
  for (const NamedWeights& each : weights) {
    const auto type = element_type(each.dtype);
    if (!type) {
      return {error_code::kTensorDtype, "The weights \"" + each.name + "\" are " + std::string(dtype_name(each.dtype)) +
                                            ", which TensorRT does not have."};
    }
    const auto count = static_cast<std::int64_t>(each.data.size() / dtype_bytes(each.dtype));
    if (!abi::kRefitterSetNamedWeights.in(version())(refitter.get(), each.name.c_str(),
                                                     {*type, each.data.data(), count})) {
      Status failed = failure(log, "The engine does not take the weights \"" + each.name + "\"");
      if (failed.error().code != error_code::kEngineFailed) return failed;
      return {error_code::kInvalidArgument, failed.error().message,
              "Names and sizes of weights are those of the ONNX model's initializers."};
    }
  }
  const std::int32_t missing = abi::kRefitterGetMissingWeights.in(version())(refitter.get(), 0, nullptr);
  if (missing > 0) {
    std::vector<const char*> names(static_cast<std::size_t>(missing));
    abi::kRefitterGetMissingWeights.in(version())(refitter.get(), missing, names.data());
    std::string text;
    for (const char* name : names) text += (text.empty() ? "" : ", ") + (name == nullptr ? "" : quoted(name));
    return {error_code::kInvalidArgument, "The engine needs further weights at the same time: " + text + "."};
  }
  if (abi::kRefitterRefitCudaEngine.in(version())(refitter.get())) return {};
  return failure(log, "TensorRT failed to change the weights of the engine");
}

}  // namespace foveate::tensorrt
