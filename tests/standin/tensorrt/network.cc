#include "network.h"

#include <algorithm>
#include <cstdlib>

#include "runtime/onnxruntime/library.h"
#include "runtime/tensorrt/dims.h"

namespace foveate::standin {
namespace {

using tensorrt::abi::ParserErrorCode;

Result<std::shared_ptr<Model>> open_onnx(std::span<const std::byte> bytes, const std::string& path) {
  const char* const library = std::getenv("FOVEATE_ONNXRUNTIME_PATH");
  auto runtime = onnxruntime::open_library(library == nullptr ? "" : library);
  if (!runtime.ok()) return runtime.take_status();
  ModelOptions options;
  options.intra_op_threads = 1;
  auto model = runtime.value()->open(bytes, options);
  // External data lies beside the file.
  if (!model.ok() && !path.empty()) return runtime.value()->open(std::filesystem::path(path), options);
  return model;
}

// The node that a message of ONNX Runtime is about, if any: it names the operator or the node.
Fault fault_of(const Error& error, const OnnxFile& file) {
  const bool unsupported = error.code == error_code::kModelUnsupported;
  Fault fault{unsupported ? ParserErrorCode::kUnsupportedNode : ParserErrorCode::kUnsupportedGraph, error.message, -1,
              "", ""};
  for (std::size_t i = 0; i < file.nodes.size(); ++i) {
    const OnnxNode& node = file.nodes[i];
    if (error.message.find(node.op) == std::string::npos) continue;
    fault.node = static_cast<int>(i);
    fault.node_name = node.name;
    fault.op = node.op;
    break;
  }
  return fault;
}

std::optional<DType> engine_dtype(DType dtype, Releases releases) {
  if (releases == Releases::kTrt8 && dtype == DType::kInt64) return DType::kInt32;
  if (releases == Releases::kTrt8 && dtype == DType::kBFloat16) return std::nullopt;
  return tensorrt::element_type(dtype) ? std::optional(dtype) : std::nullopt;
}

}  // namespace

std::shared_ptr<OnnxModel> OnnxModel::open(std::span<const std::byte> bytes, const std::string& path, Releases releases,
                                           std::vector<Fault>& faults) {
  auto file = read_onnx(bytes);
  if (!file) {
    faults.push_back({ParserErrorCode::kModelDeserializeFailed, "Failed to parse the ONNX model.", -1, "", ""});
    return nullptr;
  }
  auto model = open_onnx(bytes, path);
  if (!model.ok()) {
    faults.push_back(fault_of(model.status().error(), *file));
    return nullptr;
  }
  auto made = std::make_shared<OnnxModel>();
  made->model_ = std::move(model).value();
  made->file_ = std::move(*file);
  const ModelInfo& info = made->model_->info();
  for (const bool input : {true, false}) {
    for (const TensorInfo& tensor : input ? info.inputs : info.outputs) {
      const auto dtype = engine_dtype(tensor.dtype, releases);
      if (!dtype) {
        faults.push_back({ParserErrorCode::kUnsupportedDataType,
                          tensor.name + " is " + std::string(dtype_name(tensor.dtype)), -1, "", ""});
        return nullptr;
      }
      made->tensors_.push_back(
          {tensor.name, *tensorrt::element_type(*dtype), *dtype, tensor.dtype, tensor.dims, input});
    }
  }
  return made;
}

const IoTensor* OnnxModel::find(const std::string& name) const {
  const auto found = std::ranges::find(tensors_, name, &IoTensor::name);
  return found == tensors_.end() ? nullptr : &*found;
}

std::unique_ptr<Context> OnnxModel::context() const {
  auto made = model_->create_context();
  return made.ok() ? std::move(made).value() : nullptr;
}

std::vector<Fault> Network::parse(std::span<const std::byte> model_bytes, const std::string& model_path,
                                  Releases releases) {
  std::vector<Fault> faults;
  bytes.assign(model_bytes.begin(), model_bytes.end());
  path = model_path;
  model_ = OnnxModel::open(bytes, path, releases, faults);
  return faults;
}

std::int32_t Network::count(bool inputs) const {
  if (model_ == nullptr) return 0;
  return static_cast<std::int32_t>(std::ranges::count(model_->tensors(), inputs, &IoTensor::input));
}

const IoTensor* Network::tensor(bool input, std::int32_t index) const {
  if (model_ == nullptr) return nullptr;
  for (const IoTensor& tensor : model_->tensors()) {
    if (tensor.input == input && index-- == 0) return &tensor;
  }
  return nullptr;
}

std::int32_t capability() { return static_cast<std::int32_t>(Injection::instance().value("capability", 90)); }

std::optional<Bytes> build(const Network& network, const Config& config, const Release& release, const Log& log) {
  if (network.model() == nullptr) {
    log(Severity::kError, "The network has no outputs.");
    return std::nullopt;
  }
  log(Severity::kInfo, "Building an engine.");
  Plan plan;
  plan.version = static_cast<std::int32_t>(Injection::instance().value("version", release.version));
  plan.capability = capability();
  plan.refittable = config.refit;
  plan.path = network.path;
  plan.model = network.bytes;
  for (const Profile* profile : config.profiles) plan.profiles.push_back(*profile);
  if (plan.profiles.empty()) plan.profiles.emplace_back();
  for (Profile& profile : plan.profiles) {
    for (const IoTensor& tensor : network.model()->tensors()) {
      if (!tensor.input) continue;
      // Of an input of fixed shape, all three are that.
      const Range& range = profile.try_emplace(tensor.name, Range{tensor.dims, tensor.dims, tensor.dims}).first->second;
      for (std::size_t i = 0; i < range.min.size(); ++i) {
        if (range.min[i] <= range.opt[i] && range.opt[i] <= range.max[i]) continue;
        log(Severity::kError, "The profile of " + tensor.name + " contradicts itself.");
        return std::nullopt;
      }
    }
  }
  return plan.write();
}

}  // namespace foveate::standin
