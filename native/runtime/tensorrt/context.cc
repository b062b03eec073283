#include "runtime/tensorrt/context.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "runtime/no_throw.h"
#include "runtime/request.h"
#include "runtime/tensorrt/closing.h"

namespace foveate::tensorrt {
namespace {

// With graphs, every shape has an execution of its own, with memory of its own; the one unused longest goes.
constexpr std::size_t kMostExecutions = 8;
// How often a closing lane asks whether the GPU is done.
constexpr std::chrono::milliseconds kBetweenLooks{1};

// What a lane holds. Its context may outlive it.
class Handle final : public Context {
 public:
  explicit Handle(std::unique_ptr<TrtContext> context) : context_(std::move(context)) {}
  ~Handle() override { close(std::move(context_)); }
  Status run(const RunRequest& request, RunResult& result) override { return context_->run(request, result); }

 private:
  std::unique_ptr<TrtContext> context_;
};

}  // namespace

Result<std::unique_ptr<Context>> TrtContext::create(std::shared_ptr<TrtModel> model, std::shared_ptr<Engine> engine) {
  using cuda::Event;
  auto stream = cuda::Stream::create(engine->device());
  if (!stream.ok()) return stream.take_status();
  std::vector<Event> events;
  for (int i = 0; i < 4; ++i) {
    auto event = Event::create(engine->device(), Event::Timing::kOn);
    if (!event.ok()) return event.take_status();
    events.push_back(std::move(event).value());
  }
  std::unique_ptr<TrtContext> made(new TrtContext(std::move(model), std::move(engine), std::move(stream).value(),
                                                  {std::move(events[0]), std::move(events[1]), std::move(events[2])},
                                                  std::move(events[3])));
  return std::unique_ptr<Context>(std::make_unique<Handle>(std::move(made)));
}

TrtContext::TrtContext(std::shared_ptr<TrtModel> model, std::shared_ptr<Engine> engine, cuda::Stream stream,
                       Events events, cuda::Event done)
    : model_(std::move(model)),
      engine_(std::move(engine)),
      device_(*engine_->device()),
      stream_(std::move(stream)),
      events_(std::move(events)),
      done_(std::make_shared<cuda::Event>(std::move(done))),
      input_memory_(engine_->inputs().size()),
      output_memory_(engine_->outputs().size()),
      host_inputs_(engine_->inputs().size()),
      host_outputs_(engine_->outputs().size()) {}

TrtContext::~TrtContext() {
  if (left_behind_) caught_up();
  executions_.clear();
  engine_->release_profiles(this);
}

bool TrtContext::is_done_within(std::chrono::milliseconds bound) noexcept {
  const auto end = std::chrono::steady_clock::now() + bound;
  while (!is_done()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(kBetweenLooks);
  }
  return true;
}

bool TrtContext::is_done() noexcept {
  try {
    if (!waiter_.is_idle()) return false;
    const auto idle = stream_.idle();
    // A lost device does nothing any more; one that does not answer is asked again.
    return device_.lost() || (idle.ok() && idle.value() && is_quiet(device_));
  } catch (const std::exception&) {  // no memory to say what failed
    return false;
  }
}

Status TrtContext::run(const RunRequest& request, RunResult& result) {
  Status status = no_throw([&] { return run_or_throw(request, result); });
  if (!status.ok()) result = {};
  return status;
}

Status TrtContext::run_or_throw(const RunRequest& request, RunResult& result) {
  result = {};
  FOVEATE_RETURN_IF_ERROR(check_request(engine_->info(), request, Reach::kHostAndDevice));
  if (request.cancel != nullptr && request.cancel->cancelled()) return aborted();
  auto profile = engine_->claim_profile(this, request);
  if (!profile.ok()) return profile.take_status();
  FOVEATE_RETURN_IF_ERROR(device_.make_current());
  FOVEATE_RETURN_IF_ERROR(catch_up(request.cancel));

  const RunGate::Pass pass(model_->gate(), request.cancel);
  if (!pass.entered()) return aborted();
  Status status = attempt(profile.value(), request, result);
  if (!lacks_memory(status) || left_behind_) return status;
  let_go();
  return attempt(profile.value(), request, result);
}

Status TrtContext::attempt(std::size_t profile, const RunRequest& request, RunResult& result) {
  result = {};
  result.outputs.resize(request.outputs.size());
  // However this ends, and be it by an exception: nothing that the GPU may still use is let go.
  struct Settle {
    explicit Settle(TrtContext& its_context) : context(its_context) {}
    ~Settle() {
      if (finished) {
        context.flight_ = {};
      } else {
        context.settle();
      }
    }
    TrtContext& context;
    bool finished = false;
  } settle(*this);
  FOVEATE_RETURN_IF_ERROR(start(profile, request, result));
  FOVEATE_RETURN_IF_ERROR(finish(request, result));
  settle.finished = true;
  return {};
}

void TrtContext::settle() {
  if (left_behind_) return;
  const auto is_settled = [this] {
    if (stream_.synchronize().ok() || device_.lost()) return true;
    const auto idle = stream_.idle();  // a wait that was refused may have been made up for
    return device_.lost() || (idle.ok() && idle.value());
  };
  // Of what it may still read and write, some is the caller's.
  if (!is_settled()) device_.give_up("It answers neither a wait nor whether it is done");
  flight_ = {};
}

Status TrtContext::start(std::size_t profile, const RunRequest& request, RunResult& result) {
  const ModelInfo& info = engine_->info();
  FOVEATE_RETURN_IF_ERROR(read_host_inputs(request.inputs));
  auto found = execution_for(profile, request.inputs);
  if (!found.ok()) return found.take_status();
  Execution& execution = *found.value();
  FOVEATE_RETURN_IF_ERROR(execution.set_shapes(request.inputs, host_inputs_));

  addresses_.assign(info.inputs.size() + info.outputs.size(), nullptr);
  FOVEATE_RETURN_IF_ERROR(stream_.record(events_.started));
  for (std::size_t i = 0; i < info.inputs.size(); ++i) {
    if (engine_->inputs()[i].on_host) continue;
    auto place = upload(i, request.inputs[i]);
    if (!place.ok()) return place.take_status();
    addresses_[i] = place.value();
  }
  FOVEATE_RETURN_IF_ERROR(stream_.record(events_.uploaded));

  void** const places = addresses_.data() + info.inputs.size();
  for (std::size_t i = 0; i < info.outputs.size(); ++i) {
    if (execution.free_output(i) != nullptr) continue;
    auto place = output_place(i, execution.output_dims(i), request, result);
    if (!place.ok()) return place.take_status();
    places[i] = place.value();
  }
  FOVEATE_RETURN_IF_ERROR(execution.enqueue(addresses_, stream_, request.layer_times ? &result.layers : nullptr));
  FOVEATE_RETURN_IF_ERROR(stream_.record(events_.computed));

  for (std::size_t i = 0; i < request.outputs.size(); ++i)
    FOVEATE_RETURN_IF_ERROR(download(i, execution, places[request.outputs[i].index], request, result));
  return stream_.record(*done_);
}

Status TrtContext::finish(const RunRequest& request, RunResult& result) {
  if (request.cancel == nullptr) {
    FOVEATE_RETURN_IF_ERROR(done_->synchronize());
  } else {
    auto reached = waiter_.wait(done_, request.cancel);
    if (!reached.ok()) return reached.take_status();
    if (!reached.value()) {
      if (flight_.borrowed == Borrowed::kUntilDone) {
        FOVEATE_RETURN_IF_ERROR(done_->synchronize());
        return aborted();
      }
      if (flight_.borrowed == Borrowed::kUntilUploaded) FOVEATE_RETURN_IF_ERROR(events_.uploaded.synchronize());
      model_->gate().leave_behind(done_);
      leave_behind(done_);
      left_behind_ = true;
      return aborted();
    }
  }
  for (const Landing& landing : flight_.landings) std::copy_n(landing.from, landing.bytes, landing.to);
  const auto measure = [](const cuda::Event& from, const cuda::Event& to, std::chrono::nanoseconds& time) -> Status {
    auto elapsed = to.elapsed_since(from);
    if (!elapsed.ok()) return elapsed.take_status();
    time = elapsed.value();
    return {};
  };
  FOVEATE_RETURN_IF_ERROR(measure(events_.started, events_.uploaded, result.upload));
  FOVEATE_RETURN_IF_ERROR(measure(events_.uploaded, events_.computed, result.compute));
  FOVEATE_RETURN_IF_ERROR(measure(events_.computed, *done_, result.download));
  result.copied_bytes = flight_.copied_bytes;
  return {};
}

Status TrtContext::catch_up(CancelToken* cancel) {
  if (!left_behind_) return {};
  if (cancel != nullptr) {
    auto reached = waiter_.wait(done_, cancel);
    if (reached.ok() && !reached.value()) return aborted();
    if (!reached.ok() && !device_.lost()) return reached.take_status();
  }
  Status status = stream_.synchronize();
  if (!status.ok() && !device_.lost()) return status;
  caught_up();
  return device_.usable();
}

void TrtContext::caught_up() {
  left_behind_ = false;
  foveate::tensorrt::caught_up(done_);
  model_->gate().caught_up(done_);
  flight_ = {};
}

void TrtContext::let_go() {
  executions_.clear();
  for (auto* const memory : {&input_memory_, &output_memory_}) std::ranges::fill(*memory, nullptr);
  device_.device_pool().trim();
  device_.pinned_pool().trim();
}

Result<Execution*> TrtContext::execution_for(std::size_t profile, std::span<const TensorView> inputs) {
  if (generation_ != model_->generation()) {
    for (const auto& execution : executions_) execution->forget_graphs();
    generation_ = model_->generation();
  }
  const auto found = std::ranges::find_if(executions_, [&](const auto& execution) {
    return execution->profile() == profile && (!execution->keeps_shapes() || execution->has_shapes(inputs));
  });
  if (found != executions_.end()) {
    std::rotate(found, found + 1, executions_.end());
    return executions_.back().get();
  }
  if (executions_.size() == kMostExecutions) executions_.erase(executions_.begin());
  auto made = Execution::create(engine_, profile, stream_, model_->graphs());
  if (!made.ok()) return made.take_status();
  executions_.push_back(std::move(made).value());
  return executions_.back().get();
}

}  // namespace foveate::tensorrt
