#include "runtime/onnxruntime/session_options.h"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/onnxruntime/failure.h"

namespace foveate::onnxruntime {
namespace {

constexpr const char* kCpuProvider = "CPUExecutionProvider";
constexpr std::string_view kWhat = "Setting the session options";

abi::OptimizationLevel optimization_level(GraphOptimization level) {
  switch (level) {
    case GraphOptimization::kDisabled:
      return abi::OptimizationLevel::kDisabled;
    case GraphOptimization::kBasic:
      return abi::OptimizationLevel::kBasic;
    case GraphOptimization::kExtended:
      return abi::OptimizationLevel::kExtended;
    case GraphOptimization::kAll:
      break;
  }
  return abi::OptimizationLevel::kAll;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Status unavailable(const std::string& provider, const std::string& reason) {
  return Status(
      error_code::kBackendUnavailable,
      "The execution provider \"" + provider + "\" of ONNX Runtime cannot be used: " + reason,
      "Use device \"cpu\", or give the path of an ONNX Runtime library that was built for this device, with the "
      "libraries of its providers beside it.");
}

// The four functions of a provider whose options are key and value texts.
template <typename Options>
struct ProviderFunctions {
  abi::StatusHandle* (*create)(Options**) noexcept;
  abi::StatusHandle* (*update)(Options*, const char* const*, const char* const*, std::size_t) noexcept;
  abi::StatusHandle* (*append)(abi::SessionOptions*, const Options*) noexcept;
  void (*release)(Options*) noexcept;
};

template <typename Options>
Status append_device_provider(const abi::ApiTable& api, abi::SessionOptions* session, const ProviderOptions& provider,
                              const ProviderFunctions<Options>& functions) {
  Options* made = nullptr;
  if (const auto failure = take_failure(api, functions.create(&made)))
    return unavailable(provider.name, failure->message);
  const Handle<Options> options(made, functions.release);
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : provider.options) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  // Also without any option: this call loads the provider's library, and tells why it cannot; `append` does not tell.
  if (const auto failure =
          take_failure(api, functions.update(options.get(), keys.data(), values.data(), keys.size()))) {
    return unavailable(provider.name, failure->message);
  }
  if (const auto failure = take_failure(api, functions.append(session, options.get()))) {
    return unavailable(provider.name, failure->message);
  }
  return {};
}

Status append_provider(const Library& library, abi::SessionOptions* session, const ProviderOptions& provider,
                       std::vector<std::string>& appended) {
  const abi::ApiTable& api = library.api;
  const char* full_name = provider.name == "cpu"        ? kCpuProvider
                          : provider.name == "cuda"     ? "CUDAExecutionProvider"
                          : provider.name == "tensorrt" ? "TensorrtExecutionProvider"
                                                        : nullptr;
  if (full_name == nullptr) {
    return Status(error_code::kInvalidArgument,
                  "Expected an execution provider of cpu, cuda, tensorrt, received \"" + provider.name + "\".");
  }
  if (std::ranges::find(library.info.providers, full_name) == library.info.providers.end()) {
    return unavailable(provider.name,
                       "the library was built without it. It offers " + joined(library.info.providers) + ".");
  }
  if (provider.name == "cpu") {
    if (provider.options.empty()) return {};
    return Status(
        error_code::kUnknownOption,
        "The execution provider \"cpu\" has no options, received \"" + provider.options.begin()->first + "\".",
        "Threads and configuration entries are options of the model.");
  }
  appended.push_back(full_name);
  if (provider.name == "cuda") {
    return append_device_provider<abi::CudaOptions>(
        api, session, provider,
        {api.create_cuda_provider_options, api.update_cuda_provider_options,
         api.session_options_append_execution_provider_cuda_v2, api.release_cuda_provider_options});
  }
  return append_device_provider<abi::TensorRtOptions>(
      api, session, provider,
      {api.create_tensorrt_provider_options, api.update_tensorrt_provider_options,
       api.session_options_append_execution_provider_tensorrt_v2, api.release_tensorrt_provider_options});
}

Status add_config(const abi::ApiTable& api, abi::SessionOptions* session, const std::string& key,
                  const std::string& value) {
  if (const auto failure = take_failure(api, api.add_session_config_entry(session, key.c_str(), value.c_str()))) {
    return Status(error_code::kInvalidArgument,
                  "The session configuration entry \"" + key + "\" was refused: " + failure->message);
  }
  return {};
}

Status add_configs(const abi::ApiTable& api, abi::SessionOptions* session, const ModelOptions& options,
                   bool from_bytes) {
  const char* const spin = options.intra_op_spinning ? "1" : "0";
  std::map<std::string, std::string> entries{
      {"session.intra_op.allow_spinning", spin},
      {"session.inter_op.allow_spinning", spin},
      {kPreciseProducts, "1"},
  };
  if (from_bytes) {
    // These make the session read the caller's bytes for as long as it lives; they are not kept that long.
    for (const char* key : {"session.use_ort_model_bytes_directly", "session.use_ort_model_bytes_for_initializers"}) {
      if (options.config.contains(key)) {
        return Status(
            error_code::kInvalidArgument,
            "The session configuration entry \"" + std::string(key) + "\" cannot be used for a model in memory.",
            "Open the model by its path.");
      }
    }
    // External data of a model in memory would be looked for in the working directory, which nobody meant. This folder
    // cannot exist, so it is an error instead, unless the caller names one.
    entries.emplace("session.model_external_initializers_file_folder_path", "/dev/null");
  }
  for (const auto& [key, value] : options.config) entries.insert_or_assign(key, value);
  for (const auto& [key, value] : entries) FOVEATE_RETURN_IF_ERROR(add_config(api, session, key, value));
  return {};
}

Status set_threads(const abi::ApiTable& api, abi::SessionOptions* session, const ModelOptions& options) {
  FOVEATE_RETURN_IF_ERROR(check(api, api.set_intra_op_num_threads(session, options.intra_op_threads), kWhat));
  FOVEATE_RETURN_IF_ERROR(check(api, api.set_inter_op_num_threads(session, options.inter_op_threads), kWhat));
  // The library uses inter-op threads in its parallel mode only.
  const auto mode = options.inter_op_threads > 1 ? abi::ExecutionMode::kParallel : abi::ExecutionMode::kSequential;
  return check(api, api.set_session_execution_mode(session, mode), kWhat);
}

}  // namespace

Result<SessionOptions> make_session_options(const Library& library, const ModelOptions& options,
                                            const std::string& log_id, bool from_bytes) {
  const abi::ApiTable& api = library.api;
  abi::SessionOptions* made = nullptr;
  FOVEATE_RETURN_IF_ERROR(check(api, api.create_session_options(&made), kWhat));
  SessionOptions session{Handle<abi::SessionOptions>(made, api.release_session_options), {}};
  FOVEATE_RETURN_IF_ERROR(check(api, api.set_session_log_id(made, log_id.c_str()), kWhat));
  FOVEATE_RETURN_IF_ERROR(check(
      api, api.set_session_graph_optimization_level(made, optimization_level(options.graph_optimization)), kWhat));
  FOVEATE_RETURN_IF_ERROR(set_threads(api, made, options));
  if (!options.memory_pattern) FOVEATE_RETURN_IF_ERROR(check(api, api.disable_mem_pattern(made), kWhat));
  FOVEATE_RETURN_IF_ERROR(add_configs(api, made, options, from_bytes));
  for (const auto& provider : options.providers) {
    FOVEATE_RETURN_IF_ERROR(append_provider(library, made, provider, session.providers));
  }
  session.providers.emplace_back(kCpuProvider);
  return session;
}

}  // namespace foveate::onnxruntime
