#include "runtime/cuda/graph.h"

#include <new>

namespace foveate::cuda {

Result<Graph> Graph::capture(Stream& stream, const std::function<Status()>& enqueue) {
  auto use = DeviceUse::begin(stream.device_.device());
  if (!use.ok()) return use.take_status();
  Device& device = *use.value();
  const Functions& driver = device.functions();
  FOVEATE_RETURN_IF_ERROR(device.check(driver.cuStreamBeginCapture_v2(stream.native(), kCaptureThreadLocal),
                                       "The stream cannot be captured"));
  stream.capturing_ = true;
  stream.captured_ = {};
  Status enqueued;
  bool has_memory = true;
  try {
    enqueued = enqueue();
  } catch (const std::bad_alloc&) {
    has_memory = false;
  }
  stream.capturing_ = false;
  // Also after a failure: it ends the capture, and gives no graph where something could not be captured.
  CUgraph graph = nullptr;
  CUresult answer = driver.cuStreamEndCapture(stream.native(), &graph);
  CUgraphExec executable = nullptr;
  if (answer == result::kSuccess && enqueued.ok() && has_memory)
    answer = driver.cuGraphInstantiateWithFlags(&executable, graph, 0);
  if (graph != nullptr) driver.cuGraphDestroy(graph);
  if (!has_memory) return Status(error_code::kOutOfMemory, "There is no memory left for what a graph is made of");
  if (!enqueued.ok()) return Status(enqueued.error().code, enqueued.error().message, enqueued.error().hint);
  if (Status status = device.check(answer, "The work makes no graph"); !status.ok()) {
    if (status.error().code == error_code::kCudaFailed)
      status.error().hint = "The stream can be used as before: enqueue the work without a graph.";
    return status;
  }
  return Graph(std::move(use).value(), executable, stream.captured_);
}

Graph::Graph(Graph&& other) noexcept
    : device_(std::move(other.device_)),
      executable_(std::exchange(other.executable_, nullptr)),
      copies_(other.copies_) {}

Graph& Graph::operator=(Graph&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(executable_, other.executable_);
  std::swap(copies_, other.copies_);
  return *this;
}

Graph::~Graph() {
  if (executable_ == nullptr) return;
  const ContextScope scope(*device_);
  if (scope.entered())
    (void)device_->check(device_->functions().cuGraphExecDestroy(executable_), "A graph was not freed");
}

Status Graph::launch(Stream& stream) {
  FOVEATE_RETURN_IF_ERROR(device_->make_current());
  FOVEATE_RETURN_IF_ERROR(
      device_->check(device_->functions().cuGraphLaunch(executable_, stream.native()), "A graph was not launched"));
  for (std::size_t kind = 0; kind < copies_.size(); ++kind) {
    if (copies_[kind].copies > 0) stream.count(static_cast<CopyKind>(kind), copies_[kind]);
  }
  return {};
}

}  // namespace foveate::cuda
