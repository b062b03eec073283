#include "napi/session.h"

#include <atomic>

#include "napi/arguments.h"
#include "napi/lease.h"
#include "napi/tensor_arguments.h"

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

// While models run, it would stop their threads for as long as it takes: too long for the little that reading a model
// leaves.
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

// sessionAllocate(session, bytes: number): { handle, buffer }. For an input of the session.
Napi::Value session_allocate(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto session = session_of(info[0]);
  const auto bytes = static_cast<std::size_t>(info[1].As<Napi::Number>().Int64Value());
  BlockPtr block = memory_for(*session->lanes()->model, *Environment::of(env).memory(), bytes);
  if (!block) throw_status(env, no_memory_for_input(bytes));
  return make_lease(env, std::move(block), 0, bytes);
}

class SessionRefit final : public Operation {
 public:
  std::shared_ptr<SessionLanes> lanes;
  std::vector<std::pair<std::string, OwnedTensor>> weights;

  Status execute(std::size_t) override {
    std::vector<NamedWeights> named;
    for (const auto& [name, tensor] : weights) named.push_back({name, tensor.dtype, {tensor.data(), tensor.bytes}});
    return lanes->model->refit(named);
  }
  Napi::Value result(Napi::Env env) override { return env.Undefined(); }
};

// sessionRefit(session, weights: { name, tensor }[]): Promise<void>
Napi::Value session_refit(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<SessionRefit>();
  operation->lanes = session_of(info[0])->lanes();
  std::size_t copied = 0;
  auto weights = info[1].As<Napi::Array>();
  for (std::uint32_t i = 0; i < weights.Length(); ++i) {
    auto weight = weights.Get(i).As<Napi::Object>();
    operation->weights.emplace_back(string_of(weight.Get("name")),
                                    tensor_of(weight.Get("tensor").As<Napi::Object>(), &copied));
  }
  return environment.launch(environment.loader(), std::move(operation));
}

class SessionClose final : public Operation {
 public:
  SessionClose(std::shared_ptr<Session> session, std::shared_ptr<MemoryPool> pool)
      : session_(std::move(session)), pool_(std::move(pool)), weight_bytes_(session_->weight_bytes()) {}

  Status execute(std::size_t) override {
    session_->stop(kCloseBound);
    session_.reset();  // here, if nobody else holds it: freeing a model takes its time
    // Though others may run: who gives models up for others counts on it. Blocks of its sizes may serve nobody else.
    pool_->trim();
    return_free_memory();
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
  for (;;) {
    Status status = contexts[lane]->run(request, result);
    if (status.ok() || status.error().code != error_code::kDeviceLost) return status;
    // Else the lane would take request after request, being the first to have failed.
    auto other = model->create_context();
    if (!other.ok()) return status;
    contexts[lane] = std::move(other).value();
  }
}

std::size_t SessionLanes::running() { return runs_in_flight; }

std::size_t Session::open() { return open_sessions.load(std::memory_order_relaxed); }

void register_session(Napi::Env env, Napi::Object exports) {
  exports.Set("sessionOpen", Napi::Function::New(env, session_open));
  exports.Set("sessionDescribe", Napi::Function::New(env, session_describe));
  exports.Set("sessionAllocate", Napi::Function::New(env, session_allocate));
  exports.Set("sessionRefit", Napi::Function::New(env, session_refit));
  exports.Set("sessionClose", Napi::Function::New(env, session_close));
  exports.Set("operationCreate", Napi::Function::New(env, operation_create));
  exports.Set("operationCancel", Napi::Function::New(env, operation_cancel));
}

}  // namespace foveate
