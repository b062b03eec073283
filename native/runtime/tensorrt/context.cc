#include "runtime/tensorrt/context.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "runtime/request.h"
#include "runtime/tensorrt/profile_choice.h"

namespace foveate::tensorrt {
namespace {

// With graphs, every shape has an execution of its own, with memory of its own; the one unused longest goes.
constexpr std::size_t kMostExecutions = 8;

// Whether the mark was reached; if not, the token was cancelled first. Asks more and more rarely: what that adds to a
// wait is a small part of it.
Result<bool> reached_first(const cuda::Event& mark, const CancelToken* cancel) {
  using std::chrono::microseconds;
  const auto start = std::chrono::steady_clock::now();
  for (;;) {
    auto reached = mark.reached();
    if (!reached.ok() || reached.value()) return reached;
    if (cancel->cancelled()) return false;
    const auto waited = std::chrono::duration_cast<microseconds>(std::chrono::steady_clock::now() - start);
    if (waited < microseconds(20)) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::clamp(waited / 32, microseconds(10), microseconds(500)));
    }
  }
}

bool lacks_memory(const Status& status) { return !status.ok() && status.error().code == error_code::kCudaOutOfMemory; }

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
  return std::unique_ptr<Context>(new TrtContext(std::move(model), std::move(engine), std::move(stream).value(),
                                                 {std::move(events[0]), std::move(events[1]), std::move(events[2])},
                                                 std::move(events[3])));
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
  if (!left_behind_) return;
  // Where that fails, the device is lost and touches nothing any more.
  (void)done_->synchronize();
  model_->gate().caught_up(done_);
}

Status TrtContext::run(const RunRequest& request, RunResult& result) {
  result = {};
  FOVEATE_RETURN_IF_ERROR(check_request(engine_->info(), request, Reach::kHostAndDevice));
  if (request.cancel != nullptr && request.cancel->cancelled()) return aborted();
  auto profile = choose_profile(engine_->info(), request.inputs, request.profile);
  if (!profile.ok()) return profile.take_status();
  FOVEATE_RETURN_IF_ERROR(device_.make_current());
  FOVEATE_RETURN_IF_ERROR(catch_up(request.cancel));

  const RunGate::Pass pass(model_->gate());
  Status status = attempt(profile.value(), request, result);
  if (lacks_memory(status)) {
    let_go();
    status = attempt(profile.value(), request, result);
  }
  if (!status.ok()) result = {};
  return status;
}

Status TrtContext::attempt(std::size_t profile, const RunRequest& request, RunResult& result) {
  result = {};
  result.outputs.resize(request.outputs.size());
  flight_ = {};
  Status status = start(profile, request, result);
  if (status.ok()) status = finish(request, result);
  if (left_behind_) return status;
  // What failed half way may have copies under way.
  if (!status.ok()) (void)stream_.synchronize();
  flight_ = {};
  return status;
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
    auto reached = reached_first(*done_, request.cancel);
    if (!reached.ok()) return reached.take_status();
    if (!reached.value()) {
      if (flight_.borrowed == Borrowed::kUntilDone) {
        FOVEATE_RETURN_IF_ERROR(done_->synchronize());
        return aborted();
      }
      if (flight_.borrowed == Borrowed::kUntilUploaded) FOVEATE_RETURN_IF_ERROR(events_.uploaded.synchronize());
      left_behind_ = true;
      model_->gate().leave_behind(done_);
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
  Status status;
  if (cancel == nullptr) {
    status = done_->synchronize();
  } else {
    auto reached = reached_first(*done_, cancel);
    if (reached.ok() && !reached.value()) return aborted();
    if (!reached.ok()) status = reached.take_status();
  }
  left_behind_ = false;
  model_->gate().caught_up(done_);
  flight_ = {};
  return status;
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
