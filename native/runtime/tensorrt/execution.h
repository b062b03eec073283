// One execution context of an engine, with one optimization profile: shapes go in, addresses are set, work is enqueued.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/status.h"
#include "runtime/cuda/graph.h"
#include "runtime/cuda/memory.h"
#include "runtime/cuda/stream.h"
#include "runtime/runtime.h"
#include "runtime/tensorrt/callbacks.h"
#include "runtime/tensorrt/engine.h"

namespace foveate::tensorrt {

// An output whose size only the run tells: the library asks for memory for it, and says its dimensions, before enqueue
// returns. It may ask more than once, and have enqueued work by then that writes to what it got first: all blocks stay
// until `forget`, before the next run.
class FreeOutput final : public abi::OutputListener {
 public:
  FreeOutput(cuda::Device& device, abi::Releases releases) : device_(device), releases_(releases) {}
  FreeOutput(const FreeOutput&) = delete;
  FreeOutput& operator=(const FreeOutput&) = delete;

  void* provide(std::uint64_t bytes) noexcept override;
  void told(const void* dims) noexcept override;

  void* allocator() { return callbacks_.of(releases_); }
  void forget();
  // What the library got last.
  BlockPtr block() const { return blocks_.empty() ? nullptr : blocks_.back(); }
  const std::optional<Dims>& dims() const { return dims_; }
  // CUDA_OUT_OF_MEMORY, OUT_OF_MEMORY, DEVICE_LOST: why there was no memory, success where there was.
  Status take_failure();

 private:
  cuda::Device& device_;
  const abi::Releases releases_;
  abi::OutputAllocators callbacks_{*this};
  std::vector<BlockPtr> blocks_;
  std::optional<Dims> dims_;
  Status failure_;
  bool lacks_host_memory_ = false;
};

// Belongs to one lane, whose stream it works in; destroyed when that has nothing of it in flight.
class Execution final : abi::LayerListener {
 public:
  // `graphs`: whether work is captured and replayed. An execution that does so keeps its first shapes, since what was
  // captured may refer to what the library keeps of them.
  static Result<std::unique_ptr<Execution>> create(std::shared_ptr<Engine> engine, std::size_t profile,
                                                   cuda::Stream& stream, bool graphs);
  ~Execution();
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  std::size_t profile() const { return profile_; }
  // Whether other shapes need an execution of their own. Not in TensorRT 8, which has one for each profile: there,
  // other shapes need other graphs.
  bool keeps_shapes() const;
  bool has_shapes(std::span<const TensorView> inputs) const;

  // `host_inputs`: for each input that the processor reads, its values, which stay there until the run is over.
  Status set_shapes(std::span<const TensorView> inputs, const std::vector<std::vector<std::byte>>& host_inputs);
  // Of an output, now that shapes are set; where a dimension is kDynamic, `free_output` gives the memory.
  const Dims& output_dims(std::size_t output) const { return output_dims_[output]; }
  FreeOutput* free_output(std::size_t output) const { return free_outputs_[output].get(); }

  // Addresses of all inputs, then all outputs but the free ones, whose place is not read.
  Status enqueue(const std::vector<void*>& addresses, cuda::Stream& stream, std::vector<LayerTime>* layers);

  // What was captured with other weights must not be replayed.
  void forget_graphs() {
    captured_.clear();
    warm_ = false;
  }
  std::size_t captured() const { return captured_.size(); }

 private:
  class Timing;
  struct Captured {
    std::vector<void*> addresses;
    cuda::Graph graph;
  };

  Execution(std::shared_ptr<Engine> engine, std::size_t profile, Owned<abi::Execution> native, bool graphs);
  void took(const char* layer, float milliseconds) noexcept override;
  Status read_output_dims();
  Status set_addresses(const std::vector<void*>& addresses);
  Status enqueue_plain(cuda::Stream& stream);
  // Why an output of free size got no memory, which a library may keep to itself.
  Status output_failure();
  // Whether it was done so; where not, it has to be done plainly.
  Result<bool> replay(const std::vector<void*>& addresses, cuda::Stream& stream);

  const std::shared_ptr<Engine> engine_;
  const std::size_t profile_;
  const bool graphs_;
  std::vector<std::unique_ptr<FreeOutput>> free_outputs_;  // null: its dimensions are known before a run
  Owned<abi::Execution> native_;                           // before what it calls
  std::optional<std::vector<Dims>> shapes_;
  std::vector<Dims> output_dims_;
  bool capturable_ = true;      // what the shapes tell
  bool refused_ = false;        // what trying told
  std::size_t plain_runs_ = 0;  // to be made before a graph is tried again, for which memory was short
  bool warm_ = false;           // ran with its shapes: what they set off is done, and may be captured
  std::vector<Captured> captured_;
  abi::Profilers profilers_{*this};
  std::vector<LayerTime>* layers_ = nullptr;  // of the run in progress
};

}  // namespace foveate::tensorrt
