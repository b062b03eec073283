// One run of a session, from the caller's tensors to leases and device tensors.
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "napi/arguments.h"
#include "napi/device_tensor.h"
#include "napi/environment.h"
#include "napi/lease.h"
#include "napi/session.h"
#include "napi/tensor_arguments.h"
#include "runtime/log.h"

namespace foveate {
namespace {

double milliseconds(std::chrono::nanoseconds time) { return std::chrono::duration<double, std::milli>(time).count(); }

class SessionRun final : public Operation {
 public:
  struct Output {
    std::size_t index;
    std::optional<OwnedTensor> bound;  // where it is written: the caller's tensor, or memory from `place`
    bool callers_own = false;
  };

  std::shared_ptr<SessionLanes> lanes;
  std::shared_ptr<MemoryPool> memory;
  std::vector<OwnedTensor> inputs;
  std::vector<Output> outputs;
  std::size_t copied_bytes = 0;
  bool on_device = false;
  bool layer_times = false;
  std::vector<std::string> request_ids;  // for log lines

  Status execute(std::size_t lane) override {
    queued_ = std::chrono::steady_clock::now() - submitted_;
    const RequestScope scope(request_ids);
    std::vector<TensorView> views;
    views.reserve(inputs.size());
    for (const auto& input : inputs) views.push_back(input.view());
    Status status = run_once(lane, views);
    if (!status.ok() && status.error().code == error_code::kTensorShape && unplace()) {
      lanes->declared_shapes_hold = false;
      status = run_once(lane, views);
    }
    FOVEATE_RETURN_IF_ERROR(std::move(status));
    copied_bytes += result_.copied_bytes;
    // Given back now, not when JavaScript gets around to it: blocks to the pool, the model to whoever closes the
    // session.
    inputs.clear();
    lanes.reset();
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    auto array = Napi::Array::New(env, outputs.size());
    for (std::uint32_t i = 0; i < outputs.size(); ++i) {
      OwnedTensor& tensor = outputs[i].bound ? *outputs[i].bound : result_.outputs[i];
      auto value = Napi::Object::New(env);
      value.Set("dtype", text_value(env, dtype_name(tensor.dtype)));
      value.Set("dims", dims_value(env, tensor.dims));
      if (on_device) {
        value.Set("gpu", tensor.block->place().device);
        value.Set("device", wrap_device_tensor(env, std::move(tensor)));
      } else if (!outputs[i].callers_own) {  // the caller's own tensor needs no second ArrayBuffer over its memory
        value.Set("lease", make_lease(env, tensor.block, tensor.offset, tensor.bytes));
      }
      array.Set(i, value);
    }
    auto value = Napi::Object::New(env);
    value.Set("outputs", array);
    value.Set("copiedBytes", static_cast<double>(copied_bytes));
    value.Set("queueMs", milliseconds(queued_));
    value.Set("computeMs", milliseconds(result_.compute));
    value.Set("uploadMs", milliseconds(result_.upload));
    value.Set("downloadMs", milliseconds(result_.download));
    if (layer_times) value.Set("layers", layers_value(env));
    return value;
  }

 private:
  Status run_once(std::size_t lane, std::span<const TensorView> views) {
    std::vector<RunRequest::Output> requested;
    requested.reserve(outputs.size());
    for (auto& output : outputs) {
      FOVEATE_RETURN_IF_ERROR(place(output));
      requested.push_back({output.index, output.bound ? std::optional(output.bound->view()) : std::nullopt, on_device});
    }
    return lanes->run(lane, {views, requested, cancel.get(), std::nullopt, layer_times}, result_);
  }

  // An output of fixed shape gets pooled memory, so that the engine writes where the lease will be read. Any other is
  // made by the runtime; so are all of an engine that has better memory for it.
  Status place(Output& output) {
    if (output.bound || !lanes->declared_shapes_hold || lanes->model->has_host_memory()) return {};
    const TensorInfo& info = lanes->model->info().outputs[output.index];
    if (info.dims.empty()) return {};  // a scalar, or a rank that only the run tells
    const auto bytes = byte_count(info.dims, info.dtype);
    if (!bytes) return {};
    BlockPtr block = memory->allocate(*bytes);
    if (!block)
      return {error_code::kOutOfMemory, "Cannot allocate " + std::to_string(*bytes) + " bytes for output " + info.name};
    output.bound = OwnedTensor{info.dtype, info.dims, std::move(block), 0, *bytes};
    return {};
  }

  // Takes back what `place` gave. False where it gave nothing.
  bool unplace() {
    bool placed = false;
    for (auto& output : outputs) {
      if (output.callers_own || !output.bound) continue;
      output.bound.reset();
      placed = true;
    }
    return placed;
  }

  Napi::Array layers_value(Napi::Env env) const {
    auto array = Napi::Array::New(env, result_.layers.size());
    for (std::uint32_t i = 0; i < result_.layers.size(); ++i) {
      auto value = Napi::Object::New(env);
      value.Set("name", result_.layers[i].layer);
      value.Set("ms", milliseconds(result_.layers[i].time));
      array.Set(i, value);
    }
    return array;
  }

  const std::chrono::steady_clock::time_point submitted_ = std::chrono::steady_clock::now();
  RunResult result_;
  std::chrono::nanoseconds queued_{0};
};

// sessionRun(session, inputs: {dtype, dims, data, lease?}[] or {dtype, dims, device}[], outputs: {index, tensor?}[],
//            options: {onDevice, layerTimes, requestIds?: string[]}, operation?)
//   : Promise<{ outputs: {dtype, dims, lease?, device?, gpu?}[], copiedBytes, queueMs, computeMs, uploadMs, downloadMs,
//               layers?: {name, ms}[] }>
Napi::Value session_run(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto session = session_of(info[0]);
  auto operation = std::make_unique<SessionRun>();
  operation->lanes = session->lanes();
  operation->memory = environment.memory();

  operation->inputs = inputs_of(info[1], *session, operation->copied_bytes);
  auto outputs = info[2].As<Napi::Array>();
  const auto options = info[3].As<Napi::Object>();
  operation->on_device = options.Get("onDevice").As<Napi::Boolean>().Value();
  operation->layer_times = options.Get("layerTimes").As<Napi::Boolean>().Value();
  if (const auto ids = options.Get("requestIds"); !ids.IsUndefined()) operation->request_ids = strings_of(ids);
  // Others would give what they have in host memory.
  if (operation->on_device && !session->lanes()->model->has_host_memory())
    throw Napi::TypeError::New(info.Env(), "Expected the session of an engine on a GPU");
  for (std::uint32_t i = 0; i < outputs.Length(); ++i) {
    auto output = outputs.Get(i).As<Napi::Object>();
    SessionRun::Output request{output.Get("index").As<Napi::Number>().Uint32Value(), std::nullopt};
    if (request.index >= session->info().outputs.size()) throw Napi::RangeError::New(info.Env(), "No such output");
    if (const auto tensor = output.Get("tensor"); !tensor.IsUndefined()) {
      if (operation->on_device) throw Napi::TypeError::New(info.Env(), "Expected outputs without tensors");
      request.bound = tensor_of(tensor.As<Napi::Object>(), nullptr);
      request.callers_own = true;
    }
    operation->outputs.push_back(std::move(request));
  }
  operation->cancel = cancel_token_of(info[4]);
  return environment.launch(session->executor(), std::move(operation));
}

}  // namespace

void register_session_run(Napi::Env env, Napi::Object exports) {
  exports.Set("sessionRun", Napi::Function::New(env, session_run));
}

}  // namespace foveate
