#include "napi/session.h"

#include <atomic>

#include "napi/arguments.h"
#include "napi/lease.h"

namespace foveate {
namespace {

// How long a closing session waits for its lanes before it gives up on them, off the JavaScript thread.
constexpr std::chrono::minutes kCloseBound{10};
// A program that runs a model in a loop comes back within this time.
constexpr std::chrono::microseconds kPatience{50};

std::atomic<std::size_t> open_sessions{0};
std::atomic<std::size_t> runs_in_flight{0};

ModelOptions model_options_of(const Napi::Object& value) {
  ModelOptions options;
  options.intra_op_threads = value.Get("intraOpThreads").As<Napi::Number>().Int32Value();
  options.inter_op_threads = value.Get("interOpThreads").As<Napi::Number>().Int32Value();
  options.intra_op_spinning = value.Get("intraOpSpinning").As<Napi::Boolean>().Value();
  options.memory_pattern = value.Get("memoryPattern").As<Napi::Boolean>().Value();
  options.graph_optimization =
      static_cast<GraphOptimization>(value.Get("graphOptimization").As<Napi::Number>().Uint32Value());
  auto entries_of = [](const Napi::Value& record) {
    std::map<std::string, std::string> entries;
    auto object = record.As<Napi::Object>();
    auto names = object.GetPropertyNames();
    for (std::uint32_t i = 0; i < names.Length(); ++i) {
      entries.emplace(string_of(names.Get(i)), string_of(object.Get(names.Get(i))));
    }
    return entries;
  };
  options.config = entries_of(value.Get("config"));
  auto providers = value.Get("providers").As<Napi::Array>();
  for (std::uint32_t i = 0; i < providers.Length(); ++i) {
    auto provider = providers.Get(i).As<Napi::Object>();
    options.providers.push_back({string_of(provider.Get("name")), entries_of(provider.Get("options"))});
  }
  auto gpus = value.Get("gpus").As<Napi::Array>();
  for (std::uint32_t i = 0; i < gpus.Length(); ++i) {
    options.devices.push_back(gpus.Get(i).As<Napi::Number>().Int32Value());
  }
  options.graphs = value.Get("cudaGraphs").As<Napi::Boolean>().Value();
  return options;
}

// While models run, it would stop their threads for as long as it takes.
void return_memory_unless_running() {
  if (SessionLanes::running() == 0) return_free_memory();
}

class SessionOpen final : public Operation {
 public:
  std::shared_ptr<Runtime> runtime;
  std::filesystem::path path;
  std::optional<HeldBytes> bytes;  // the model itself, where it does not come from a file
  ModelOptions options;
  std::size_t lane_count = 1;

  Status execute(std::size_t) override {
    ModelSource source = path;
    if (bytes) source = std::span<const std::byte>(bytes->span());
    auto opened = runtime->open(source, options);
    if (!opened.ok()) return opened.take_status();
    auto lanes = std::make_shared<SessionLanes>();
    lanes->model = std::move(opened).value();
    for (std::size_t lane = 0; lane < lane_count; ++lane) {
      auto context = lanes->model->create_context();
      if (!context.ok()) return context.take_status();
      lanes->contexts.push_back(std::move(context).value());
    }
    if (cancel->cancelled())
      return {error_code::kAborted, "The model was opened, and closed again: the operation was aborted"};
    std::error_code ignored;  // the file was just read; should it be gone by now, its size is not worth an error
    const auto file_bytes = bytes ? bytes->bytes : std::filesystem::file_size(path, ignored);
    session_ = std::make_shared<Session>(std::move(lanes), ignored ? 0 : file_bytes);
    if (session_->executor().lanes() == 0) return no_threads();
    bytes.reset();
    return_memory_unless_running();  // what reading the model took
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    Environment::of(env).add(session_);
    Napi::MemoryManagement::AdjustExternalMemory(env, static_cast<std::int64_t>(session_->weight_bytes()));
    return wrap_handle(env, std::make_shared<SessionHandle>(SessionHandle{std::move(session_)}));
  }

 private:
  std::shared_ptr<Session> session_;
};

// sessionOpen(runtime, source: string | Uint8Array, options, operation?): Promise<SessionHandle>
Napi::Value session_open(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<SessionOpen>();
  operation->runtime = unwrap_handle<Runtime>(info[0]);
  if (info[1].IsString()) {
    operation->path = string_of(info[1]);
  } else {
    operation->bytes = copied_bytes_of(info[1]);
  }
  auto options = info[2].As<Napi::Object>();
  operation->options = model_options_of(options);
  operation->lane_count = options.Get("lanes").As<Napi::Number>().Uint32Value();
  operation->cancel = cancel_token_of(info[3]);
  return environment.launch(environment.loader(), std::move(operation));
}

Napi::Value tensor_infos_value(Napi::Env env, const std::vector<TensorInfo>& infos) {
  auto array = Napi::Array::New(env, infos.size());
  for (std::uint32_t i = 0; i < infos.size(); ++i) {
    const TensorInfo& tensor = infos[i];
    auto symbols = Napi::Array::New(env, tensor.symbols.size());
    for (std::uint32_t d = 0; d < tensor.symbols.size(); ++d) symbols.Set(d, tensor.symbols[d]);
    auto value = Napi::Object::New(env);
    value.Set("name", tensor.name);
    value.Set("dtype", text_value(env, dtype_name(tensor.dtype)));
    value.Set("dims", dims_value(env, tensor.dims));
    value.Set("symbols", symbols);
    array.Set(i, value);
  }
  return array;
}

// sessionDescribe(session): { inputs, outputs }
Napi::Value session_describe(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto session = session_of(info[0]);
  const ModelInfo& model = session->info();
  auto value = Napi::Object::New(env);
  value.Set("inputs", tensor_infos_value(env, model.inputs));
  value.Set("outputs", tensor_infos_value(env, model.outputs));
  return value;
}

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

  Status execute(std::size_t lane) override {
    queued_ = std::chrono::steady_clock::now() - submitted_;
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
      // The caller's own tensor needs no second ArrayBuffer over its memory.
      if (!outputs[i].callers_own) value.Set("lease", make_lease(env, tensor.block, tensor.offset, tensor.bytes));
      array.Set(i, value);
    }
    auto value = Napi::Object::New(env);
    value.Set("outputs", array);
    value.Set("copiedBytes", static_cast<double>(copied_bytes));
    value.Set("queueMs", std::chrono::duration<double, std::milli>(queued_).count());
    value.Set("computeMs", std::chrono::duration<double, std::milli>(result_.compute).count());
    return value;
  }

 private:
  Status run_once(std::size_t lane, std::span<const TensorView> views) {
    std::vector<RunRequest::Output> requested;
    requested.reserve(outputs.size());
    for (auto& output : outputs) {
      FOVEATE_RETURN_IF_ERROR(place(output));
      requested.push_back({output.index, output.bound ? std::optional(output.bound->view()) : std::nullopt});
    }
    return lanes->run(lane, {views, requested, cancel.get(), std::nullopt}, result_);
  }

  // An output of fixed shape gets pooled memory, so that the engine writes where the lease will be read. Any other is
  // made by the runtime.
  Status place(Output& output) {
    if (output.bound || !lanes->declared_shapes_hold) return {};
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

  const std::chrono::steady_clock::time_point submitted_ = std::chrono::steady_clock::now();
  RunResult result_;
  std::chrono::nanoseconds queued_{0};
};

// sessionRun(session, inputs: {dtype, dims, data, lease?}[], outputs: {index, tensor?}[], operation?)
//   : Promise<{ outputs: {dtype, dims, lease?}[], copiedBytes, queueMs, computeMs }>
Napi::Value session_run(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto session = session_of(info[0]);
  auto operation = std::make_unique<SessionRun>();
  operation->lanes = session->lanes();
  operation->memory = environment.memory();

  operation->inputs = inputs_of(info[1], *session, operation->copied_bytes);
  auto outputs = info[2].As<Napi::Array>();
  for (std::uint32_t i = 0; i < outputs.Length(); ++i) {
    auto output = outputs.Get(i).As<Napi::Object>();
    SessionRun::Output request{output.Get("index").As<Napi::Number>().Uint32Value(), std::nullopt};
    if (request.index >= session->info().outputs.size()) throw Napi::RangeError::New(info.Env(), "No such output");
    if (const auto tensor = output.Get("tensor"); !tensor.IsUndefined()) {
      request.bound = tensor_of(tensor.As<Napi::Object>(), nullptr);
      request.callers_own = true;
    }
    operation->outputs.push_back(std::move(request));
  }
  operation->cancel = cancel_token_of(info[3]);
  return environment.launch(session->executor(), std::move(operation));
}

class SessionClose final : public Operation {
 public:
  SessionClose(std::shared_ptr<Session> session, std::shared_ptr<MemoryPool> pool)
      : session_(std::move(session)), pool_(std::move(pool)), weight_bytes_(session_->weight_bytes()) {}

  Status execute(std::size_t) override {
    session_->stop(kCloseBound);
    session_.reset();  // here, if nobody else holds it: freeing a model takes its time
    if (Session::open() == 0) pool_->trim();
    return_memory_unless_running();
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    Napi::MemoryManagement::AdjustExternalMemory(env, -static_cast<std::int64_t>(weight_bytes_));
    return env.Undefined();
  }

 private:
  std::shared_ptr<Session> session_;
  std::shared_ptr<MemoryPool> pool_;
  std::size_t weight_bytes_;
};

// sessionClose(handle): Promise<void>. Settles when the runs in flight have ended. To be called once.
Napi::Value session_close(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto session = session_of(info[0]);
  unwrap_handle<SessionHandle>(info[0])->session.reset();
  environment.remove(session);
  return environment.launch(environment.loader(),
                            std::make_unique<SessionClose>(std::move(session), environment.memory()));
}

Napi::Value operation_create(const Napi::CallbackInfo& info) {
  return wrap_handle(info.Env(), std::make_shared<CancelToken>());
}

void operation_cancel(const Napi::CallbackInfo& info) { unwrap_handle<CancelToken>(info[0])->cancel(); }

}  // namespace

std::shared_ptr<Session> session_of(const Napi::Value& handle) {
  auto session = unwrap_handle<SessionHandle>(handle)->session;
  if (!session) throw_status(handle.Env(), Status(error_code::kDisposed, "The session was disposed before the call"));
  return session;
}

OwnedTensor tensor_of(const Napi::Object& value, std::size_t* copied) {
  OwnedTensor tensor;
  tensor.dtype = dtype_of(value.Get("dtype"));
  tensor.dims = dims_of(value.Get("dims"));
  const auto lease = value.Get("lease");
  HeldBytes held =
      copied ? held_bytes_of(lease, value.Get("data"), *copied) : leased_bytes_of(lease, value.Get("data"));
  const auto expected = byte_count(tensor.dims, tensor.dtype);
  if (!expected || *expected != held.bytes) {
    throw Napi::RangeError::New(value.Env(),
                                "A tensor's data does not have the size of its shape " + dims_text(tensor.dims));
  }
  tensor.block = std::move(held.block);
  tensor.offset = held.offset;
  tensor.bytes = held.bytes;
  return tensor;
}

std::vector<OwnedTensor> inputs_of(const Napi::Value& value, const Session& session, std::size_t& copied) {
  auto array = value.As<Napi::Array>();
  if (array.Length() != session.info().inputs.size()) throw Napi::RangeError::New(value.Env(), "Expected every input");
  std::vector<OwnedTensor> inputs;
  for (std::uint32_t i = 0; i < array.Length(); ++i) {
    inputs.push_back(tensor_of(array.Get(i).As<Napi::Object>(), &copied));
  }
  return inputs;
}

Session::Session(std::shared_ptr<SessionLanes> lanes, std::size_t weight_bytes)
    : lanes_(std::move(lanes)),
      weight_bytes_(weight_bytes),
      executor_(lanes_->contexts.size(), "fov-session", kPatience) {
  open_sessions.fetch_add(1, std::memory_order_relaxed);
}

Session::~Session() { open_sessions.fetch_sub(1, std::memory_order_relaxed); }

Status SessionLanes::run(std::size_t lane, const RunRequest& request, RunResult& result) {
  // Also where it throws for want of memory.
  struct InFlight {
    InFlight() { ++runs_in_flight; }
    ~InFlight() { --runs_in_flight; }
  } in_flight;
  return contexts[lane]->run(request, result);
}

std::size_t SessionLanes::running() { return runs_in_flight; }

std::size_t Session::open() { return open_sessions.load(std::memory_order_relaxed); }

void register_session(Napi::Env env, Napi::Object exports) {
  exports.Set("sessionOpen", Napi::Function::New(env, session_open));
  exports.Set("sessionDescribe", Napi::Function::New(env, session_describe));
  exports.Set("sessionRun", Napi::Function::New(env, session_run));
  exports.Set("sessionClose", Napi::Function::New(env, session_close));
  exports.Set("operationCreate", Napi::Function::New(env, operation_create));
  exports.Set("operationCancel", Napi::Function::New(env, operation_cancel));
}

}  // namespace foveate
