// An engine on one GPU: the library's objects, and what they say of inputs, outputs and profiles.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/status.h"
#include "runtime/cuda/device.h"
#include "runtime/runtime.h"
#include "runtime/tensorrt/library.h"
#include "runtime/tensorrt/logger.h"
#include "runtime/tensorrt/objects.h"

namespace foveate::tensorrt {

// Beyond what ModelInfo tells of an input or output.
struct EngineTensor {
  bool on_host = false;  // read and written by the processor: sizes that shapes are made of
};

// Whether memory, of the GPU or the host, is what an operation lacked.
bool lacks_memory(const Status& status);

// Shared by the lanes of its device; thread-safe. Freed by the last of them, on any thread.
class Engine {
 public:
  // ENGINE_INVALID for what is no engine, or one of another release or GPU, with what the library said;
  // MODEL_UNSUPPORTED for one whose inputs or outputs we cannot hold; CUDA_OUT_OF_MEMORY, DEVICE_LOST,
  // BACKEND_UNAVAILABLE. `name` is how messages call it. The bytes are not kept.
  static Result<std::shared_ptr<Engine>> load(std::shared_ptr<const Library> library,
                                              std::shared_ptr<cuda::Device> device, std::span<const std::byte> bytes,
                                              const std::string& name);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const Library& library() const { return *library_; }
  const abi::Version& version() const { return library_->version; }
  const std::shared_ptr<cuda::Device>& device() const { return device_.device(); }
  const ModelInfo& info() const { return info_; }
  const std::vector<EngineTensor>& inputs() const { return inputs_; }
  const std::vector<EngineTensor>& outputs() const { return outputs_; }
  abi::Engine* native() const { return engine_.get(); }

  // The profile for a request of this lane, which has it to itself from then on where the library wants that: see
  // choose_profile. TensorRT 8 lets one execution context at a time use a profile, unless that fixes all shapes.
  Result<std::size_t> claim_profile(const void* lane, const RunRequest& request);
  void release_profiles(const void* lane);

  // One for one profile, which allocates what runs of that profile need. ENGINE_FAILED, CUDA_OUT_OF_MEMORY,
  // DEVICE_LOST.
  Result<Owned<abi::Execution>> create_execution(std::size_t profile, void* stream);

  // Not while a run is under way. After a failure the weights may be of both kinds.
  Status refit(std::span<const NamedWeights> weights);
  Result<std::string> layers() const;

  // An error of the library as ours: DEVICE_LOST where the GPU is at fault, CUDA_OUT_OF_MEMORY where memory is.
  Status failure(LogScope& log, const std::string& what) const;

 private:
  Engine(std::shared_ptr<const Library> library, cuda::DeviceUse device)
      : library_(std::move(library)), device_(std::move(device)) {}
  static Result<std::shared_ptr<Engine>> try_to_load(std::shared_ptr<const Library> library,
                                                     std::shared_ptr<cuda::Device> device,
                                                     std::span<const std::byte> bytes, const std::string& name);
  Result<Owned<abi::Execution>> try_to_create_execution(std::size_t profile, void* stream);
  std::int32_t profiles() const;
  Status describe();
  Status describe_tensor(const char* name);
  Status check_format(const char* name, const std::string& subject) const;
  Status describe_profiles();
  Result<Dims> profile_shape(const TensorInfo& input, std::int32_t profile, abi::ProfileSelector which) const;
  std::vector<std::int64_t> profile_values(const TensorInfo& tensor, std::size_t count, std::int32_t profile,
                                           abi::ProfileSelector which) const;

  const std::shared_ptr<const Library> library_;
  cuda::DeviceUse device_;
  Owned<abi::Runtime> runtime_;
  Owned<abi::Engine> engine_;
  std::mutex creating_;  // the library does not promise that contexts can be made on several threads at once
  std::mutex claiming_;
  std::vector<const void*> claims_;  // for each profile the lane that has it; null: none, or any number
  ModelInfo info_;
  std::vector<EngineTensor> inputs_;
  std::vector<EngineTensor> outputs_;
};

}  // namespace foveate::tensorrt
