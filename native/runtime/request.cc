#include "runtime/request.h"

namespace foveate {
namespace {

// No declared dimensions mean a scalar, or that nothing is known.
bool fits(std::span<const std::int64_t> declared, std::span<const std::int64_t> dims) {
  if (declared.empty()) return true;
  if (declared.size() != dims.size()) return false;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (declared[i] != kDynamic && declared[i] != dims[i]) return false;
  }
  return true;
}

bool in_reach(const TensorView& view, Reach reach) {
  if (view.data == nullptr && view.bytes != 0) return false;
  return view.place.kind != MemoryKind::kDevice || reach == Reach::kHostAndDevice;
}

Status tensor_error(const TensorView& view, const TensorInfo& info, const char* side) {
  const std::string subject = std::string(side) + " \"" + info.name + "\"";
  const std::string received = tensor_text(view.dtype, view.dims);
  if (view.dtype != info.dtype || !fits(info.dims, view.dims)) {
    return Status(view.dtype == info.dtype ? error_code::kTensorShape : error_code::kTensorDtype,
                  subject + ": expected " + tensor_text(info.dtype, info.dims) + ", received " + received + ".");
  }
  if (const auto bytes = byte_count(view.dims, view.dtype); bytes != view.bytes) {
    return Status(error_code::kTensorShape,
                  subject + " of " + received + " has " + std::to_string(view.bytes) + " bytes, expected " +
                      (bytes ? std::to_string(*bytes) : "dimensions that memory can hold") + ".");
  }
  return Status(error_code::kInvalidArgument,
                subject + ": expected host memory, received " + (view.data == nullptr ? "none." : "device memory."));
}

Status check_tensor(const TensorView& view, const TensorInfo& info, const char* side, Reach reach) {
  if (view.dtype == info.dtype && fits(info.dims, view.dims) && byte_count(view.dims, view.dtype) == view.bytes &&
      in_reach(view, reach)) {
    return {};
  }
  return tensor_error(view, info, side);
}

}  // namespace

std::string tensor_text(DType dtype, std::span<const std::int64_t> dims) {
  return std::string(dtype_name(dtype)) + " " + dims_text(dims);
}

Status check_request(const ModelInfo& info, const RunRequest& request, Reach reach) {
  if (request.inputs.size() != info.inputs.size()) {
    return Status(error_code::kInvalidArgument, "Expected " + std::to_string(info.inputs.size()) +
                                                    " inputs, received " + std::to_string(request.inputs.size()) + ".");
  }
  if (request.outputs.empty())
    return Status(error_code::kInvalidArgument, "Expected at least one output, received none.");
  for (std::size_t i = 0; i < info.inputs.size(); ++i) {
    FOVEATE_RETURN_IF_ERROR(check_tensor(request.inputs[i], info.inputs[i], "Input", reach));
  }
  for (const auto& output : request.outputs) {
    if (output.index >= info.outputs.size()) {
      return Status(error_code::kInvalidArgument, "Expected an output index below " +
                                                      std::to_string(info.outputs.size()) + ", received " +
                                                      std::to_string(output.index) + ".");
    }
    if (output.bound) {
      FOVEATE_RETURN_IF_ERROR(check_tensor(*output.bound, info.outputs[output.index], "Output", reach));
    }
  }
  return {};
}

}  // namespace foveate
