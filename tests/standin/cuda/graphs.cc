// Graphs: what was captured, launched as one.
#include <utility>

#include "driver.h"

using namespace foveate::cuda::standin;

CUresult cuStreamBeginCapture_v2(CUstream handle, int mode) noexcept {
  STANDIN_ENTER(cuStreamBeginCapture_v2, kContext);
  const auto stream = stream_of(call, handle);
  if (!stream) return kInvalidHandle;
  if (mode < 0 || mode > 2 || stream->capture) return result::kInvalidValue;
  auto capture = std::make_shared<Capture>(Capture{stream.get(), std::this_thread::get_id(), mode});
  capture->graph = std::make_shared<Graph>(Graph{call.device, {}});
  stream->capture = capture;
  driver().captures.push_back(std::move(capture));
  return result::kSuccess;
}

CUresult cuStreamEndCapture(CUstream handle, CUgraph* graph) noexcept {
  STANDIN_ENTER(cuStreamEndCapture, kContext);
  *graph = nullptr;
  const auto stream = stream_of(call, handle);
  if (!stream) return kInvalidHandle;
  const auto capture = stream->capture;
  if (!capture) return result::kInvalidValue;
  if (capture->origin != stream.get()) {
    capture->invalid = true;
    return kCaptureUnmatched;
  }
  if (capture->mode != 2 && capture->thread != std::this_thread::get_id()) return kCaptureWrongThread;
  for (const auto& [other_handle, other] : driver().streams) {
    if (other->capture == capture) other->capture = nullptr;
  }
  std::erase(driver().captures, capture);
  if (capture->invalid) return kCaptureInvalidated;
  if (!capture->unjoined.empty()) return kCaptureUnjoined;
  *graph = reinterpret_cast<CUgraph>(capture->graph.get());
  driver().graphs.emplace(*graph, capture->graph);
  return result::kSuccess;
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec* handle, CUgraph graph, unsigned long long flags) noexcept {
  STANDIN_ENTER(cuGraphInstantiateWithFlags, kContext);
  const auto found = driver().graphs.find(graph);
  if (found == driver().graphs.end() || flags != 0) return result::kInvalidValue;
  auto executable = std::make_shared<Graph>(*found->second);
  *handle = reinterpret_cast<CUgraphExec>(executable.get());
  driver().executables.emplace(*handle, std::move(executable));
  return result::kSuccess;
}

CUresult cuGraphLaunch(CUgraphExec handle, CUstream stream_handle) noexcept {
  STANDIN_ENTER(cuGraphLaunch, kContext);
  const auto stream = stream_of(call, stream_handle);
  const auto found = driver().executables.find(handle);
  if (!stream || found == driver().executables.end()) return kInvalidHandle;
  for (const Work& work : found->second->work) {
    if (const CUresult error = put(*stream, work); error != result::kSuccess) return error;
  }
  return result::kSuccess;
}

CUresult cuGraphExecDestroy(CUgraphExec executable) noexcept {
  STANDIN_ENTER(cuGraphExecDestroy, kContext);
  return driver().executables.erase(executable) == 1 ? result::kSuccess : result::kInvalidValue;
}

CUresult cuGraphDestroy(CUgraph graph) noexcept {
  STANDIN_ENTER(cuGraphDestroy, kContext);
  return driver().graphs.erase(graph) == 1 ? result::kSuccess : result::kInvalidValue;
}
