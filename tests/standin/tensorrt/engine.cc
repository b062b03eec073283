#include "engine.h"

#include <algorithm>
#include <cstring>

#include "runtime/tensorrt/dims.h"

namespace foveate::standin {
namespace {

constexpr std::size_t kScratchBytes = 4096;  // of an execution

std::string plan_text(std::int32_t number) { return std::to_string(number); }

}  // namespace

std::unique_ptr<Engine> Engine::load(std::span<const std::byte> bytes, const Release& release, Log log) {
  auto plan = read_plan(bytes);
  if (!plan) {
    log(Severity::kError,
        "IRuntime::deserializeCudaEngine: Error Code 1: Serialization (Serialization assertion magicTagRead == "
        "kMAGIC_TAG failed.Magic tag does not match)");
    return nullptr;
  }
  const auto version = static_cast<std::int32_t>(Injection::instance().value("version", release.version));
  if (plan->version != version) {
    log(Severity::kError,
        "IRuntime::deserializeCudaEngine: Error Code 1: Serialization (Version tag does not match. Note: Current "
        "Version: " +
            plan_text(version) + ", Serialized Engine Version: " + plan_text(plan->version) + ")");
    return nullptr;
  }
  if (plan->capability != capability()) {
    log(Severity::kError, "The engine plan file is generated on an incompatible device, expecting compute " +
                              plan_text(capability()) + " got compute " + plan_text(plan->capability) +
                              ", please rebuild.");
    return nullptr;
  }
  std::unique_ptr<Engine> made(new Engine(std::move(*plan), release.releases, std::move(log)));
  std::vector<Fault> faults;
  made->model_ = OnnxModel::open(made->plan_.model, made->plan_.path, release.releases, faults);
  if (made->model_ == nullptr) {
    made->log_(Severity::kError, "The engine is damaged: " + faults.at(0).text);
    return nullptr;
  }
  made->memory_ = std::make_unique<DeviceMemory>(made->plan_.model.size());
  if (made->memory_->ok()) return made;
  made->log_(Severity::kError,
             "Error Code 2: OutOfMemory (Requested size was " + std::to_string(made->plan_.model.size()) + " bytes.)");
  return nullptr;
}

const Dims* Engine::profile_shape(const char* name, std::int32_t profile, tensorrt::abi::ProfileSelector which) const {
  if (profile < 0 || static_cast<std::size_t>(profile) >= plan_.profiles.size() || name == nullptr) return nullptr;
  const auto& ranges = plan_.profiles[static_cast<std::size_t>(profile)];
  const auto found = ranges.find(name);
  if (found == ranges.end()) return nullptr;
  using tensorrt::abi::ProfileSelector;
  return which == ProfileSelector::kMin   ? &found->second.min
         : which == ProfileSelector::kOpt ? &found->second.opt
                                          : &found->second.max;
}

std::string Engine::information() const {
  std::string text = "{\"Layers\": [";
  for (const OnnxNode& node : file().nodes) text += (text.back() == '[' ? "\"" : ", \"") + node.op + "\"";
  return text + "]}";
}

std::int32_t Engine::format(std::int32_t profile) const {
  constexpr std::int32_t kChw2 = 1;
  return Injection::instance().value("vectorised", -1) == profile ? kChw2 : tensorrt::abi::kLinearFormat;
}

bool Engine::is_on_host(const IoTensor& tensor) const {
  const bool integers = tensor.dtype == DType::kInt64 || tensor.dtype == DType::kInt32;
  return tensor.input && integers && Injection::instance().value("host-inputs", 0) != 0;
}

const std::int64_t* Engine::profile_values(const char* name, std::int32_t profile,
                                           tensorrt::abi::ProfileSelector which) {
  const IoTensor* const tensor = find(name);
  const Dims* const dims = profile_shape(name, profile, which);
  if (tensor == nullptr || dims == nullptr || !is_on_host(*tensor)) return nullptr;
  using tensorrt::abi::ProfileSelector;
  const int step = which == ProfileSelector::kMin ? 1 : which == ProfileSelector::kOpt ? 5 : 10;
  std::lock_guard lock(mutex_);
  auto& values = values_[tensor->name + " " + std::to_string(profile) + " " + std::to_string(step)];
  values.assign(element_count(*dims).value_or(0), 10 * profile + step);
  return values.data();
}

bool Engine::claim_profile(const Execution* execution, std::int32_t profile) {
  using tensorrt::abi::ProfileSelector;
  if (releases_ != Releases::kTrt8) return true;
  const auto is_free = [&](const IoTensor& tensor) {
    return tensor.input && *profile_shape(tensor.name.c_str(), profile, ProfileSelector::kMin) !=
                               *profile_shape(tensor.name.c_str(), profile, ProfileSelector::kMax);
  };
  if (std::ranges::none_of(tensors(), is_free)) return true;
  std::lock_guard lock(mutex_);
  const auto user = users_.find(profile);
  if (user != users_.end() && user->second != execution) return false;
  std::erase_if(users_, [&](const auto& entry) { return entry.second == execution; });
  users_[profile] = execution;
  return true;
}

void Engine::release_profiles(const Execution* execution) {
  std::lock_guard lock(mutex_);
  std::erase_if(users_, [&](const auto& entry) { return entry.second == execution; });
}

std::unique_ptr<Execution> Engine::create_execution() {
  auto memory = Injection::instance().due("oom-context") ? nullptr : std::make_unique<DeviceMemory>(kScratchBytes);
  if (memory != nullptr && memory->ok()) return std::make_unique<Execution>(*this, std::move(memory));
  log_(Severity::kError, "Error Code 2: OutOfMemory (Requested size was " + std::to_string(kScratchBytes) + " bytes.)");
  return nullptr;
}

bool Engine::set_weights(Bytes& model, const char* name, tensorrt::abi::ElementType type, const void* values,
                         std::int64_t count) const {
  const auto found = file().weights.find(name == nullptr ? "" : name);
  const auto dtype = tensorrt::dtype_of(type);
  constexpr int kOnnxFloat = 1;  // the only type that tests change
  if (found == file().weights.end() || found->second.element != kOnnxFloat || dtype != DType::kFloat32 ||
      static_cast<std::size_t>(count) * sizeof(float) != found->second.bytes) {
    log_(Severity::kError, std::string("No weights of this type and size have the name ") + (name ? name : ""));
    return false;
  }
  std::memcpy(model.data() + found->second.offset, values, found->second.bytes);
  return true;
}

bool Engine::apply_weights(Bytes model) {
  std::vector<Fault> faults;
  auto changed = OnnxModel::open(model, plan_.path, releases_, faults);
  if (changed == nullptr) return false;
  plan_.model = std::move(model);
  model_ = std::move(changed);
  return true;
}

std::map<std::string, Dims> Engine::output_dims(const std::map<std::string, Dims>& inputs) {
  std::lock_guard lock(mutex_);
  if (const auto known = shapes_.find(inputs); known != shapes_.end()) return known->second;
  std::map<std::string, Dims> dims;
  const bool free = file().data_dependent();
  std::vector<Bytes> zeros;
  std::vector<TensorView> views;
  std::vector<RunRequest::Output> outputs;
  for (const IoTensor& tensor : tensors()) {
    if (!tensor.input) {
      const bool is_free = free && std::ranges::find(tensor.dims, kDynamic) != tensor.dims.end();
      if (is_free) dims[tensor.name] = tensor.dims;
      outputs.push_back({outputs.size(), std::nullopt});
      continue;
    }
    const Dims& given = inputs.at(tensor.name);
    zeros.emplace_back(byte_count(given, tensor.model_dtype).value_or(0));
    views.push_back({tensor.model_dtype, given, zeros.back().data(), zeros.back().size(), {}});
  }
  // What shapes the outputs have, a run over zeros tells.
  if (dims.size() < outputs.size()) {
    RunResult result;
    const auto context = model_->context();
    const Status status = context->run({views, outputs, nullptr, std::nullopt}, result);
    if (!status.ok()) {
      log_(Severity::kError, status.error().message);
      return {};
    }
    std::size_t at = 0;
    for (const IoTensor& tensor : tensors()) {
      if (!tensor.input) dims.try_emplace(tensor.name, result.outputs[at++].dims);
    }
  }
  return shapes_[inputs] = dims;
}

}  // namespace foveate::standin
