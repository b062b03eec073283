// The running side of the stand-in, whatever the layout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "driver.h"
#include "network.h"

namespace foveate::standin {

class Execution;

class Engine {
 public:
  // Null, and lines in the log, where the bytes are refused.
  static std::unique_ptr<Engine> load(std::span<const std::byte> bytes, const Release& release, Log log);

  const Plan& plan() const { return plan_; }
  const Log& log() const { return log_; }
  Releases releases() const { return releases_; }
  const std::vector<IoTensor>& tensors() const { return model_->tensors(); }
  const IoTensor* find(const char* name) const { return name == nullptr ? nullptr : model_->find(name); }
  const OnnxFile& file() const { return model_->file(); }
  const Dims* profile_shape(const char* name, std::int32_t profile, tensorrt::abi::ProfileSelector which) const;
  std::string information() const;
  std::int32_t format(std::int32_t profile) const;
  bool is_on_host(const IoTensor& tensor) const;
  // As many as the tensor has elements; null where it is none whose values make shapes.
  const std::int64_t* profile_values(const char* name, std::int32_t profile, tensorrt::abi::ProfileSelector which);
  // TensorRT 8: whether this execution has the profile to itself, from now on.
  bool claim_profile(const Execution* execution, std::int32_t profile);
  void release_profiles(const Execution* execution);

  std::unique_ptr<Execution> create_execution();

  // New values; kept until they are applied. False, and a line in the log, for other names, types and sizes.
  bool set_weights(Bytes& model, const char* name, tensorrt::abi::ElementType type, const void* values,
                   std::int64_t count) const;
  bool apply_weights(Bytes model);

  // How many of the dimensions of each output only a run tells: kDynamic. For these shapes, by name.
  std::map<std::string, Dims> output_dims(const std::map<std::string, Dims>& inputs);
  std::shared_ptr<OnnxModel> model() const { return model_; }

 private:
  Engine(Plan plan, Releases releases, Log log) : plan_(std::move(plan)), releases_(releases), log_(std::move(log)) {}

  Plan plan_;
  const Releases releases_;
  const Log log_;
  std::shared_ptr<OnnxModel> model_;
  std::unique_ptr<DeviceMemory> memory_;
  std::mutex mutex_;  // of what follows
  std::map<std::map<std::string, Dims>, std::map<std::string, Dims>> shapes_;
  std::map<std::string, std::vector<std::int64_t>> values_;
  std::map<std::int32_t, const Execution*> users_;  // of profiles
  Counted counted_{"engines"};
};

struct OutputAllocator {
  std::function<void*(std::uint64_t bytes, cuda::CUstream stream)> provide;
  std::function<void(const Dims& dims)> told;
};

class Execution {
 public:
  Execution(Engine& engine, std::unique_ptr<DeviceMemory> memory) : engine_(engine), memory_(std::move(memory)) {}
  ~Execution() { engine_.release_profiles(this); }

  bool set_profile(std::int32_t profile);
  bool set_shape(const char* name, const Dims& dims);
  std::int32_t infer_shapes();
  Dims shape(const char* name) const;
  bool set_address(const char* name, void* address);
  // Without a function to provide memory: none.
  bool set_allocator(const char* name, OutputAllocator allocator);
  bool enqueue(cuda::CUstream stream);

  std::function<void(const char* layer, float milliseconds)> profiler;

 private:
  struct Job;

  bool refuse(const std::string& message);
  bool enqueue_free(Job& job, cuda::CUstream stream);
  static bool wait(cuda::CUstream stream);

  Engine& engine_;
  std::unique_ptr<DeviceMemory> memory_;
  std::int32_t profile_ = 0;
  bool deaf_ = false;  // to an output that gets no memory
  std::map<std::string, Dims> inputs_;
  std::map<std::string, Dims> outputs_;
  std::map<std::string, void*> addresses_;
  std::map<std::string, OutputAllocator> allocators_;
  // A graph may do a job again at any time: they stay. One for each model, set of shapes and set of addresses.
  std::map<std::string, std::shared_ptr<Job>> jobs_;
  Counted counted_{"contexts"};
};

}  // namespace foveate::standin
