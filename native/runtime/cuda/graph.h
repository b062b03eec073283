// Work that was enqueued once and is launched again and again, by one call.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <utility>

#include "core/status.h"
#include "runtime/cuda/device.h"
#include "runtime/cuda/stream.h"

namespace foveate::cuda {

// It holds the addresses of the memory that it was captured with, and no share in it: its owner keeps the blocks.
// Belongs to one lane. Move-only.
class Graph {
 public:
  // What `enqueue` puts into the stream is not run but recorded. It must not wait for the GPU, nor allocate memory of
  // it, by the calling thread; other threads are free to (thread-local mode). Where it fails, or what it enqueued
  // cannot be captured, its status, or CUDA_FAILED, says so; where memory runs out, CUDA_OUT_OF_MEMORY or
  // OUT_OF_MEMORY. The stream is as it was before, and the same work can be enqueued without a graph.
  static Result<Graph> capture(Stream& stream, const std::function<Status()>& enqueue);

  Graph(Graph&& other) noexcept;
  Graph& operator=(Graph&& other) noexcept;
  ~Graph();

  // Enqueues all of it; in a stream of the same device. Its copies count each time.
  Status launch(Stream& stream);

 private:
  Graph(DeviceUse device, CUgraphExec executable, const std::array<CopyCount, 3>& copies)
      : device_(std::move(device)), executable_(executable), copies_(copies) {}

  DeviceUse device_;
  CUgraphExec executable_;  // null once moved from
  std::array<CopyCount, 3> copies_;
};

}  // namespace foveate::cuda
