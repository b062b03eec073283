// The one interface that every engine implements: open a model, describe it, run batches on it. ONNX Runtime
// stands behind it; its shape has room for engines with profiles, streams and device memory, such as TensorRT.
//
//   Runtime (one library, process-wide)  --open-->  Model (weights, shared by lanes)  --create_context-->  Context (one
//   lane)
//
// Threads: Runtime and Model may be used from any thread at once. A Context belongs to one lane: it owns that lane's
// stream and scratch memory, and nothing but the cancel token of its run reaches it from elsewhere. A Model lives as
// long as its last Context, an output as long as its block. No function throws; each reports a Status.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/cancel.h"
#include "core/dtype.h"
#include "core/memory.h"
#include "core/shape.h"
#include "core/status.h"

namespace foveate {

struct TensorInfo {
  std::string name;
  DType dtype;
  Dims dims;  // kDynamic where only a run tells; empty: a scalar, or a rank that only a run tells
  std::vector<std::string>
      symbols;  // name of each dynamic dimension, "" where it has none or is fixed; as many as dims
};

// The shapes that an engine was built for, per input in the order of ModelInfo::inputs. A model without limits has no
// profile.
struct OptimizationProfile {
  std::vector<Dims> min;
  std::vector<Dims> opt;
  std::vector<Dims> max;
  // Of an input whose values make shapes, the range of each value; empty for all others, and where nothing tells them.
  std::vector<std::vector<std::int64_t>> min_values = {};
  std::vector<std::vector<std::int64_t>> opt_values = {};
  std::vector<std::vector<std::int64_t>> max_values = {};
};

struct ModelInfo {
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  std::vector<OptimizationProfile> profiles;
  std::vector<std::string> providers;  // in the order of preference, as the runtime names them
};

// A tensor over memory that somebody else holds for as long as the run takes. Of an input with an owner, a run that is
// aborted keeps a share for as long as a device reads it, instead of waiting for that.
struct TensorView {
  DType dtype = DType::kFloat32;
  Dims dims;
  void* data = nullptr;
  std::size_t bytes = 0;
  MemoryPlace place;
  BlockPtr owner = nullptr;
};

// A tensor and a share in its memory. Its data starts `offset` bytes into the block.
struct OwnedTensor {
  DType dtype = DType::kFloat32;
  Dims dims;
  BlockPtr block;
  std::size_t offset = 0;
  std::size_t bytes = 0;

  std::byte* data() const { return block->data() + offset; }
  TensorView view() const { return {dtype, dims, data(), bytes, block->place(), block}; }
};

// One batch. Inputs stand in the order of ModelInfo::inputs, all of them. Each requested output is named by its index
// in ModelInfo::outputs and either bound to memory of the caller, or left to the runtime, which then makes a tensor
// whose shape is known only after the run: in host memory, or on the device, where another model can read it.
struct RunRequest {
  struct Output {
    std::size_t index;
    std::optional<TensorView> bound;
    bool on_device = false;
  };

  std::span<const TensorView> inputs;
  std::span<const Output> outputs;
  CancelToken* cancel = nullptr;
  std::optional<std::size_t> profile;  // nullopt: the runtime picks the one that fits
  bool layer_times = false;            // where the engine tells them; such a run is slower
};

struct LayerTime {
  std::string layer;
  std::chrono::nanoseconds time;
};

struct RunResult {
  // One per requested output, in the same order; empty when the run failed or was aborted. For a bound output, `block`
  // is null and `dims` tells what was written.
  std::vector<OwnedTensor> outputs;
  std::chrono::nanoseconds compute{0};
  std::chrono::nanoseconds upload{0};  // of inputs to the device, and of outputs from it; 0 where there is none
  std::chrono::nanoseconds download{0};
  std::vector<LayerTime> layers;
  std::size_t copied_bytes = 0;  // between host buffers, beyond the engine's own work; transfers to a device count too
};

class Context {
 public:
  virtual ~Context() = default;
  virtual Status run(const RunRequest& request, RunResult& result) = 0;
};

struct NamedWeights {
  std::string name;
  DType dtype;
  std::span<const std::byte> data;
};

class Model {
 public:
  virtual ~Model() = default;
  virtual const ModelInfo& info() const = 0;
  virtual Result<std::unique_ptr<Context>> create_context() = 0;

  // Whether host memory of the engine's own spares a copy: what lies in it goes to the device, and comes from it, by
  // itself. Outputs that nothing is bound to lie in it.
  virtual bool has_host_memory() const { return false; }
  // Of at least so many bytes. CUDA_OUT_OF_MEMORY, DEVICE_LOST; INVALID_ARGUMENT where there is none.
  virtual Result<BlockPtr> allocate_host(std::size_t bytes);

  // What only some engines can do; the others answer INVALID_ARGUMENT.
  // New values for weights of these names, taken by every run that begins later; runs under way are waited for.
  virtual Status refit(std::span<const NamedWeights> weights);
  // The layers that the engine made of the model, as JSON in its own words.
  virtual Result<std::string> layers();
};

// A file (external data is looked for beside it), or a whole model in memory, which `open` does not keep.
using ModelSource = std::variant<std::filesystem::path, std::span<const std::byte>>;

struct ProviderOptions {
  std::string name;  // "cpu", "cuda", "tensorrt": short names, mapped by the runtime
  std::map<std::string, std::string> options;
};

enum class GraphOptimization : std::uint8_t { kDisabled, kBasic, kExtended, kAll };

struct ModelOptions {
  int intra_op_threads = 0;  // 0: the runtime's own default
  int inter_op_threads = 0;
  bool intra_op_spinning = false;  // workers that spin between runs are faster alone, and steal cores from other lanes
  bool memory_pattern = true;  // the memory of a run in one block, planned by the first; that of the first is kept too
  GraphOptimization graph_optimization = GraphOptimization::kAll;
  std::vector<ProviderOptions> providers;     // tried in order; empty: CPU
  std::map<std::string, std::string> config;  // the runtime's own session configuration entries
  std::vector<int> devices;                   // GPUs that contexts are spread over in turn; empty: the first
  bool graphs = false;                        // record a run of each shape and replay it, where the engine can
};

struct RuntimeInfo {
  std::string name;     // "onnxruntime"
  std::string version;  // as the library tells it
  std::filesystem::path path;
  std::vector<std::string> providers;  // execution providers the library was built with
};

class Runtime {
 public:
  virtual ~Runtime() = default;
  virtual const RuntimeInfo& info() const = 0;
  virtual Result<std::shared_ptr<Model>> open(const ModelSource& source, const ModelOptions& options) = 0;
};

}  // namespace foveate
