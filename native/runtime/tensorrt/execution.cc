#include "runtime/tensorrt/execution.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/log.h"
#include "runtime/tensorrt/dims.h"
#include "runtime/tensorrt/slots.generated.h"

namespace foveate::tensorrt {
namespace {

// Of one shape: as many sets of buffers as a caller may reasonably rotate.
constexpr std::size_t kMostGraphs = 4;
// After memory for a graph was short: trying takes longer than a run.
constexpr std::size_t kRunsUntilMemory = 16;

std::string quoted(const std::string& name) { return "\"" + name + "\""; }

bool is_dynamic(const Dims& dims) { return std::ranges::find(dims, kDynamic) != dims.end(); }

}  // namespace

void* FreeOutput::provide(std::uint64_t bytes) noexcept {
  try {
    if (!blocks_.empty() && blocks_.back()->bytes() >= bytes) return blocks_.back()->data();
    auto made = device_.device_pool().allocate(bytes);
    if (made.ok()) {
      blocks_.push_back(std::move(made).value());
      return blocks_.back()->data();
    }
    failure_ = made.take_status();
  } catch (const std::exception&) {  // no memory for the block itself
    lacks_host_memory_ = true;
  }
  return nullptr;
}

void FreeOutput::told(const void* dims) noexcept {
  try {
    dims_ = dims_at(dims, releases_);
  } catch (const std::exception&) {
    lacks_host_memory_ = true;
  }
}

void FreeOutput::forget() {
  blocks_.clear();
  dims_.reset();
  failure_ = {};
  lacks_host_memory_ = false;
}

Status FreeOutput::take_failure() {
  if (lacks_host_memory_) return {error_code::kOutOfMemory, "There is no memory left for an output"};
  return std::move(failure_);
}

Execution::Execution(std::shared_ptr<Engine> engine, std::size_t profile, Owned<abi::Execution> native, bool graphs)
    : engine_(std::move(engine)),
      profile_(profile),
      graphs_(graphs),
      free_outputs_(engine_->info().outputs.size()),
      native_(std::move(native)) {}

Execution::~Execution() {
  const cuda::ContextScope scope(*engine_->device());
  LogScope log;
  captured_.clear();
  native_.reset();
}

Result<std::unique_ptr<Execution>> Execution::create(std::shared_ptr<Engine> engine, std::size_t profile,
                                                     cuda::Stream& stream, bool graphs) {
  auto native = engine->create_execution(profile, stream.native());
  if (!native.ok()) return native.take_status();
  return std::unique_ptr<Execution>(new Execution(std::move(engine), profile, std::move(native).value(), graphs));
}

// The library tells how long layers took while this lives.
class Execution::Timing {
 public:
  Timing(Execution& execution, std::vector<LayerTime>* layers) : execution_(execution) {
    if (layers == nullptr) return;
    execution_.layers_ = layers;
    listen(execution_.profilers_.of(execution_.engine_->version().releases));
  }
  ~Timing() {
    if (execution_.layers_ == nullptr) return;
    listen(nullptr);
    execution_.layers_ = nullptr;
  }
  Timing(const Timing&) = delete;
  Timing& operator=(const Timing&) = delete;

 private:
  void listen(void* profiler) const {
    abi::kExecutionContextSetProfiler.in(execution_.engine_->version())(execution_.native_.get(), profiler);
  }

  Execution& execution_;
};

bool Execution::keeps_shapes() const {
  const bool several = engine_->version().releases != abi::Releases::kTrt8;
  return several && graphs_ && !refused_ && capturable_ && shapes_.has_value();
}

bool Execution::has_shapes(std::span<const TensorView> inputs) const {
  return shapes_ && std::ranges::equal(*shapes_, inputs, {}, {}, &TensorView::dims);
}

Status Execution::set_shapes(std::span<const TensorView> inputs,
                             const std::vector<std::vector<std::byte>>& host_inputs) {
  const abi::Version& version = engine_->version();
  const bool reads_values = std::ranges::any_of(engine_->inputs(), &EngineTensor::on_host);
  if (!reads_values && has_shapes(inputs)) return {};
  shapes_.reset();
  warm_ = false;
  captured_.clear();
  LogScope log;
  std::vector<Dims> shapes;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const TensorInfo& info = engine_->info().inputs[i];
    const ForeignDims dims(inputs[i].dims, version.releases);
    if (!abi::kExecutionContextSetInputShape.in(version)(native_.get(), info.name.c_str(), dims.reference())) {
      Status failed =
          engine_->failure(log, "Input " + quoted(info.name) + ": TensorRT refuses " + dims_text(inputs[i].dims));
      if (failed.error().code == error_code::kEngineFailed) failed.error().code = error_code::kTensorShape;
      return failed;
    }
    if (engine_->inputs()[i].on_host) {
      auto* const values = const_cast<std::byte*>(host_inputs[i].data());
      if (!abi::kExecutionContextSetTensorAddress.in(version)(native_.get(), info.name.c_str(), values))
        return engine_->failure(log, "Input " + quoted(info.name) + ": TensorRT refuses its values");
    }
    shapes.push_back(inputs[i].dims);
  }
  if (abi::kExecutionContextInferShapes.in(version)(native_.get(), 0, nullptr) != 0)
    return engine_->failure(log, "TensorRT cannot tell the shapes of the outputs");
  FOVEATE_RETURN_IF_ERROR(read_output_dims());
  shapes_ = std::move(shapes);
  return {};
}

Status Execution::read_output_dims() {
  const abi::Version& version = engine_->version();
  output_dims_.clear();
  capturable_ = std::ranges::none_of(engine_->inputs(), &EngineTensor::on_host) &&
                std::ranges::none_of(engine_->outputs(), &EngineTensor::on_host);
  for (std::size_t i = 0; i < free_outputs_.size(); ++i) {
    const char* const name = engine_->info().outputs[i].name.c_str();
    auto dims = dims_of(abi::kExecutionContextGetTensorShape.in(version)(native_.get(), name), version.releases);
    if (!dims) return {error_code::kEngineFailed, "Output " + quoted(name) + ": TensorRT tells no shape."};
    output_dims_.push_back(std::move(*dims));
    if (!is_dynamic(output_dims_.back())) {
      if (free_outputs_[i]) abi::kExecutionContextSetOutputAllocator.in(version)(native_.get(), name, nullptr);
      free_outputs_[i].reset();
      continue;
    }
    capturable_ = false;
    if (engine_->outputs()[i].on_host)
      return {
          error_code::kEngineFailed,
          "Output " + quoted(name) + " is made by the processor, and TensorRT does not tell its shape before a run."};
    if (!free_outputs_[i]) free_outputs_[i] = std::make_unique<FreeOutput>(*engine_->device(), version.releases);
    LogScope log;
    if (!abi::kExecutionContextSetOutputAllocator.in(version)(native_.get(), name, free_outputs_[i]->allocator()))
      return engine_->failure(log, "TensorRT takes no allocator for the output " + quoted(name));
  }
  return {};
}

Status Execution::set_addresses(const std::vector<void*>& addresses) {
  const auto set = abi::kExecutionContextSetTensorAddress.in(engine_->version());
  const ModelInfo& info = engine_->info();
  LogScope log;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const bool is_input = i < info.inputs.size();
    const std::size_t at = is_input ? i : i - info.inputs.size();
    if (is_input ? engine_->inputs()[at].on_host : free_outputs_[at] != nullptr) continue;
    const std::string& name = (is_input ? info.inputs : info.outputs)[at].name;
    if (!set(native_.get(), name.c_str(), addresses[i]))
      return engine_->failure(log, "TensorRT refuses the address of " + quoted(name));
  }
  return {};
}

Status Execution::enqueue_plain(cuda::Stream& stream) {
  LogScope log;
  for (const auto& output : free_outputs_) {
    if (output) output->forget();
  }
  const bool enqueued = abi::kExecutionContextEnqueueV3.in(engine_->version())(native_.get(), stream.native());
  FOVEATE_RETURN_IF_ERROR(output_failure());
  return enqueued ? Status() : engine_->failure(log, "TensorRT failed to run the engine");
}

Status Execution::output_failure() {
  for (const auto& output : free_outputs_) {
    if (output) FOVEATE_RETURN_IF_ERROR(output->take_failure());
  }
  return {};
}

Status Execution::enqueue(const std::vector<void*>& addresses, cuda::Stream& stream, std::vector<LayerTime>* layers) {
  if (plain_runs_ > 0) {
    --plain_runs_;
  } else if (graphs_ && capturable_ && !refused_ && warm_ && layers == nullptr) {
    auto replayed = replay(addresses, stream);
    if (!replayed.ok()) return replayed.take_status();
    if (replayed.value()) return {};
  }
  FOVEATE_RETURN_IF_ERROR(set_addresses(addresses));
  const Timing timing(*this, layers);
  warm_ = false;
  Status status = enqueue_plain(stream);
  warm_ = status.ok();
  return status;
}

Result<bool> Execution::replay(const std::vector<void*>& addresses, cuda::Stream& stream) {
  auto found = std::ranges::find(captured_, addresses, &Captured::addresses);
  if (found == captured_.end()) {
    FOVEATE_RETURN_IF_ERROR(set_addresses(addresses));
    auto graph = cuda::Graph::capture(stream, [&] { return enqueue_plain(stream); });
    if (!graph.ok()) {
      if (graph.status().error().code == error_code::kDeviceLost) return graph.take_status();
      // What cannot be captured never can; memory may be there another time.
      if (lacks_memory(graph.status())) {
        plain_runs_ = kRunsUntilMemory;
      } else {
        refused_ = true;
      }
      log({LogLevel::kInfo, "tensorrt", "", "No CUDA graph is used: " + graph.status().error().message});
      return false;
    }
    if (captured_.size() == kMostGraphs) captured_.erase(captured_.begin());
    captured_.push_back({addresses, std::move(graph).value()});
    found = captured_.end() - 1;
  }
  FOVEATE_RETURN_IF_ERROR(found->graph.launch(stream));
  return true;
}

void Execution::took(const char* layer, float milliseconds) noexcept {
  if (layers_ == nullptr) return;
  try {
    const std::chrono::duration<float, std::milli> time(milliseconds);
    layers_->push_back({layer == nullptr ? "" : layer, std::chrono::duration_cast<std::chrono::nanoseconds>(time)});
  } catch (const std::exception&) {  // no memory for a line: it is dropped
  }
}

}  // namespace foveate::tensorrt
