#include "runtime/onnxruntime/context.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "runtime/onnxruntime/describe.h"
#include "runtime/onnxruntime/failure.h"
#include "runtime/request.h"

namespace foveate::onnxruntime {
namespace {

constexpr std::string_view kWhat = "Running the model";

Status aborted() { return Status(error_code::kAborted, "The run was aborted."); }

bool lies_within(const void* data, std::span<const TensorView> views) {
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  return std::ranges::any_of(views, [address](const TensorView& view) {
    const auto begin = reinterpret_cast<std::uintptr_t>(view.data);
    return address >= begin && address < begin + view.bytes;
  });
}

}  // namespace

ValueList::~ValueList() {
  for (abi::Value* value : values_) {
    if (value != nullptr) api_.release_value(value);
  }
}

OrtContext::OrtContext(std::shared_ptr<const OrtModel> model, Handle<abi::RunOptions> options)
    : model_(std::move(model)), api_(model_->library().api), options_(std::move(options)) {
  for (const auto& input : model_->info().inputs) input_names_.push_back(input.name.c_str());
  output_names_.reserve(model_->info().outputs.size());
  for (const auto& output : model_->info().outputs) {
    const auto& inputs = model_->info().inputs;
    const auto same = std::ranges::find(inputs, output.name, &TensorInfo::name);
    handed_on_.push_back(same == inputs.end() ? std::nullopt : std::optional<std::size_t>(same - inputs.begin()));
  }
}

Status OrtContext::run(const RunRequest& request, RunResult& result) {
  result = {};
  FOVEATE_RETURN_IF_ERROR(check_supported(request));
  if (request.cancel != nullptr && request.cancel->cancelled()) return aborted();

  ValueList inputs(api_, request.inputs.size());
  for (const auto& view : request.inputs) FOVEATE_RETURN_IF_ERROR(wrap(view, inputs));
  ValueList outputs(api_, request.outputs.size());
  output_names_.clear();
  for (const auto& output : request.outputs) {
    output_names_.push_back(model_->info().outputs[output.index].name.c_str());
    if (output.bound) {
      FOVEATE_RETURN_IF_ERROR(wrap(*output.bound, outputs));
    } else {
      outputs.add(nullptr);  // the library makes it
    }
  }

  const auto start = std::chrono::steady_clock::now();
  FOVEATE_RETURN_IF_ERROR(execute(request, inputs, outputs));
  result.compute = std::chrono::steady_clock::now() - start;
  return collect(request, outputs, result);
}

Status OrtContext::check_supported(const RunRequest& request) const {
  FOVEATE_RETURN_IF_ERROR(check_request(model_->info(), request, Reach::kHost));
  if (request.profile) {
    return Status(error_code::kInvalidArgument, "Expected no optimization profile: the model has none.");
  }
  for (const auto& output : request.outputs) {
    if (output.on_device) {
      return Status(error_code::kInvalidArgument, "Expected outputs in host memory: ONNX Runtime gives no others.");
    }
  }
  if (request.layer_times) {
    return Status(error_code::kInvalidArgument, "The time of layers was asked for, which ONNX Runtime does not tell.");
  }
  return {};
}

Status OrtContext::wrap(const TensorView& view, ValueList& values) const {
  abi::Value* value = nullptr;
  FOVEATE_RETURN_IF_ERROR(check(
      api_,
      api_.create_tensor_with_data_as_ort_value(model_->library().host_memory, view.data, view.bytes, view.dims.data(),
                                                view.dims.size(), element_type(view.dtype), &value),
      kWhat));
  values.add(value);
  return {};
}

Status OrtContext::execute(const RunRequest& request, ValueList& inputs, ValueList& outputs) {
  abi::StatusHandle* status = nullptr;
  {
    // On the cancelling thread; the scope ends before the options are touched again.
    CancelScope scope(request.cancel, [this] {
      if (auto* refused = api_.run_options_set_terminate(options_.get())) api_.release_status(refused);
    });
    status = api_.run(model_->session(), options_.get(), input_names_.data(), inputs.data(), inputs.size(),
                      output_names_.data(), outputs.size(), outputs.data());
  }
  const auto failure = take_failure(api_, status);
  const bool cancelled = request.cancel != nullptr && request.cancel->cancelled();
  if (cancelled) FOVEATE_RETURN_IF_ERROR(check(api_, api_.run_options_unset_terminate(options_.get()), kWhat));
  if (!failure) return {};  // also when the abort came too late to stop it
  if (cancelled) return aborted();
  if (failure->mentions({"shape verification failed", "but the computed output shape"})) {
    return Status(error_code::kTensorShape, "A bound output has another shape than the run gives: " + failure->message,
                  "Leave outputs whose shape is not known before the run to the runtime.");
  }
  return engine_status(*failure, kWhat);
}

Status OrtContext::collect(const RunRequest& request, ValueList& outputs, RunResult& result) const {
  result.outputs.resize(request.outputs.size());
  for (std::size_t i = 0; i < request.outputs.size(); ++i) {
    OwnedTensor& tensor = result.outputs[i];
    const std::size_t index = request.outputs[i].index;
    if (const auto& bound = request.outputs[i].bound) {
      if (const auto input = handed_on_[index]) {
        FOVEATE_RETURN_IF_ERROR(copy_into(*bound, request.inputs[*input], model_->info().outputs[index].name));
        result.copied_bytes += bound->bytes;
      }
      tensor.dtype = bound->dtype;
      tensor.dims = bound->dims;
      tensor.bytes = bound->bytes;
    } else {
      FOVEATE_RETURN_IF_ERROR(own_output(index, outputs, i, tensor));
      if (lies_within(tensor.block->data(), request.inputs)) {
        FOVEATE_RETURN_IF_ERROR(copy_out(tensor));
        result.copied_bytes += tensor.bytes;
      }
    }
  }
  if (model_->uses_device()) {
    for (const auto& view : request.inputs) result.copied_bytes += view.bytes;
    for (const auto& tensor : result.outputs) result.copied_bytes += tensor.bytes;
  }
  return {};
}

Status OrtContext::own_output(std::size_t model_index, ValueList& outputs, std::size_t at, OwnedTensor& tensor) const {
  const std::string& name = model_->info().outputs[model_index].name;
  int is_tensor = 0;
  if (outputs[at] != nullptr) FOVEATE_RETURN_IF_ERROR(check(api_, api_.is_tensor(outputs[at], &is_tensor), kWhat));
  if (is_tensor == 0) {
    return Status(error_code::kEngineFailed, "Expected a tensor for the output \"" + name + "\", received no value.");
  }
  abi::TensorShapeInfo* made = nullptr;
  FOVEATE_RETURN_IF_ERROR(check(api_, api_.get_tensor_type_and_shape(outputs[at], &made), kWhat));
  const Handle<abi::TensorShapeInfo> shape(made, api_.release_tensor_type_and_shape_info);

  abi::ElementType element{};
  FOVEATE_RETURN_IF_ERROR(check(api_, api_.get_tensor_element_type(made, &element), kWhat));
  std::size_t rank = 0;
  FOVEATE_RETURN_IF_ERROR(check(api_, api_.get_dimensions_count(made, &rank), kWhat));
  tensor.dims.resize(rank);
  FOVEATE_RETURN_IF_ERROR(check(api_, api_.get_dimensions(made, tensor.dims.data(), rank), kWhat));
  const auto dtype = dtype_of(element);
  const auto bytes = dtype ? byte_count(tensor.dims, *dtype) : std::nullopt;
  if (!bytes) {
    return Status(error_code::kEngineFailed, "The output \"" + name + "\" came as " + element_type_name(element) + " " +
                                                 dims_text(tensor.dims) + ", which cannot be handed out.");
  }
  void* data = nullptr;
  FOVEATE_RETURN_IF_ERROR(check(api_, api_.get_tensor_mutable_data(outputs[at], &data), kWhat));
  tensor.dtype = *dtype;
  tensor.bytes = *bytes;
  // The value keeps the allocator of its session, so it may outlive session and context.
  abi::Value* const value = outputs.take(at);
  tensor.block =
      std::make_shared<Block>(data, *bytes, MemoryPlace{}, [api = &api_, value](Block&) { api->release_value(value); });
  return {};
}

Status OrtContext::copy_out(OwnedTensor& tensor) {
  BlockPtr copy = std::make_shared<MemoryPool>(0)->allocate(tensor.bytes);
  if (!copy) {
    return Status(error_code::kOutOfMemory, "Cannot allocate " + std::to_string(tensor.bytes) + " bytes for an output");
  }
  std::memcpy(copy->data(), tensor.block->data(), tensor.bytes);
  tensor.block = std::move(copy);
  return {};
}

Status OrtContext::copy_into(const TensorView& bound, const TensorView& input, const std::string& name) {
  if (!std::ranges::equal(bound.dims, input.dims) || bound.bytes != input.bytes) {
    return Status(error_code::kTensorShape, "Output \"" + name + "\", which is an input handed on: expected " +
                                                tensor_text(input.dtype, input.dims) + ", received " +
                                                tensor_text(bound.dtype, bound.dims) + " to write it to.");
  }
  if (bound.bytes > 0) std::memmove(bound.data, input.data, bound.bytes);  // both may be one tensor
  return {};
}

}  // namespace foveate::onnxruntime
