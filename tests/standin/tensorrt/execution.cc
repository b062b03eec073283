#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "engine.h"

namespace foveate::standin {
namespace {

// Integers of 64 bits as 32, and back.
template <typename From, typename To>
void convert(const void* from, void* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, static_cast<const std::byte*>(from) + i * sizeof(From), sizeof(From));
    const auto converted = static_cast<To>(value);
    std::memcpy(static_cast<std::byte*>(to) + i * sizeof(To), &converted, sizeof(To));
  }
}

}  // namespace

// What one run computes. It is done on the device, in the order of the stream.
struct Execution::Job {
  struct Tensor {
    IoTensor io;
    Dims dims;
    void* address;  // on the device; null: a free output
    bool on_host = false;
  };

  std::shared_ptr<OnnxModel> model;  // with these weights
  std::unique_ptr<Context> context;
  std::vector<Tensor> inputs, outputs;
  int ordinal = 0;
  bool faulty = false;
  bool done = false;
  std::vector<OwnedTensor> results;

  static void entry(void* job) { static_cast<Job*>(job)->run(); }
  static void publish_entry(void* job) { static_cast<Job*>(job)->publish(); }

  void fail() const { Driver::get()->lose(ordinal, cuda::result::kLaunchFailed); }

  void run() {
    const auto latency = std::chrono::microseconds(Injection::instance().value("latency-us", 0));
    const auto end = std::chrono::steady_clock::now() + latency;
    if (faulty) return fail();
    std::vector<Bytes> widened;
    std::vector<TensorView> views;
    for (const Tensor& tensor : inputs) {
      const std::size_t count = element_count(tensor.dims).value_or(0);
      void* data = tensor.on_host ? tensor.address : Driver::get()->view(tensor.address);
      if (data == nullptr) return fail();
      if (tensor.io.dtype != tensor.io.model_dtype) {
        widened.emplace_back(count * sizeof(std::int64_t));
        convert<std::int32_t, std::int64_t>(data, widened.back().data(), count);
        data = widened.back().data();
      }
      views.push_back({tensor.io.model_dtype, tensor.dims, data, count * dtype_bytes(tensor.io.model_dtype), {}});
    }
    std::vector<RunRequest::Output> wanted;
    for (std::size_t i = 0; i < outputs.size(); ++i) wanted.push_back({i, std::nullopt});
    RunResult result;
    if (!context->run({views, wanted, nullptr, std::nullopt}, result).ok()) return fail();
    results = std::move(result.outputs);
    done = true;
    publish();
    std::this_thread::sleep_until(end);
  }

  // Hands out what has an address.
  void publish() {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const Tensor& tensor = outputs[i];
      const OwnedTensor& result = results[i];
      if (tensor.address == nullptr || result.bytes == 0) continue;
      if (!tensor.dims.empty() && result.dims != tensor.dims) return fail();
      void* const to = Driver::get()->view(tensor.address);
      if (to == nullptr) return fail();
      if (tensor.io.dtype != tensor.io.model_dtype) {
        convert<std::int64_t, std::int32_t>(result.data(), to, result.bytes / sizeof(std::int64_t));
      } else {
        std::memcpy(to, result.data(), result.bytes);
      }
    }
  }
};

bool Execution::refuse(const std::string& message) {
  engine_.log()(Severity::kError, "IExecutionContext: Error Code 3: API Usage Error (" + message + ")");
  return false;
}

bool Execution::set_profile(std::int32_t profile) {
  if (profile < 0 || static_cast<std::size_t>(profile) >= engine_.plan().profiles.size())
    return refuse("There is no profile " + std::to_string(profile));
  if (!engine_.claim_profile(this, profile))
    return refuse("Profile " + std::to_string(profile) + " is in use by another execution context");
  profile_ = profile;
  inputs_.clear();
  outputs_.clear();
  return true;
}

bool Execution::set_shape(const char* name, const Dims& dims) {
  using tensorrt::abi::ProfileSelector;
  const Dims* const min = engine_.profile_shape(name, profile_, ProfileSelector::kMin);
  const Dims* const max = engine_.profile_shape(name, profile_, ProfileSelector::kMax);
  if (min == nullptr || dims.size() != min->size()) return refuse(std::string("Wrong rank or name: ") + name);
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] < (*min)[i] || dims[i] > (*max)[i])
      return refuse(std::string("Supplied dimensions of ") + name + " do not satisfy the profile");
  }
  inputs_[name] = dims;
  outputs_.clear();
  return true;
}

std::int32_t Execution::infer_shapes() {
  std::int32_t missing = 0;
  for (const IoTensor& tensor : engine_.tensors()) missing += tensor.input && !inputs_.contains(tensor.name) ? 1 : 0;
  if (missing > 0) return missing;
  outputs_ = engine_.output_dims(inputs_);
  return outputs_.empty() ? -1 : 0;
}

Dims Execution::shape(const char* name) const {
  const IoTensor* const tensor = engine_.find(name);
  if (tensor == nullptr) return {kDynamic};
  const auto& known = tensor->input ? inputs_ : outputs_;
  const auto found = known.find(name);
  return found == known.end() ? tensor->dims : found->second;
}

bool Execution::set_address(const char* name, void* address) {
  const IoTensor* const tensor = engine_.find(name);
  if (tensor == nullptr) return refuse("No tensor of that name");
  if (!engine_.is_on_host(*tensor) && reinterpret_cast<std::uintptr_t>(address) % 256 != 0)
    return refuse(std::string("Not aligned: ") + name);
  addresses_[name] = address;
  return true;
}

bool Execution::set_allocator(const char* name, OutputAllocator allocator) {
  const IoTensor* const tensor = engine_.find(name);
  if (tensor == nullptr || tensor->input) return refuse("No output of that name");
  if (allocator.provide) {
    allocators_[name] = std::move(allocator);
  } else {
    allocators_.erase(name);
  }
  return true;
}

bool Execution::enqueue(cuda::CUstream stream) {
  Injection& injection = Injection::instance();
  injection.add("enqueues", 1);
  if (injection.due("fail-enqueue")) return refuse("a fault was injected");
  if (injection.due("oom-enqueue")) {
    engine_.log()(Severity::kError, "Error Code 2: OutOfMemory (Requested size was 1073741824 bytes.)");
    return false;
  }
  if (outputs_.empty()) return refuse("The shapes of the inputs were not set");

  const bool faulty = injection.due("lose-enqueue");
  deaf_ = injection.due("deaf-enqueue");
  auto model = engine_.model();
  std::vector<Job::Tensor> inputs, outputs;
  std::string key = faulty ? "faulty" : "";
  const auto add_to_key = [&key](const void* data, std::size_t bytes) {
    key.append(static_cast<const char*>(data), bytes);
  };
  const OnnxModel* const weights = model.get();
  add_to_key(&weights, sizeof(weights));
  bool has_free = false;
  for (const IoTensor& tensor : engine_.tensors()) {
    const Dims dims = shape(tensor.name.c_str());
    const bool is_free = !tensor.input && std::ranges::find(dims, kDynamic) != dims.end();
    has_free = has_free || is_free;
    void* address = nullptr;
    if (is_free) {
      if (!allocators_.contains(tensor.name)) return refuse("No allocator for " + tensor.name);
    } else {
      address = addresses_[tensor.name];
      if (address == nullptr) return refuse("No address for " + tensor.name);
    }
    add_to_key(&address, sizeof(address));
    add_to_key(dims.data(), dims.size() * sizeof(dims[0]));
    (tensor.input ? inputs : outputs).push_back({tensor, dims, address, engine_.is_on_host(tensor)});
  }
  auto& job = jobs_[key];
  if (job == nullptr) {
    job = std::make_shared<Job>();
    job->model = std::move(model);
    job->context = job->model->context();
    job->inputs = std::move(inputs);
    job->outputs = std::move(outputs);
    job->ordinal = Driver::get()->ordinal();
    job->faulty = faulty;
  }
  if (has_free ? !enqueue_free(*job, stream) : Driver::get()->launch(stream, Job::entry, job.get()) != 0)
    return refuse("The driver does not launch");
  if (profiler) {
    if (!wait(stream)) return false;
    for (const OnnxNode& node : engine_.file().nodes)
      profiler(node.name.empty() ? node.op.c_str() : node.name.c_str(), 0.25f);
  }
  return true;
}

bool Execution::wait(cuda::CUstream stream) {
  cuda::CUevent event = nullptr;
  if (Driver::get()->create_event(&event, 0) != 0) return false;
  const bool reached = Driver::get()->record(event, stream) == 0 && Driver::get()->synchronize(event) == 0;
  Driver::get()->destroy_event(event);
  return reached;
}

// The sizes of its outputs a run alone tells: it is waited for, then memory is asked for.
bool Execution::enqueue_free(Job& job, cuda::CUstream stream) {
  job.done = false;
  if (Driver::get()->launch(stream, Job::entry, &job) != 0 || !wait(stream) || !job.done) return false;
  for (std::size_t i = 0; i < job.outputs.size(); ++i) {
    Job::Tensor& tensor = job.outputs[i];
    if (!allocators_.contains(tensor.io.name)) continue;
    const OutputAllocator& allocator = allocators_[tensor.io.name];
    const Dims& dims = job.results[i].dims;
    tensor.address = allocator.provide(*byte_count(dims, tensor.io.dtype), stream);
    tensor.dims = dims;
    allocator.told(dims);
    if (tensor.address == nullptr && job.results[i].bytes > 0 && !deaf_) return false;
  }
  const bool launched = Driver::get()->launch(stream, Job::publish_entry, &job) == 0 && wait(stream);
  for (Job::Tensor& tensor : job.outputs) {
    if (allocators_.contains(tensor.io.name)) tensor = {tensor.io, {}, nullptr};
  }
  return launched;
}

}  // namespace foveate::standin
