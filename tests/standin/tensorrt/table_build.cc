// Builder, networks and parser, in the layout of table_objects.h.
#include "table_objects.h"

namespace foveate::standin::table {
namespace {

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
                  return of<Profile>(self).set(input, which, *foveate::tensorrt::dims_at(dims, abi::Releases::kTrt10));
                })
            .put(
                abi::kOptimizationProfileSetDimensionsByValue,
                +[](Interface* self, const char* input, abi::ProfileSelector which, abi::Dims32 dims) noexcept {
                  return of<Profile>(self).set(input, which, *foveate::tensorrt::dims_at(&dims, abi::Releases::kTrt8));
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
                abi::kBuilderConfigClearFlag, +[](Interface*, std::int32_t) noexcept {})
            .put(
                abi::kBuilderConfigSetProfilingVerbosity, +[](Interface*, abi::ProfilingVerbosity) noexcept {})
            .put(
                abi::kBuilderConfigSetMemoryPoolLimit, +[](Interface*, abi::MemoryPool, std::size_t) noexcept {})
            .put(
                abi::kBuilderConfigSetBuilderOptimizationLevel, +[](Interface*, std::int32_t) noexcept {})
            .put(
                abi::kBuilderConfigSetHardwareCompatibilityLevel,
                +[](Interface*, abi::HardwareCompatibility) noexcept {})
            .put(
                abi::kBuilderConfigSetMaxAuxStreams, +[](Interface*, std::int32_t) noexcept {})
            .put(
                abi::kBuilderConfigSetTacticSources, +[](Interface*, std::uint32_t) noexcept { return true; })
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

}  // namespace

extern "C" {
int getNvOnnxParserVersion() noexcept { return 100; }

void* createInferBuilder_INTERNAL(void* logger, std::int32_t) noexcept {
  return static_cast<abi::Handle*>(new Object<Builder>(log_of(logger)));
}
void* createNvOnnxParser_INTERNAL(void* network, void*, int) noexcept {
  return static_cast<Interface*>(new Parser(of<Network>(static_cast<abi::Handle*>(network))));
}
}

}  // namespace foveate::standin::table
