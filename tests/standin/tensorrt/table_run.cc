// Engines and what runs them, in the layout of table_objects.h.
#include "table_objects.h"

namespace foveate::standin::table {
namespace {

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
                  return of<Execution>(self).execution->set_shape(name, *foveate::tensorrt::dims_at(dims, kReleases));
                })
            .put(
                abi::kExecutionContextInferShapes,
                +[](Interface* self, std::int32_t, const char**) noexcept {
                  return of<Execution>(self).execution->infer_shapes();
                })
            .put_dims(
                abi::kExecutionContextGetTensorShape,
                +[](Interface* self, const char* name) noexcept {
                  return shape_answer(of<Execution>(self).execution->shape(name));
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
                +[](Interface* self, const char* name) noexcept { return shape_answer(get(self).find(name)->dims); })
            .put(
                abi::kCudaEngineGetTensorDataType,
                +[](Interface* self, const char* name) noexcept { return get(self).find(name)->element; })
            .put(
                abi::kCudaEngineGetTensorLocation,
                +[](Interface* self, const char* name) noexcept {
                  return get(self).is_on_host(*get(self).find(name)) ? abi::Location::kHost : abi::Location::kDevice;
                })
            .put(
                abi::kCudaEngineGetTensorFormatV2,
                +[](Interface* self, const char*, std::int32_t profile) noexcept { return get(self).format(profile); })
            .put(
                abi::kCudaEngineGetTensorFormatDescV2,
                +[](Interface*, const char*, std::int32_t) noexcept { return "two channels a vector"; })
            .put(
                abi::kCudaEngineGetProfileTensorValuesV2,
                +[](Interface* self, const char* name, std::int32_t profile, abi::ProfileSelector which) noexcept {
                  return get(self).profile_values(name, profile, which);
                })
            .put(
                abi::kCudaEngineGetNbOptimizationProfiles,
                +[](Interface* self) noexcept { return static_cast<std::int32_t>(get(self).plan().profiles.size()); })
            .put_dims(
                abi::kCudaEngineGetProfileShape,
                +[](Interface* self, const char* name, std::int32_t profile, abi::ProfileSelector which) noexcept {
                  const auto* const dims = get(self).profile_shape(name, profile, which);
                  return shape_answer(dims == nullptr ? foveate::Dims() : *dims);
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
}

}  // namespace foveate::standin::table
