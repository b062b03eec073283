// The stand-in with the layout that the compiler gives NVIDIA's own headers: of TensorRT 11, and of TensorRT-RTX. A
// slot of ours that is wrong ends up in a method that is not overridden here, which ends the process.
//
// Objects are two, as in the real library: a handle, and an implementation that belongs to it.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

// Before NVIDIA's: a type that both declare is ours in these.
#include "engine.h"
#include "network.h"
//
#include <NvInfer.h>
#include <NvOnnxParser.h>

[[noreturn]] static void unused(const char* method) noexcept {
  std::fprintf(stderr, "The stand-in of TensorRT was called by %s, which foveate does not use: a wrong slot\n", method);
  std::abort();
}

#include "stubs.h"

namespace {

namespace standin = foveate::standin;
namespace abi = foveate::tensorrt::abi;
using namespace nvinfer1;

constexpr std::int32_t kVersion = NV_TENSORRT_MAJOR * 10000 + NV_TENSORRT_MINOR * 100 + NV_TENSORRT_PATCH;
constexpr standin::Release kRelease{static_cast<abi::Releases>(STANDIN_RELEASES), kVersion};

// A handle of the headers' class, which frees its implementation.
template <typename Public, typename Implementation>
struct Handle final : Public {
  template <typename... Arguments>
  explicit Handle(Arguments&&... arguments)
      : implementation(new Implementation(std::forward<Arguments>(arguments)...)) {
    this->mImpl = implementation.get();
  }
  std::unique_ptr<Implementation> implementation;

  static Implementation& of(const Public& handle) { return *static_cast<const Handle&>(handle).implementation; }
};

standin::Log log_of(void* logger) {
  return [logger = static_cast<ILogger*>(logger)](standin::Severity severity, const std::string& message) {
    logger->log(static_cast<ILogger::Severity>(severity), message.c_str());
  };
}

Dims theirs(const foveate::Dims& dims) {
  Dims made{static_cast<std::int32_t>(dims.size()), {}};
  for (std::size_t i = 0; i < dims.size(); ++i) made.d[i] = dims[i];
  return made;
}

// What a question for a shape is answered with.
Dims shape_answer(const foveate::Dims& dims) {
  return standin::Injection::instance().due("no-shape") ? Dims{-1, {}} : theirs(dims);
}

foveate::Dims ours(const Dims& dims) { return foveate::Dims(dims.d, dims.d + dims.nbDims); }

DataType theirs(abi::ElementType type) { return static_cast<DataType>(type); }

struct Memory final : VHostMemoryStub {
  explicit Memory(standin::Bytes bytes) : bytes(std::move(bytes)) {}
  void* data() const noexcept override { return const_cast<std::byte*>(bytes.data()); }
  std::size_t size() const noexcept override { return bytes.size(); }

  standin::Bytes bytes;
  standin::Counted counted{"memories"};
};
using MemoryHandle = Handle<IHostMemory, Memory>;

// ---- building

struct Tensor final : VTensorStub {
  explicit Tensor(const standin::IoTensor& tensor) : tensor(tensor) {}
  char const* getName() const noexcept override { return tensor.name.c_str(); }
  Dims getDimensions() const noexcept override { return theirs(tensor.dims); }
  DataType getType() const noexcept override { return theirs(tensor.element); }

  standin::IoTensor tensor;
};
using TensorHandle = Handle<ITensor, Tensor>;

struct Network final : VNetworkDefinitionStub {
  std::int32_t getNbLayers() const noexcept override {
    return network.model() == nullptr ? 0 : static_cast<std::int32_t>(network.model()->file().nodes.size());
  }
  std::int32_t getNbInputs() const noexcept override { return network.count(true); }
  std::int32_t getNbOutputs() const noexcept override { return network.count(false); }
  ITensor* getInput(std::int32_t index) const noexcept override { return tensor(true, index); }
  ITensor* getOutput(std::int32_t index) const noexcept override { return tensor(false, index); }
  void setName(char const*) noexcept override {}
  ITensor* tensor(bool input, std::int32_t index) const {
    const standin::IoTensor* const found = network.tensor(input, index);
    if (found == nullptr) return nullptr;
    tensors.push_back(std::make_unique<TensorHandle>(*found));
    return tensors.back().get();
  }

  standin::Network network;
  mutable std::vector<std::unique_ptr<TensorHandle>> tensors;  // given out; they live as long as the network
};
using NetworkHandle = Handle<INetworkDefinition, Network>;

struct ProfileImplementation final : VOptimizationProfileStub {
  bool setDimensions(char const* input, OptProfileSelector select, Dims const& dims) noexcept override {
    standin::Range& range = profile[input];
    (select == OptProfileSelector::kMIN   ? range.min
     : select == OptProfileSelector::kOPT ? range.opt
                                          : range.max) = ours(dims);
    return true;
  }
  bool isValid() const noexcept override { return true; }

  standin::Profile profile;
};
using ProfileHandle = Handle<IOptimizationProfile, ProfileImplementation>;

struct Config final : VBuilderConfigStub {
  void setFlag(BuilderFlag flag) noexcept override { config.refit = config.refit || flag == BuilderFlag::kREFIT; }
  void setProgressMonitor(IProgressMonitor*) noexcept override {}
  ITimingCache* createTimingCache(void const*, std::size_t) const noexcept override { return nullptr; }
  std::int32_t addOptimizationProfile(IOptimizationProfile const* profile) noexcept override {
    config.profiles.push_back(&ProfileHandle::of(*profile).profile);
    return static_cast<std::int32_t>(config.profiles.size()) - 1;
  }

  standin::Config config;
};
using ConfigHandle = Handle<IBuilderConfig, Config>;

struct BuilderImplementation final : VBuilderStub {
  explicit BuilderImplementation(standin::Log log) : log(std::move(log)) {}
  IBuilderConfig* createBuilderConfig() noexcept override { return new ConfigHandle; }
  INetworkDefinition* createNetworkV2(NetworkDefinitionCreationFlags) noexcept override { return new NetworkHandle; }
  IOptimizationProfile* createOptimizationProfile() noexcept override {
    profiles.push_back(std::make_unique<ProfileHandle>());
    return profiles.back().get();
  }
  IHostMemory* buildSerializedNetwork(INetworkDefinition& network, IBuilderConfig& config) noexcept override {
    auto bytes = standin::build(NetworkHandle::of(network).network, ConfigHandle::of(config).config, kRelease, log);
    return bytes ? new MemoryHandle(std::move(*bytes)) : nullptr;
  }

  standin::Log log;
  std::vector<std::unique_ptr<ProfileHandle>> profiles;
  standin::Counted counted{"builders"};
};

struct ParserError final : nvonnxparser::IParserErrorStub {
  explicit ParserError(standin::Fault fault) : fault(std::move(fault)) {}
  nvonnxparser::ErrorCode code() const override { return static_cast<nvonnxparser::ErrorCode>(fault.code); }
  char const* desc() const override { return fault.text.c_str(); }
  char const* file() const override { return "standin.cpp"; }
  int line() const override { return 1; }
  int node() const override { return fault.node; }
  char const* nodeName() const override { return fault.node_name.c_str(); }
  char const* nodeOperator() const override { return fault.op.c_str(); }

  standin::Fault fault;
};

struct Parser final : nvonnxparser::IParserStub {
  explicit Parser(Network& network) : network(network) {}
  bool parse(void const* model, std::size_t bytes, char const* path) noexcept override {
    errors.clear();
    const std::span<const std::byte> span(static_cast<const std::byte*>(model), bytes);
    for (auto& fault : network.network.parse(span, path == nullptr ? "" : path, kRelease.releases))
      errors.push_back(std::make_unique<ParserError>(std::move(fault)));
    return errors.empty();
  }
  bool supportsModelV2(void const* model, std::size_t bytes, char const* path) noexcept override {
    return parse(model, bytes, path);
  }
  int getNbErrors() const noexcept override { return static_cast<int>(errors.size()); }
  nvonnxparser::IParserError const* getError(int index) const noexcept override {
    return errors[static_cast<std::size_t>(index)].get();
  }

  Network& network;
  std::vector<std::unique_ptr<ParserError>> errors;
  standin::Counted counted{"parsers"};
};

// ---- running

struct ExecutionImplementation final : VExecutionContextStub {
  explicit ExecutionImplementation(std::unique_ptr<standin::Execution> execution) : execution(std::move(execution)) {}
  bool setOptimizationProfileAsync(std::int32_t profile, cudaStream_t) noexcept override {
    return execution->set_profile(profile);
  }
  bool setInputShape(char const* name, Dims const& dims) noexcept override {
    return execution->set_shape(name, ours(dims));
  }
  std::int32_t inferShapes(std::int32_t, char const**) noexcept override { return execution->infer_shapes(); }
  Dims getTensorShape(char const* name) const noexcept override { return shape_answer(execution->shape(name)); }
  bool setTensorAddress(char const* name, void* data) noexcept override { return execution->set_address(name, data); }
  bool setOutputAllocator(char const* name, IOutputAllocator* allocator) noexcept override {
    if (allocator == nullptr) return execution->set_allocator(name, {});
    const std::string output = name;
    return execution->set_allocator(
        name, {[=](std::uint64_t bytes, foveate::cuda::CUstream stream) {
                 return allocator->reallocateOutputAsync(output.c_str(), nullptr, bytes, 256,
                                                         reinterpret_cast<cudaStream_t>(stream));
               },
               [=](const foveate::Dims& dims) { allocator->notifyShape(output.c_str(), theirs(dims)); }});
  }
  void setProfiler(IProfiler* profiler) noexcept override {
    execution->profiler = nullptr;
    if (profiler == nullptr) return;
    execution->profiler = [profiler](const char* layer, float time) { profiler->reportLayerTime(layer, time); };
  }
  bool enqueueV3(cudaStream_t stream) noexcept override {
    return execution->enqueue(reinterpret_cast<foveate::cuda::CUstream>(stream));
  }

  std::unique_ptr<standin::Execution> execution;
};
using ExecutionHandle = Handle<IExecutionContext, ExecutionImplementation>;

struct Inspector final : VEngineInspectorStub {
  explicit Inspector(std::string text) : text(std::move(text)) {}
  char const* getEngineInformation(LayerInformationFormat format) const noexcept override {
    return format == LayerInformationFormat::kJSON ? text.c_str() : nullptr;
  }

  std::string text;
  standin::Counted counted{"inspectors"};
};

struct EngineImplementation final : VCudaEngineStub {
  explicit EngineImplementation(std::unique_ptr<standin::Engine> engine) : engine(std::move(engine)) {}
  std::int32_t getNbIOTensors() const noexcept override { return static_cast<std::int32_t>(engine->tensors().size()); }
  char const* getIOTensorName(std::int32_t index) const noexcept override {
    return engine->tensors()[static_cast<std::size_t>(index)].name.c_str();
  }
  TensorIOMode getTensorIOMode(char const* name) const noexcept override {
    const auto* const tensor = engine->find(name);
    return tensor == nullptr ? TensorIOMode::kNONE : tensor->input ? TensorIOMode::kINPUT : TensorIOMode::kOUTPUT;
  }
  Dims getTensorShape(char const* name) const noexcept override { return shape_answer(engine->find(name)->dims); }
  DataType getTensorDataType(char const* name) const noexcept override { return theirs(engine->find(name)->element); }
  TensorLocation getTensorLocation(char const* name) const noexcept override {
    return engine->is_on_host(*engine->find(name)) ? TensorLocation::kHOST : TensorLocation::kDEVICE;
  }
  TensorFormat getTensorFormatV2(char const*, std::int32_t profile) const noexcept override {
    return static_cast<TensorFormat>(engine->format(profile));
  }
  char const* getTensorFormatDescV2(char const*, std::int32_t) const noexcept override {
    return "two channels a vector";
  }
  std::int64_t const* getProfileTensorValuesV2(char const* name, std::int32_t profile,
                                               OptProfileSelector select) const noexcept override {
    return engine->profile_values(name, profile, static_cast<abi::ProfileSelector>(select));
  }
  std::int32_t getNbOptimizationProfiles() const noexcept override {
    return static_cast<std::int32_t>(engine->plan().profiles.size());
  }
  Dims getProfileShape(char const* name, std::int32_t profile, OptProfileSelector select) const noexcept override {
    const auto* const dims = engine->profile_shape(name, profile, static_cast<abi::ProfileSelector>(select));
    return dims == nullptr ? Dims{-1, {}} : shape_answer(*dims);
  }
  IExecutionContext* createExecutionContext(ExecutionContextAllocationStrategy) noexcept override {
    auto made = engine->create_execution();
    return made == nullptr ? nullptr : new ExecutionHandle(std::move(made));
  }
  IEngineInspector* createEngineInspector() const noexcept override {
    return new Handle<IEngineInspector, Inspector>(engine->information());
  }
  bool isRefittable() const noexcept override { return engine->plan().refittable; }

  std::unique_ptr<standin::Engine> engine;
};
using EngineHandle = Handle<ICudaEngine, EngineImplementation>;

struct Refitter final : VRefitterStub {
  explicit Refitter(standin::Engine& engine) : engine(engine), model(engine.plan().model) {}
  bool setNamedWeights(char const* name, Weights weights) noexcept override {
    return engine.set_weights(model, name, static_cast<abi::ElementType>(weights.type), weights.values, weights.count);
  }
  std::int32_t getMissingWeights(std::int32_t, char const**) noexcept override { return 0; }
  bool refitCudaEngine() noexcept override { return engine.apply_weights(model); }

  standin::Engine& engine;
  standin::Bytes model;
  standin::Counted counted{"refitters"};
};

struct RuntimeImplementation final : VRuntimeStub {
  explicit RuntimeImplementation(standin::Log log) : log(std::move(log)) {}
  ICudaEngine* deserializeCudaEngine(void const* blob, std::size_t size) noexcept override {
    auto made = standin::Engine::load({static_cast<const std::byte*>(blob), size}, kRelease, log);
    return made == nullptr ? nullptr : new EngineHandle(std::move(made));
  }

  standin::Log log;
  standin::Counted counted{"runtimes"};
};

}  // namespace

extern "C" {
std::int32_t getInferLibVersion() noexcept { return kVersion; }
int getNvOnnxParserVersion() noexcept { return NV_ONNX_PARSER_VERSION; }

void* createInferBuilder_INTERNAL(void* logger, std::int32_t) noexcept {
  return static_cast<IBuilder*>(new Handle<IBuilder, BuilderImplementation>(log_of(logger)));
}
void* createInferRuntime_INTERNAL(void* logger, std::int32_t) noexcept {
  if (standin::Driver::get() == nullptr) {
    log_of(logger)(standin::Severity::kError, "CUDA initialization failure with error: 35");
    return nullptr;
  }
  return static_cast<IRuntime*>(new Handle<IRuntime, RuntimeImplementation>(log_of(logger)));
}
void* createInferRefitter_INTERNAL(void* engine, void*, std::int32_t) noexcept {
  return static_cast<IRefitter*>(
      new Handle<IRefitter, Refitter>(*EngineHandle::of(*static_cast<ICudaEngine*>(engine)).engine));
}
void* createNvOnnxParser_INTERNAL(void* network, void*, int) noexcept {
  return static_cast<nvonnxparser::IParser*>(new Parser(NetworkHandle::of(*static_cast<INetworkDefinition*>(network))));
}
}
