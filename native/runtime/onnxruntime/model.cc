#include "runtime/onnxruntime/model.h"

#include <string>
#include <utility>

#include "runtime/model_file.h"
#include "runtime/onnxruntime/context.h"
#include "runtime/onnxruntime/describe.h"
#include "runtime/onnxruntime/failure.h"
#include "runtime/onnxruntime/session_options.h"

namespace foveate::onnxruntime {
namespace {

bool is_unsupported(const Failure& failure) {
  return failure.code == abi::ErrorCode::kNotImplemented ||
         failure.mentions({"is not a registered function/op", "No Op registered for",
                           "Could not find an implementation", "Unsupported model IR version",
                           "official released onnx opset versions"});
}

// The words of releases 1.17 to 1.30 for external data that is missing, outside the folder or without one.
bool is_about_external_data(const Failure& failure) {
  return failure.mentions({"xternal data", "model_path must not be empty", "cannot get file size", "GetFileLength"});
}

// `name` is how a message calls the model.
Status load_status(const Failure& failure, const std::string& name, bool from_bytes, bool uses_device) {
  if (is_unsupported(failure)) {
    return Status(error_code::kModelUnsupported, "ONNX Runtime does not support " + name + ": " + failure.message,
                  "Export the model with an older opset and standard operators, or use a newer ONNX Runtime.");
  }
  if (is_about_external_data(failure)) {
    return Status(error_code::kModelInvalid, "The external data of " + name + " cannot be used: " + failure.message,
                  from_bytes
                      ? "A model in memory has no folder in which its external data could be: open it by its path."
                      : "Keep the data files where the model names them, in the folder of the model or below it.");
  }
  if (failure.code == abi::ErrorCode::kInvalidProtobuf) {
    return Status(error_code::kModelInvalid,
                  "Expected an ONNX model, but " + name + " is truncated or something else: " + failure.message,
                  kNotAModelHint);
  }
  if (failure.code == abi::ErrorCode::kNoSuchFile) {
    return Status(error_code::kModelNotFound, "Opening " + name + " failed: " + failure.message, "Check the path.");
  }
  if (uses_device && failure.mentions({"CUDA", "TensorRT", "cudnn", "CUDNN"})) {
    return Status(error_code::kBackendUnavailable, "The device cannot run " + name + ": " + failure.message,
                  "Use device \"cpu\", or see that the driver fits the library.");
  }
  Status engine = engine_status(failure, "Loading " + name);
  if (engine.error().code == error_code::kOutOfMemory || failure.code == abi::ErrorCode::kRuntimeException)
    return engine;
  return Status(error_code::kModelInvalid, "ONNX Runtime refuses " + name + ": " + failure.message,
                "Check the model with the tool that exported it.");
}

Result<std::shared_ptr<Model>> try_to_load(const Library& library, const ModelSource& source,
                                           const ModelOptions& options) {
  const abi::ApiTable& api = library.api;
  const auto* path = std::get_if<std::filesystem::path>(&source);
  const std::string name = path == nullptr ? "the model in memory" : "\"" + path->string() + "\"";
  const std::string log_id = path == nullptr ? "model in memory" : path->filename().string();

  if (path != nullptr) {
    FOVEATE_RETURN_IF_ERROR(check_model_file(*path));
  } else if (std::get<std::span<const std::byte>>(source).empty()) {
    return Status(error_code::kModelInvalid, "Expected the bytes of an ONNX model, received none.", kNotAModelHint);
  }
  auto made = make_session_options(library, options, log_id, path == nullptr);
  if (!made.ok()) return made.take_status();
  SessionOptions session_options = std::move(made).value();

  abi::Session* opened = nullptr;
  abi::StatusHandle* status = nullptr;
  if (path != nullptr) {
    status = api.create_session(library.env, path->c_str(), session_options.handle.get(), &opened);
  } else {
    const auto bytes = std::get<std::span<const std::byte>>(source);
    status =
        api.create_session_from_array(library.env, bytes.data(), bytes.size(), session_options.handle.get(), &opened);
  }
  if (const auto failure = take_failure(api, status)) {
    return load_status(*failure, name, path == nullptr, session_options.providers.size() > 1);
  }
  Handle<abi::Session> session(opened, api.release_session);
  ModelInfo info;
  info.providers = std::move(session_options.providers);
  FOVEATE_RETURN_IF_ERROR(describe(library, session.get(), info));
  return std::shared_ptr<Model>(std::make_shared<OrtModel>(library, std::move(session), std::move(info)));
}

}  // namespace

Result<std::shared_ptr<Model>> load_model(const Library& library, const ModelSource& source,
                                          const ModelOptions& options) {
  auto loaded = try_to_load(library, source, options);
  // Release 1.30 cannot make weights unsigned that two layers share. Left as they are, products would overflow; without
  // the fusions of layers of eight bits they are multiplied in float32, which is right, and slower.
  const bool retry = !loaded.ok() && !options.config.contains(kPreciseProducts) &&
                     loaded.status().error().message.find("replace the existing tensor") != std::string::npos;
  if (!retry) return loaded;
  ModelOptions plain = options;
  plain.graph_optimization = GraphOptimization::kBasic;
  return try_to_load(library, source, plain);
}

Result<std::unique_ptr<Context>> OrtModel::create_context() {
  abi::RunOptions* made = nullptr;
  FOVEATE_RETURN_IF_ERROR(check(library_.api, library_.api.create_run_options(&made), "Creating a context"));
  Handle<abi::RunOptions> options(made, library_.api.release_run_options);
  return std::unique_ptr<Context>(std::make_unique<OrtContext>(shared_from_this(), std::move(options)));
}

}  // namespace foveate::onnxruntime
