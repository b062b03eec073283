// One lane's way into an engine: a stream, the executions that it used, and the memory that runs go through.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/status.h"
#include "runtime/cuda/stream.h"
#include "runtime/cuda/waiter.h"
#include "runtime/runtime.h"
#include "runtime/tensorrt/execution.h"
#include "runtime/tensorrt/model.h"

namespace foveate::tensorrt {

class TrtContext final : public Context {
 public:
  // What is given out is freed by `close`, of closing.h.
  static Result<std::unique_ptr<Context>> create(std::shared_ptr<TrtModel> model, std::shared_ptr<Engine> engine);
  ~TrtContext() override;

  // TENSOR_DTYPE, TENSOR_SHAPE: what does not fit the model or its profiles. ABORTED: the token was cancelled. A GPU
  // cannot be stopped: it goes on in memory of ours, and the next run of this context waits for it; where memory of the
  // caller's takes part that the GPU itself reads or writes, this run does. CUDA_OUT_OF_MEMORY, OUT_OF_MEMORY,
  // ENGINE_FAILED: the context can be used again. DEVICE_LOST: it cannot.
  Status run(const RunRequest& request, RunResult& result) override;

  // Whether the GPU is done with what this lane left on it, and with what others did: freeing memory of a GPU may wait
  // for all work on it. Asks for as long as `bound`. From then on the context can be freed.
  bool is_done_within(std::chrono::milliseconds bound) noexcept;
  int device() const { return device_.ordinal(); }

 private:
  // What of the caller's the GPU itself reads or writes.
  enum class Borrowed : std::uint8_t { kNothing, kUntilUploaded, kUntilDone };

  // A result on its way into memory of the host.
  struct Landing {
    std::byte* to;
    BlockPtr staging;
    const std::byte* from;  // in `staging`, or where the processor's own results are
    std::size_t bytes;
  };
  // What has to stay as it is until the stream is done.
  struct Flight {
    Borrowed borrowed = Borrowed::kNothing;
    std::vector<BlockPtr> blocks;
    std::vector<Landing> landings;
    std::size_t copied_bytes = 0;
  };

  struct Events {
    cuda::Event started, uploaded, computed;
  };

  TrtContext(std::shared_ptr<TrtModel> model, std::shared_ptr<Engine> engine, cuda::Stream stream, Events events,
             cuda::Event done);

  Status run_or_throw(const RunRequest& request, RunResult& result);
  Status attempt(std::size_t profile, const RunRequest& request, RunResult& result);
  Status start(std::size_t profile, const RunRequest& request, RunResult& result);
  Status finish(const RunRequest& request, RunResult& result);
  bool is_done() noexcept;
  // After a run that did not come to its end: waits for the GPU, and lets go of what was in flight.
  void settle();
  // Waits for what an aborted run left. Where that fails, it is still left.
  Status catch_up(CancelToken* cancel);
  void caught_up();
  // Frees what is only kept for later runs.
  void let_go();

  Result<Execution*> execution_for(std::size_t profile, std::span<const TensorView> inputs);
  Status read_host_inputs(std::span<const TensorView> inputs);

  // CUDA_FAILED for a tensor on another GPU that was lost.
  Status check_reachable(const TensorView& view) const;
  // The GPU reads an input by itself: a share in it is kept where there is one, else the caller's memory is waited for.
  void borrow(const TensorView& input, Borrowed how);
  // Where the engine finds an input.
  Result<void*> upload(std::size_t input, const TensorView& view);
  // Where it writes an output: with those who asked for it on this device, or in memory of ours.
  Result<void*> output_place(std::size_t output, const Dims& dims, const RunRequest& request, RunResult& result);
  Status download(std::size_t asked, Execution& execution, void* place, const RunRequest& request, RunResult& result);
  Status download_to_host(const void* from, std::size_t bytes, const RunRequest::Output& asked, OwnedTensor& tensor);

  // Memory of the device that stays with a tensor of the model, since graphs hold its address.
  Result<void*> lane_memory(BlockPtr& block, std::size_t bytes);
  Result<BlockPtr> staging(std::size_t bytes);
  bool is_here(const TensorView& view) const;

  const std::shared_ptr<TrtModel> model_;
  const std::shared_ptr<Engine> engine_;
  cuda::Device& device_;
  cuda::Stream stream_;
  Events events_;
  const std::shared_ptr<cuda::Event> done_;
  cuda::Waiter waiter_;
  std::vector<std::unique_ptr<Execution>> executions_;  // the one used last at the end
  std::vector<BlockPtr> input_memory_;
  std::vector<BlockPtr> output_memory_;
  std::vector<std::vector<std::byte>> host_inputs_;
  std::vector<std::vector<std::byte>> host_outputs_;
  std::vector<void*> addresses_;  // of the run in progress: inputs, then outputs
  Flight flight_;
  bool left_behind_ = false;
  std::size_t generation_ = 0;  // of the weights that graphs were captured with
};

}  // namespace foveate::tensorrt
