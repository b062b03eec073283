// Engines as models: one on each GPU that the contexts are spread over.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/status.h"
#include "runtime/runtime.h"
#include "runtime/tensorrt/engine.h"
#include "runtime/tensorrt/library.h"
#include "runtime/tensorrt/run_gate.h"

namespace foveate::tensorrt {

class TrtModel final : public Model, public std::enable_shared_from_this<TrtModel> {
 public:
  TrtModel(std::vector<std::shared_ptr<Engine>> engines, bool graphs) : engines_(std::move(engines)), graphs_(graphs) {}

  const ModelInfo& info() const override { return engines_.front()->info(); }
  // On the next device in turn that works. DEVICE_LOST where none does.
  Result<std::unique_ptr<Context>> create_context() override;
  // Pinned.
  bool has_host_memory() const override { return true; }
  Result<BlockPtr> allocate_host(std::size_t bytes) override;
  // Where a device is lost, nothing of it runs any more. ENGINE_FAILED, CUDA_OUT_OF_MEMORY or DEVICE_LOST leave weights
  // of both kinds behind: open the engine again.
  Status refit(std::span<const NamedWeights> weights) override;
  Result<std::string> layers() override;

  bool graphs() const { return graphs_; }
  RunGate& gate() { return gate_; }
  // How often the weights were changed. To be read within a pass of the gate.
  std::size_t generation() const { return generation_; }

 private:
  // Those whose devices work; DEVICE_LOST where none does.
  Result<std::vector<std::shared_ptr<Engine>>> working() const;

  const std::vector<std::shared_ptr<Engine>> engines_;  // at least one
  const bool graphs_;
  std::atomic<std::size_t> next_{0};
  RunGate gate_;
  std::size_t generation_ = 0;  // changed by whoever is alone in the gate
};

// A library as a runtime: `open` takes engines. The library's own threads, and those of the driver, may run until the
// process ends, so it is never freed.
std::shared_ptr<Runtime> make_runtime(std::shared_ptr<const Library> library);

}  // namespace foveate::tensorrt
