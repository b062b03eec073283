// The stand-in with the layout of foveate's own table, slots.generated.h: of TensorRT 8 and 10, whose headers are not
// at hand. A wrong slot of theirs does not show here, but what differs between these releases and the others does:
// dimensions of 32 bits, the shapes of callbacks, methods that are absent.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "engine.h"
#include "network.h"
#include "runtime/tensorrt/dims.h"
#include "runtime/tensorrt/slots.generated.h"

namespace {

namespace standin = foveate::standin;
namespace abi = foveate::tensorrt::abi;
using abi::Interface;

constexpr auto kReleases = static_cast<abi::Releases>(STANDIN_RELEASES);
constexpr bool kNarrow = kReleases == abi::Releases::kTrt8;
constexpr standin::Release kRelease{kReleases, kNarrow ? 8601 : 101501};
constexpr abi::Version kVersion{kReleases, kRelease.version};
constexpr std::int32_t kRefitFlag = kNarrow ? 5 : 4;
constexpr std::size_t kSlots = 128;

[[noreturn]] void unused() noexcept {
  std::fprintf(stderr, "The stand-in of TensorRT was called by a slot that is not in foveate's table\n");
  std::abort();
}

class Table {
 public:
  Table() { std::ranges::fill(slots_, reinterpret_cast<void*>(&unused)); }

  template <typename R, typename... A>
  Table& put(const abi::Method<R(A...)>& method, R (*function)(Interface*, A...) noexcept) {
    return place(method.slots[static_cast<std::size_t>(kReleases)], reinterpret_cast<void*>(function));
  }
  template <typename R, typename... A>
  Table& put(const abi::NewerMethod<R(A...)>& method, R (*function)(Interface*, A...) noexcept) {
    const abi::Slot& slot = method.slots[static_cast<std::size_t>(kReleases)];
    return slot.in(kVersion) ? place(slot.index, reinterpret_cast<void*>(function)) : *this;
  }
  // For a function that gives dimensions.
  template <typename... A, typename Given>
  Table& put_dims(const abi::Method<abi::Dims(A...)>& method, Given (*function)(Interface*, A...) noexcept) {
    return place(method.slots[static_cast<std::size_t>(kReleases)], reinterpret_cast<void*>(function));
  }
  void* const* slots() const { return slots_; }

 private:
  Table& place(std::int16_t slot, void* function) {
    slots_[slot] = function;
    return *this;
  }

  void* slots_[kSlots];
};

using GivenDims = std::conditional_t<kNarrow, abi::Dims32, abi::Dims>;

GivenDims theirs(const foveate::Dims& dims) {
  const foveate::tensorrt::ForeignDims foreign(dims, kReleases);
  GivenDims given;
  std::memcpy(static_cast<void*>(&given), foreign.reference(), sizeof(given));
  return given;
}

// A handle and its implementation in one: the table of destructors first, as the interface has it.
template <typename Logic>
struct Object : abi::Handle {
  struct Implementation : Interface {
    Object* object;
  };

  template <typename... Arguments>
  explicit Object(Arguments&&... arguments) : logic{std::forward<Arguments>(arguments)...} {
    static void* const destructors[2] = {reinterpret_cast<void*>(&unused), reinterpret_cast<void*>(&Object::destroy)};
    table = destructors;
    methods.table = Logic::table().slots();
    methods.object = this;
    implementation = &methods;
  }
  static void destroy(abi::Handle* self) noexcept { delete static_cast<Object*>(self); }

  Logic logic;
  Implementation methods;
};

template <typename Logic>
Logic& of(Interface* self) {
  return static_cast<typename Object<Logic>::Implementation*>(self)->object->logic;
}
template <typename Logic>
Logic& of(const abi::Handle* self) {
  return const_cast<Object<Logic>*>(static_cast<const Object<Logic>*>(self))->logic;
}

standin::Log log_of(void* logger) {
  return [logger = static_cast<Interface*>(logger)](standin::Severity severity, const std::string& message) {
    reinterpret_cast<void (*)(Interface*, abi::Severity, const char*)>(logger->table[0])(logger, severity,
                                                                                         message.c_str());
  };
}

struct Memory {
  static const Table& table() {
    static const Table made =
        Table()
            .put(
                abi::kHostMemoryData, +[](Interface* self) noexcept -> void* { return of<Memory>(self).bytes.data(); })
            .put(abi::kHostMemorySize, +[](Interface* self) noexcept { return of<Memory>(self).bytes.size(); });
    return made;
  }
  standin::Bytes bytes;
  standin::Counted counted{"memories"};
};

// ---- building

struct Tensor {
  static const Table& table() {
    static const Table made =
        Table()
            .put(
                abi::kTensorGetName, +[](Interface* self) noexcept { return of<Tensor>(self).tensor.name.c_str(); })
            .put_dims(
                abi::kTensorGetDimensions,
                +[](Interface* self) noexcept { return theirs(of<Tensor>(self).tensor.dims); })
            .put(abi::kTensorGetType, +[](Interface* self) noexcept { return of<Tensor>(self).tensor.element; });
    return made;
  }
  standin::IoTensor tensor;
};

struct Network {
  static const Table& table() {
    static const Table made =
        Table()
            .put(
                abi::kNetworkDefinitionGetNbLayers,
                +[](Interface* self) noexcept {
                  const auto* const model = of<Network>(self).network.model();
                  return model == nullptr ? 0 : static_cast<std::int32_t>(model->file().nodes.size());
                })
            .put(
                abi::kNetworkDefinitionGetNbInputs,
                +[](Interface* self) noexcept { return of<Network>(self).network.count(true); })
            .put(
                abi::kNetworkDefinitionGetNbOutputs,
                +[](Interface* self) noexcept { return of<Network>(self).network.count(false); })
            .put(
                abi::kNetworkDefinitionGetInput,
                +[](Interface* self, std::int32_t index) noexcept { return of<Network>(self).give(true, index); })
            .put(
                abi::kNetworkDefinitionGetOutput,
                +[](Interface* self, std::int32_t index) noexcept { return of<Network>(self).give(false, index); })
            .put(abi::kNetworkDefinitionSetName, +[](Interface*, const char*) noexcept {});
    return made;
  }
  abi::Tensor* give(bool input, std::int32_t index) {
    const standin::IoTensor* const found = network.tensor(input, index);
    if (found == nullptr) return nullptr;
    tensors.push_back(std::make_unique<Object<Tensor>>(*found));
    return reinterpret_cast<abi::Tensor*>(tensors.back().get());
  }
  standin::Network network;
  std::vector<std::unique_ptr<Object<Tensor>>> tensors;
};

struct Profile {
  static const Table& table() {
    static const Table made =
        Table()
            .put(
                abi::kOptimizationProfileSetDimensions,
                +[](Interface* self, const char* input, abi::ProfileSelector which, const abi::Dims* dims) noexcept {
                  return of<Profile>(self).set(input, which, foveate::tensorrt::dims_at(dims, abi::Releases::kTrt10));
                })
            .put(
                abi::kOptimizationProfileSetDimensionsByValue,
                +[](Interface* self, const char* input, abi::ProfileSelector which, abi::Dims32 dims) noexcept {
                  return of<Profile>(self).set(input, which, foveate::tensorrt::dims_at(&dims, abi::Releases::kTrt8));
                })
            .put(abi::kOptimizationProfileIsValid, +[](Interface*) noexcept { return true; });
    return made;
  }
  bool set(const char* input, abi::ProfileSelector which, foveate::Dims dims) {
    standin::Range& range = profile[input];
    (which == abi::ProfileSelector::kMin   ? range.min
     : which == abi::ProfileSelector::kOpt ? range.opt
                                           : range.max) = std::move(dims);
    return true;
  }
  standin::Profile profile;
};

struct Config {
  static const Table& table() {
    static const Table made =
        Table()
            .put(
                abi::kBuilderConfigSetFlag,
                +[](Interface* self, std::int32_t flag) noexcept {
                  auto& config = of<Config>(self).config;
                  config.refit = config.refit || flag == kRefitFlag;
                })
            .put(
                abi::kBuilderConfigSetProgressMonitor, +[](Interface*, abi::ProgressMonitor*) noexcept {})
            .put(
                abi::kBuilderConfigCreateTimingCache,
                +[](Interface*, const void*, std::size_t) noexcept -> abi::TimingCache* { return nullptr; })
            .put(
                abi::kBuilderConfigAddOptimizationProfile, +[](Interface* self, abi::Profile* profile) noexcept {
                  auto& profiles = of<Config>(self).config.profiles;
                  profiles.push_back(&of<Profile>(static_cast<abi::Handle*>(profile)).profile);
                  return static_cast<std::int32_t>(profiles.size()) - 1;
                });
    return made;
  }
  standin::Config config;
};

struct Builder {
  static const Table& table() {
    static const Table made =
        Table()
            .put(
                abi::kBuilderCreateBuilderConfig,
                +[](Interface*) noexcept { return reinterpret_cast<abi::BuilderConfig*>(new Object<Config>); })
            .put(
                abi::kBuilderCreateNetworkV2,
                +[](Interface*, std::uint32_t) noexcept {
                  return reinterpret_cast<abi::Network*>(new Object<Network>);
                })
            .put(
                abi::kBuilderCreateOptimizationProfile,
                +[](Interface* self) noexcept {
                  auto& profiles = of<Builder>(self).profiles;
                  profiles.push_back(std::make_unique<Object<Profile>>());
                  return reinterpret_cast<abi::Profile*>(profiles.back().get());
                })
            .put(
                abi::kBuilderBuildSerializedNetwork,
                +[](Interface* self, abi::Network* network, abi::BuilderConfig* config) noexcept {
                  auto bytes = standin::build(of<Network>(static_cast<abi::Handle*>(network)).network,
                                              of<Config>(static_cast<abi::Handle*>(config)).config, kRelease,
                                              of<Builder>(self).log);
                  return bytes ? reinterpret_cast<abi::HostMemory*>(new Object<Memory>(std::move(*bytes))) : nullptr;
                });
    return made;
  }
  standin::Log log;
  std::vector<std::unique_ptr<Object<Profile>>> profiles = {};
  standin::Counted counted{"builders"};
};

struct ParserError : Interface {
  explicit ParserError(standin::Fault given) : fault(std::move(given)) {
    static const Table made =
        Table()
            .put(
                abi::kParserErrorCode, +[](Interface* self) noexcept { return of_error(self).code; })
            .put(
                abi::kParserErrorDesc, +[](Interface* self) noexcept { return of_error(self).text.c_str(); })
            .put(
                abi::kParserErrorFile, +[](Interface*) noexcept { return "standin.cpp"; })
            .put(
                abi::kParserErrorLine, +[](Interface*) noexcept { return 1; })
            .put(
                abi::kParserErrorNode, +[](Interface* self) noexcept { return of_error(self).node; })
            .put(
                abi::kParserErrorNodeName, +[](Interface* self) noexcept { return of_error(self).node_name.c_str(); })
            .put(abi::kParserErrorNodeOperator, +[](Interface* self) noexcept { return of_error(self).op.c_str(); });
    table = made.slots();
  }
  static const standin::Fault& of_error(Interface* self) { return static_cast<ParserError*>(self)->fault; }

  standin::Fault fault;
};

struct Parser : Interface {
  explicit Parser(Network& filled) : network(filled) {
    static const Table made =
        Table()
            .put(abi::kParserParse, &parse)
            .put(abi::kParserSupportsModelV2, &parse)
            .put(
                abi::kParserGetNbErrors,
                +[](Interface* self) noexcept {
                  return static_cast<std::int32_t>(static_cast<Parser*>(self)->errors.size());
                })
            .put(
                abi::kParserGetError,
                +[](Interface* self, std::int32_t index) noexcept {
                  auto& errors = static_cast<Parser*>(self)->errors;
                  return reinterpret_cast<abi::ParserError*>(errors[static_cast<std::size_t>(index)].get());
                })
            .put(abi::kParserDelete, +[](Interface* self) noexcept { delete static_cast<Parser*>(self); });
    table = made.slots();
  }
  static bool parse(Interface* self, const void* model, std::size_t bytes, const char* path) noexcept {
    auto& parser = *static_cast<Parser*>(self);
    parser.errors.clear();
    const std::span<const std::byte> span(static_cast<const std::byte*>(model), bytes);
    for (auto& fault : parser.network.network.parse(span, path == nullptr ? "" : path, kReleases))
      parser.errors.push_back(std::make_unique<ParserError>(std::move(fault)));
    return parser.errors.empty();
  }

  Network& network;
  std::vector<std::unique_ptr<ParserError>> errors;
  standin::Counted counted{"parsers"};
};

// ---- running

// The callbacks of these releases, by their slots.
standin::OutputAllocator allocator_of(const char* name, void* given) {
  if (given == nullptr) return {};
  constexpr std::size_t kNotify = kNarrow ? 2 : 6;
  return {[output = std::string(name), object = static_cast<Interface*>(given)](
              std::uint64_t bytes, [[maybe_unused]] foveate::cuda::CUstream stream) {
            if constexpr (kNarrow) {
              return reinterpret_cast<void* (*)(Interface*, const char*, void*, std::uint64_t, std::uint64_t)>(
                  object->table[1])(object, output.c_str(), nullptr, bytes, 256);
            } else {
              return reinterpret_cast<void* (*)(Interface*, const char*, void*, std::uint64_t, std::uint64_t, void*)>(
                  object->table[5])(object, output.c_str(), nullptr, bytes, 256, stream);
            }
          },
          [output = std::string(name), object = static_cast<Interface*>(given)](const foveate::Dims& dims) {
            const GivenDims made = theirs(dims);
            reinterpret_cast<void (*)(Interface*, const char*, const void*)>(object->table[kNotify])(
                object, output.c_str(), &made);
          }};
}

struct Execution {
  static const Table& table() {
    static const Table made =
        Table()
            .put(
                abi::kExecutionContextSetOptimizationProfileAsync,
                +[](Interface* self, std::int32_t profile, void*) noexcept {
                  return of<Execution>(self).execution->set_profile(profile);
                })
            .put(
                abi::kExecutionContextSetInputShape,
                +[](Interface* self, const char* name, const void* dims) noexcept {
                  return of<Execution>(self).execution->set_shape(name, foveate::tensorrt::dims_at(dims, kReleases));
                })
            .put(
                abi::kExecutionContextInferShapes,
                +[](Interface* self, std::int32_t, const char**) noexcept {
                  return of<Execution>(self).execution->infer_shapes();
                })
            .put_dims(
                abi::kExecutionContextGetTensorShape,
                +[](Interface* self, const char* name) noexcept {
                  return theirs(of<Execution>(self).execution->shape(name));
                })
            .put(
                abi::kExecutionContextSetTensorAddress,
                +[](Interface* self, const char* name, void* data) noexcept {
                  return of<Execution>(self).execution->set_address(name, data);
                })
            .put(
                abi::kExecutionContextSetOutputAllocator,
                +[](Interface* self, const char* name, void* allocator) noexcept {
                  return of<Execution>(self).execution->set_allocator(name, allocator_of(name, allocator));
                })
            .put(
                abi::kExecutionContextSetProfiler,
                +[](Interface* self, void* profiler) noexcept {
                  auto& execution = *of<Execution>(self).execution;
                  execution.profiler = nullptr;
                  if (profiler == nullptr) return;
                  execution.profiler = [object = static_cast<Interface*>(profiler)](const char* layer, float time) {
                    reinterpret_cast<void (*)(Interface*, const char*, float)>(object->table[0])(object, layer, time);
                  };
                })
            .put(
                abi::kExecutionContextEnqueueV3, +[](Interface* self, void* stream) noexcept {
                  return of<Execution>(self).execution->enqueue(static_cast<foveate::cuda::CUstream>(stream));
                });
    return made;
  }
  std::unique_ptr<standin::Execution> execution;
};

struct Inspector {
  static const Table& table() {
    static const Table made = Table().put(
        abi::kEngineInspectorGetEngineInformation, +[](Interface* self, abi::LayerFormat format) noexcept {
          return format == abi::LayerFormat::kJson ? of<Inspector>(self).text.c_str() : nullptr;
        });
    return made;
  }
  std::string text;
  standin::Counted counted{"inspectors"};
};

abi::Execution* execution_of(standin::Engine& engine) {
  auto made = engine.create_execution();
  return made == nullptr ? nullptr : reinterpret_cast<abi::Execution*>(new Object<Execution>(std::move(made)));
}

struct Engine {
  static standin::Engine& get(Interface* self) { return *of<Engine>(self).engine; }
  static const Table& table() {
    static const Table made =
        Table()
            .put(
                abi::kCudaEngineGetNbIOTensors,
                +[](Interface* self) noexcept { return static_cast<std::int32_t>(get(self).tensors().size()); })
            .put(
                abi::kCudaEngineGetIOTensorName,
                +[](Interface* self, std::int32_t index) noexcept {
                  return get(self).tensors()[static_cast<std::size_t>(index)].name.c_str();
                })
            .put(
                abi::kCudaEngineGetTensorIOMode,
                +[](Interface* self, const char* name) noexcept {
                  return get(self).find(name)->input ? abi::IoMode::kInput : abi::IoMode::kOutput;
                })
            .put_dims(
                abi::kCudaEngineGetTensorShape,
                +[](Interface* self, const char* name) noexcept { return theirs(get(self).find(name)->dims); })
            .put(
                abi::kCudaEngineGetTensorDataType,
                +[](Interface* self, const char* name) noexcept { return get(self).find(name)->element; })
            .put(
                abi::kCudaEngineGetTensorLocation,
                +[](Interface*, const char*) noexcept { return abi::Location::kDevice; })
            .put(
                abi::kCudaEngineGetTensorFormat, +[](Interface*, const char*) noexcept { return abi::kLinearFormat; })
            .put(
                abi::kCudaEngineGetNbOptimizationProfiles,
                +[](Interface* self) noexcept { return static_cast<std::int32_t>(get(self).plan().profiles.size()); })
            .put_dims(
                abi::kCudaEngineGetProfileShape,
                +[](Interface* self, const char* name, std::int32_t profile, abi::ProfileSelector which) noexcept {
                  const auto* const dims = get(self).profile_shape(name, profile, which);
                  return theirs(dims == nullptr ? foveate::Dims() : *dims);
                })
            .put(
                abi::kCudaEngineCreateExecutionContext,
                +[](Interface* self, abi::AllocationStrategy) noexcept { return execution_of(get(self)); })
            .put(
                abi::kCudaEngineCreateExecutionContextPlain,
                +[](Interface* self) noexcept { return execution_of(get(self)); })
            .put(
                abi::kCudaEngineCreateEngineInspector,
                +[](Interface* self) noexcept {
                  return reinterpret_cast<abi::Inspector*>(new Object<Inspector>(get(self).information()));
                })
            .put(abi::kCudaEngineIsRefittable, +[](Interface* self) noexcept { return get(self).plan().refittable; });
    return made;
  }
  std::unique_ptr<standin::Engine> engine;
};

struct Refitter {
  static const Table& table() {
    static const Table made =
        Table()
            .put(
                abi::kRefitterSetNamedWeights,
                +[](Interface* self, const char* name, abi::Weights weights) noexcept {
                  auto& refitter = of<Refitter>(self);
                  return refitter.engine.set_weights(refitter.model, name, weights.type, weights.values, weights.count);
                })
            .put(
                abi::kRefitterGetMissingWeights, +[](Interface*, std::int32_t, const char**) noexcept { return 0; })
            .put(
                abi::kRefitterRefitCudaEngine, +[](Interface* self) noexcept {
                  auto& refitter = of<Refitter>(self);
                  return refitter.engine.apply_weights(refitter.model);
                });
    return made;
  }
  standin::Engine& engine;
  standin::Bytes model;
  standin::Counted counted{"refitters"};
};

struct Runtime {
  static abi::Engine* load(Interface* self, const void* bytes, std::size_t size) noexcept {
    auto made = standin::Engine::load({static_cast<const std::byte*>(bytes), size}, kRelease, of<Runtime>(self).log);
    return made == nullptr ? nullptr : reinterpret_cast<abi::Engine*>(new Object<Engine>(std::move(made)));
  }
  static const Table& table() {
    static const Table made =
        Table()
            .put(abi::kRuntimeDeserializeCudaEngine, &load)
            .put(
                abi::kRuntimeDeserializeCudaEngineWithPlugins, +[](Interface* self, const void* bytes, std::size_t size,
                                                                   void*) noexcept { return load(self, bytes, size); });
    return made;
  }
  standin::Log log;
  standin::Counted counted{"runtimes"};
};

}  // namespace

extern "C" {
std::int32_t getInferLibVersion() noexcept { return kRelease.version; }
int getNvOnnxParserVersion() noexcept { return 100; }

void* createInferBuilder_INTERNAL(void* logger, std::int32_t) noexcept {
  return static_cast<abi::Handle*>(new Object<Builder>(log_of(logger)));
}
void* createInferRuntime_INTERNAL(void* logger, std::int32_t) noexcept {
  if (standin::Driver::get() == nullptr) {
    log_of(logger)(standin::Severity::kError, "CUDA initialization failure with error: 35");
    return nullptr;
  }
  return static_cast<abi::Handle*>(new Object<Runtime>(log_of(logger)));
}
void* createInferRefitter_INTERNAL(void* engine, void*, std::int32_t) noexcept {
  auto& logic = *of<Engine>(static_cast<abi::Handle*>(engine)).engine;
  return static_cast<abi::Handle*>(new Object<Refitter>(logic, logic.plan().model));
}
void* createNvOnnxParser_INTERNAL(void* network, void*, int) noexcept {
  return static_cast<Interface*>(new Parser(of<Network>(static_cast<abi::Handle*>(network))));
}
}
