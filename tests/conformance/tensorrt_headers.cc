// Compares the headers of one release of TensorRT or TensorRT-RTX, as the compiler lays them out, with our tables.
// Compiled once for each release by tensorrt-headers.mjs, which writes methods.inc from slots.json. Prints a line for
// each mismatch, then "KEY VALUE" lines: releases, version, slots, flags, structs, mismatches.
#include <NvInfer.h>
#include <NvOnnxParser.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "runtime/tensorrt/callbacks.h"
#include "runtime/tensorrt/library.h"
#include "runtime/tensorrt/logger.h"

namespace foveate::tensorrt::abi {
namespace {

struct Counts {
  int slots = 0, flags = 0, structs = 0, mismatches = 0;
};
Counts counts;

void mismatch(const char* what, long long theirs, long long ours) {
  ++counts.mismatches;
  std::printf("mismatch %s: the headers say %lld, we say %lld\n", what, theirs, ours);
}

template <typename Theirs, typename Ours>
void expect(const char* what, Theirs theirs, Ours ours) {
  ++counts.structs;
  if (static_cast<long long>(theirs) != static_cast<long long>(ours))
    mismatch(what, static_cast<long long>(theirs), static_cast<long long>(ours));
}

// ---- signatures: how an argument is passed, whatever its type is called

template <std::size_t Bytes, std::size_t Alignment>
struct Copied {};

template <typename T>
auto passed() {
  if constexpr (std::is_reference_v<T> || std::is_pointer_v<T>) {
    return static_cast<void**>(nullptr);
  } else if constexpr (std::is_enum_v<T>) {
    return static_cast<std::underlying_type_t<T>*>(nullptr);
  } else if constexpr (std::is_class_v<T>) {
    static_assert(std::is_trivially_copyable_v<T>);
    return static_cast<Copied<sizeof(T), alignof(T)>*>(nullptr);
  } else {
    return static_cast<std::remove_cv_t<T>*>(nullptr);
  }
}

template <typename R, typename... A>
struct Call {
  using Returned = decltype(passed<R>());
  using Passed = std::tuple<decltype(passed<A>())...>;
  static constexpr bool kReturnsBool = std::is_same_v<R, bool>;
  static constexpr bool kReturnsNothing = std::is_void_v<R>;
};
template <typename Function>
struct CallOf;
template <typename R, typename... A>
struct CallOf<R(A...)> : Call<R, A...> {};
template <typename R, typename... A>
struct CallOf<R(A...) noexcept> : Call<R, A...> {};
template <typename R, typename... A>
struct CallOf<R(A...) const> : Call<R, A...> {};
template <typename R, typename... A>
struct CallOf<R(A...) const noexcept> : Call<R, A...> {};

// A truth that comes back in a register may be left there: setMaxAuxStreams has one in some releases, and none in
// others.
template <typename Theirs, typename Ours>
constexpr bool kSameResult = std::is_same_v<typename CallOf<Theirs>::Returned, typename CallOf<Ours>::Returned> ||
                             (CallOf<Theirs>::kReturnsBool && CallOf<Ours>::kReturnsNothing);

template <typename Theirs, typename Ours>
constexpr bool kSameCall =
    kSameResult<Theirs, Ours> && std::is_same_v<typename CallOf<Theirs>::Passed, typename CallOf<Ours>::Passed>;

template <typename Theirs, typename Ours>
void expect_function(const char* name, Theirs*, Ours*) {
  expect(name, true, kSameCall<Theirs, Ours>);
}

// ---- slots

// An object whose virtual functions note which of them was called.
constexpr int kFakeSlots = 128;
int called_slot = -1;

template <int Slot>
void note_slot() {
  called_slot = Slot;
}

struct Fake {
  void* const* table;
  void* rest[7] = {};

  Fake() {
    static const auto slots = []<int... I>(std::integer_sequence<int, I...>) {
      return std::array<void*, kFakeSlots>{reinterpret_cast<void*>(&note_slot<I>)...};
    }(std::make_integer_sequence<int, kFakeSlots>());
    table = slots.data();
    called_slot = -1;
  }
  template <typename T>
  T* as() {
    T* volatile object = reinterpret_cast<T*>(this);  // what it really is, the compiler must not see
    return object;
  }
};

template <typename T>
int deleting_slot() {
  Fake fake;
  delete fake.as<T>();
  return called_slot;
}

// A pointer to a virtual member function is two words, one of which holds where it lies in the table.
template <typename Class, typename Function>
long long slot_of(Function Class::* method) {
  std::ptrdiff_t words[2];
  static_assert(sizeof(method) == sizeof(words));
  std::memcpy(words, &method, sizeof(words));
#ifdef __aarch64__
  const bool is_virtual = words[1] & 1;
  const std::ptrdiff_t offset = words[0];
#else
  const bool is_virtual = words[0] & 1;
  const std::ptrdiff_t offset = words[0] - 1;
#endif
  return is_virtual ? offset / static_cast<std::ptrdiff_t>(sizeof(void*)) : -2;
}

Version version;

long long ours_of(const std::array<Slot, kReleases>& slots) {
  const Slot& slot = slots[static_cast<std::size_t>(version.releases)];
  return slot.in(version) ? slot.index : -1;
}

// `method` is null where the headers have none of that name, or several.
template <typename Signature, typename Method>
void expect_method(const char* name, const std::array<Slot, kReleases>& slots, Method method) {
  ++counts.slots;
  const long long ours = ours_of(slots);
  if constexpr (std::is_null_pointer_v<Method>) {
    if (ours != -1) mismatch(name, -1, ours);
  } else {
    if (slot_of(method) != ours) mismatch(name, slot_of(method), ours);
    [name]<typename Class, typename Function>(Function Class::*) {
      if constexpr (!kSameCall<Function, Signature>) mismatch((std::string(name) + ", its signature").c_str(), 1, 0);
    }(method);
  }
}

void expect_slot(const char* name, const std::array<Slot, kReleases>& slots, int theirs) {
  ++counts.slots;
  if (theirs != ours_of(slots)) mismatch(name, theirs, ours_of(slots));
}

void expect_flag(const char* name, const std::array<Slot, kReleases>& slots, int theirs) {
  ++counts.flags;
  if (theirs != ours_of(slots)) mismatch(name, theirs, ours_of(slots));
}

void check_methods_and_flags() {
#include "methods.inc"
}

// ---- objects

template <typename Theirs>
struct Peek : Theirs {
  static std::ptrdiff_t implementation_offset() {
    auto member = &Peek::mImpl;
    std::ptrdiff_t offset;
    static_assert(sizeof(member) == sizeof(offset));
    std::memcpy(&offset, &member, sizeof(offset));
    return offset;
  }
};

enum class Freed { kByUs, kByItsOwner };

template <typename Theirs>
void check_handle(const char* name, Freed freed) {
  expect(name, sizeof(Theirs), sizeof(Handle));
  expect(name, Peek<Theirs>::implementation_offset(), offsetof(Handle, implementation));
  expect(name, std::is_destructible_v<Theirs>, freed == Freed::kByUs);
  if constexpr (std::is_destructible_v<Theirs>) {
    Fake fake;
    destroy(fake.as<Handle>());
    const int ours = called_slot;
    expect(name, deleting_slot<Theirs>(), ours);
  }
}

struct Giver {
  virtual nvinfer1::Dims give() const noexcept { return {3, {10, 20, 30}}; }
  virtual std::int64_t take(const nvinfer1::Dims& dims) noexcept { return dims.nbDims * 100 + dims.d[1]; }
};

void check_structs() {
  expect("sizeof(Dims)", sizeof(nvinfer1::Dims), sizeof(Dims));
  expect("Dims::rank", offsetof(nvinfer1::Dims, nbDims), offsetof(Dims, rank));
  expect("Dims::sizes", offsetof(nvinfer1::Dims, d), offsetof(Dims, sizes));
  expect("Dims::MAX_DIMS", std::size_t{nvinfer1::Dims::MAX_DIMS}, std::size(Dims{}.sizes));

  Giver giver;
  auto* const object = reinterpret_cast<Interface*>(&giver);
  const Dims given = Bound<Dims()>(0)(object);
  expect("Dims as a result", 3 * 1000 + 30, given.rank * 1000 + given.sizes[2]);
  const Dims wide{2, {7, 9}};
  expect("Dims as an argument", 2 * 100 + 9, Bound<std::int64_t(const Dims*)>(1)(object, &wide));

  check_handle<nvinfer1::IBuilder>("IBuilder", Freed::kByUs);
  check_handle<nvinfer1::IBuilderConfig>("IBuilderConfig", Freed::kByUs);
  check_handle<nvinfer1::INetworkDefinition>("INetworkDefinition", Freed::kByUs);
  check_handle<nvinfer1::ITensor>("ITensor", Freed::kByItsOwner);
  check_handle<nvinfer1::IOptimizationProfile>("IOptimizationProfile", Freed::kByItsOwner);
  check_handle<nvinfer1::IHostMemory>("IHostMemory", Freed::kByUs);
  check_handle<nvinfer1::ITimingCache>("ITimingCache", Freed::kByUs);
  check_handle<nvinfer1::IRuntime>("IRuntime", Freed::kByUs);
  check_handle<nvinfer1::ICudaEngine>("ICudaEngine", Freed::kByUs);
  check_handle<nvinfer1::IExecutionContext>("IExecutionContext", Freed::kByUs);
  check_handle<nvinfer1::IEngineInspector>("IEngineInspector", Freed::kByUs);
  check_handle<nvinfer1::IRefitter>("IRefitter", Freed::kByUs);

  expect("sizeof(Weights)", sizeof(nvinfer1::Weights), sizeof(Weights));
  expect("Weights::type", offsetof(nvinfer1::Weights, type), offsetof(Weights, type));
  expect("Weights::values", offsetof(nvinfer1::Weights, values), offsetof(Weights, values));
  expect("Weights::count", offsetof(nvinfer1::Weights, count), offsetof(Weights, count));
}

void check_enumerations() {
  using nvinfer1::DataType;
  expect("DataType::kFLOAT", DataType::kFLOAT, ElementType::kFloat32);
  expect("DataType::kHALF", DataType::kHALF, ElementType::kFloat16);
  expect("DataType::kINT8", DataType::kINT8, ElementType::kInt8);
  expect("DataType::kINT32", DataType::kINT32, ElementType::kInt32);
  expect("DataType::kBOOL", DataType::kBOOL, ElementType::kBool);
  expect("DataType::kUINT8", DataType::kUINT8, ElementType::kUint8);
  expect("DataType::kFP8", DataType::kFP8, ElementType::kFloat8);
  expect("DataType::kBF16", DataType::kBF16, ElementType::kBFloat16);
  expect("DataType::kINT64", DataType::kINT64, ElementType::kInt64);
  expect("DataType::kINT4", DataType::kINT4, ElementType::kInt4);
  expect("DataType::kFP4", DataType::kFP4, ElementType::kFloat4);

  using nvinfer1::MemoryPoolType;
  expect("MemoryPoolType::kWORKSPACE", MemoryPoolType::kWORKSPACE, MemoryPool::kWorkspace);
  expect("MemoryPoolType::kDLA_MANAGED_SRAM", MemoryPoolType::kDLA_MANAGED_SRAM, MemoryPool::kDlaManagedSram);
  expect("MemoryPoolType::kDLA_LOCAL_DRAM", MemoryPoolType::kDLA_LOCAL_DRAM, MemoryPool::kDlaLocalDram);
  expect("MemoryPoolType::kDLA_GLOBAL_DRAM", MemoryPoolType::kDLA_GLOBAL_DRAM, MemoryPool::kDlaGlobalDram);

  using Verbosity = nvinfer1::ProfilingVerbosity;
  expect("ProfilingVerbosity::kLAYER_NAMES_ONLY", Verbosity::kLAYER_NAMES_ONLY, ProfilingVerbosity::kLayerNamesOnly);
  expect("ProfilingVerbosity::kNONE", Verbosity::kNONE, ProfilingVerbosity::kNone);
  expect("ProfilingVerbosity::kDETAILED", Verbosity::kDETAILED, ProfilingVerbosity::kDetailed);

  using nvinfer1::OptProfileSelector;
  expect("OptProfileSelector::kMIN", OptProfileSelector::kMIN, ProfileSelector::kMin);
  expect("OptProfileSelector::kOPT", OptProfileSelector::kOPT, ProfileSelector::kOpt);
  expect("OptProfileSelector::kMAX", OptProfileSelector::kMAX, ProfileSelector::kMax);

  using Level = nvinfer1::HardwareCompatibilityLevel;
  expect("HardwareCompatibilityLevel::kNONE", Level::kNONE, HardwareCompatibility::kNone);
  expect("HardwareCompatibilityLevel::kAMPERE_PLUS", Level::kAMPERE_PLUS, HardwareCompatibility::kAmperePlus);
  expect("HardwareCompatibilityLevel::kSAME_COMPUTE_CAPABILITY", Level::kSAME_COMPUTE_CAPABILITY,
         HardwareCompatibility::kSameComputeCapability);

  expect("TensorIOMode::kINPUT", nvinfer1::TensorIOMode::kINPUT, IoMode::kInput);
  expect("TensorIOMode::kOUTPUT", nvinfer1::TensorIOMode::kOUTPUT, IoMode::kOutput);
  expect("TensorLocation::kDEVICE", nvinfer1::TensorLocation::kDEVICE, Location::kDevice);
  expect("TensorLocation::kHOST", nvinfer1::TensorLocation::kHOST, Location::kHost);
  expect("TensorFormat::kLINEAR", nvinfer1::TensorFormat::kLINEAR, kLinearFormat);
  expect("LayerInformationFormat::kJSON", nvinfer1::LayerInformationFormat::kJSON, LayerFormat::kJson);
  using Strategy = nvinfer1::ExecutionContextAllocationStrategy;
  expect("ExecutionContextAllocationStrategy::kSTATIC", Strategy::kSTATIC, AllocationStrategy::kStatic);
  expect("ExecutionContextAllocationStrategy::kON_PROFILE_CHANGE", Strategy::kON_PROFILE_CHANGE,
         AllocationStrategy::kOnProfileChange);
  expect("ExecutionContextAllocationStrategy::kUSER_MANAGED", Strategy::kUSER_MANAGED,
         AllocationStrategy::kUserManaged);

  expect("DeviceType::kGPU", nvinfer1::DeviceType::kGPU, DeviceType::kGpu);
  expect("DeviceType::kDLA", nvinfer1::DeviceType::kDLA, DeviceType::kDla);

  using Theirs = nvinfer1::ILogger::Severity;
  expect("Severity::kINTERNAL_ERROR", Theirs::kINTERNAL_ERROR, Severity::kInternalError);
  expect("Severity::kERROR", Theirs::kERROR, Severity::kError);
  expect("Severity::kWARNING", Theirs::kWARNING, Severity::kWarning);
  expect("Severity::kINFO", Theirs::kINFO, Severity::kInfo);
  expect("Severity::kVERBOSE", Theirs::kVERBOSE, Severity::kVerbose);

  using nvonnxparser::ErrorCode;
  expect("ErrorCode::kMODEL_DESERIALIZE_FAILED", ErrorCode::kMODEL_DESERIALIZE_FAILED,
         ParserErrorCode::kModelDeserializeFailed);
  expect("ErrorCode::kUNSUPPORTED_GRAPH", ErrorCode::kUNSUPPORTED_GRAPH, ParserErrorCode::kUnsupportedGraph);
  expect("ErrorCode::kUNSUPPORTED_NODE", ErrorCode::kUNSUPPORTED_NODE, ParserErrorCode::kUnsupportedNode);
  expect("ErrorCode::kUNSUPPORTED_NODE_ATTR", ErrorCode::kUNSUPPORTED_NODE_ATTR,
         ParserErrorCode::kUnsupportedAttribute);
  expect("ErrorCode::kUNSUPPORTED_NODE_INPUT", ErrorCode::kUNSUPPORTED_NODE_INPUT, ParserErrorCode::kUnsupportedInput);
  expect("ErrorCode::kUNSUPPORTED_NODE_DATATYPE", ErrorCode::kUNSUPPORTED_NODE_DATATYPE,
         ParserErrorCode::kUnsupportedDataType);
  expect("ErrorCode::kUNSUPPORTED_NODE_DYNAMIC", ErrorCode::kUNSUPPORTED_NODE_DYNAMIC,
         ParserErrorCode::kUnsupportedDynamicShape);
  expect("ErrorCode::kUNSUPPORTED_NODE_SHAPE", ErrorCode::kUNSUPPORTED_NODE_SHAPE, ParserErrorCode::kUnsupportedShape);

  const auto bits = []<typename Flag>(Flag) {
    std::uint32_t wanted = 1u << static_cast<int>(Flag::kSTRONGLY_TYPED);
    if constexpr (requires { Flag::kEXPLICIT_BATCH; }) wanted |= 1u << static_cast<int>(Flag::kEXPLICIT_BATCH);
    return wanted;
  };
  expect("NetworkDefinitionCreationFlags", bits(nvinfer1::NetworkDefinitionCreationFlag{}),
         network_flags(version.releases));
}

// ---- what we implement, called by the headers' own code

template <typename Theirs, typename Ours>
void expect_same_kind(const char* name, const Theirs& theirs, const Ours& ours) {
  expect(name, theirs.getAPILanguage(), ours.getAPILanguage());
  const auto wanted = theirs.getInterfaceInfo();
  const auto given = ours.getInterfaceInfo();
  expect(name, std::strcmp(wanted.kind, given.kind), 0);
  expect(name, wanted.major, given.major);
  expect(name, wanted.minor, given.minor);
}

struct TheirLogger final : nvinfer1::ILogger {
  void log(Severity, const char*) noexcept override {}
};

void check_logger() {
  auto* volatile logger = static_cast<nvinfer1::ILogger*>(logger_for(version.releases));
  bool heard = false;
  LogScope scope([&](Severity severity, std::string_view message) {
    heard = severity == Severity::kWarning && message == "a line";
  });
  logger->log(nvinfer1::ILogger::Severity::kWARNING, "a line");
  expect("ILogger::log", true, heard);
  const auto compare_kind = [](const auto& theirs, const auto& ours) {
    if constexpr (requires { theirs.getInterfaceInfo(); }) expect_same_kind("ILogger", theirs, ours);
  };
  compare_kind(TheirLogger(), *logger);
}

struct TheirMonitor final : nvinfer1::IProgressMonitor {
  void phaseStart(const char*, const char*, std::int32_t) noexcept override {}
  bool stepComplete(const char*, std::int32_t) noexcept override { return true; }
  void phaseFinish(const char*) noexcept override {}
};

struct OurMonitor final : ProgressMonitor {
  std::string heard;

  void phaseStart(const char* phase, const char* parent, std::int32_t steps) noexcept override {
    heard += std::string("start ") + phase + " in " + parent + " " + std::to_string(steps) + ";";
  }
  bool stepComplete(const char* phase, std::int32_t step) noexcept override {
    heard += std::string("step ") + phase + " " + std::to_string(step) + ";";
    return step == 1;
  }
  void phaseFinish(const char* phase) noexcept override { heard += std::string("finish ") + phase + ";"; }
};

void check_progress_monitor() {
  OurMonitor ours;
  auto* volatile monitor = reinterpret_cast<nvinfer1::IProgressMonitor*>(static_cast<ProgressMonitor*>(&ours));
  monitor->phaseStart("a", "b", 3);
  expect("IProgressMonitor::stepComplete", true, monitor->stepComplete("a", 1));
  expect("IProgressMonitor::stepComplete", false, monitor->stepComplete("a", 2));
  monitor->phaseFinish("a");
  expect("IProgressMonitor", true, ours.heard == "start a in b 3;step a 1;step a 2;finish a;");
  expect_same_kind("IProgressMonitor", TheirMonitor(), *monitor);
  expect("sizeof(InterfaceInfo)", sizeof(nvinfer1::InterfaceInfo), sizeof(InterfaceInfo));
}

struct OurOutput final : OutputListener {
  std::string heard;

  void* provide(std::uint64_t bytes) noexcept override {
    heard += "provide " + std::to_string(bytes) + ";";
    return this;
  }
  void told(const void* dims) noexcept override {
    const auto& given = *static_cast<const Dims*>(dims);
    heard += "told " + std::to_string(given.rank) + " " + std::to_string(given.sizes[1]) + ";";
  }
};

struct TheirOutputs final : nvinfer1::IOutputAllocator {
  void* reallocateOutputAsync(char const*, void*, std::uint64_t, std::uint64_t, cudaStream_t) override {
    return nullptr;
  }
  void notifyShape(char const*, nvinfer1::Dims const&) noexcept override {}
};

void check_output_allocator() {
  OurOutput ours;
  OutputAllocators callbacks(ours);
  auto* volatile allocator = static_cast<nvinfer1::IOutputAllocator*>(callbacks.of(version.releases));
  const void* const given = allocator->reallocateOutputAsync("a", nullptr, 48, 256, nullptr);
  expect("IOutputAllocator::reallocateOutputAsync", true, given == &ours);
  const auto reallocate = [&](auto* object) {
    if constexpr (requires { object->reallocateOutput("a", nullptr, 16, 256); })
      expect("IOutputAllocator::reallocateOutput", true, object->reallocateOutput("a", nullptr, 16, 256) == &ours);
    else
      ours.provide(16);  // where it has no such method
  };
  reallocate(static_cast<nvinfer1::IOutputAllocator*>(allocator));
  allocator->notifyShape("a", {2, {5, 7}});
  expect("IOutputAllocator", true, ours.heard == "provide 48;provide 16;told 2 7;");
  expect_same_kind("IOutputAllocator", TheirOutputs(), *allocator);
}

struct OurLayers final : LayerListener {
  std::string heard;

  void took(const char* layer, float milliseconds) noexcept override {
    heard += layer + std::to_string(static_cast<int>(milliseconds * 100));
  }
};

struct TheirProfiler final : nvinfer1::IProfiler {
  void reportLayerTime(char const*, float) noexcept override {}
};

void check_profiler() {
  OurLayers ours;
  Profilers callbacks(ours);
  auto* volatile profiler = static_cast<nvinfer1::IProfiler*>(callbacks.of(version.releases));
  profiler->reportLayerTime("layer", 1.5f);
  expect("IProfiler::reportLayerTime", true, ours.heard == "layer150");
  const auto compare_kind = [](const auto& theirs, const auto& ours) {
    if constexpr (requires { theirs.getInterfaceInfo(); }) expect_same_kind("IProfiler", theirs, ours);
  };
  compare_kind(TheirProfiler(), *profiler);
}

void check_functions() {
  const Library library{};
  expect_function("createInferRuntime_INTERNAL", &createInferRuntime_INTERNAL, library.create_runtime);
  expect_function("createInferRefitter_INTERNAL", &createInferRefitter_INTERNAL, library.create_refitter);
  expect_function("createInferBuilder_INTERNAL", &createInferBuilder_INTERNAL, library.create_builder);
  expect_function("createNvOnnxParser_INTERNAL", &createNvOnnxParser_INTERNAL, library.create_parser);
  expect_function("getNvOnnxParserVersion", &getNvOnnxParserVersion, static_cast<int (*)()>(nullptr));
  expect_function("getInferLibVersion", &getInferLibVersion, static_cast<std::int32_t (*)()>(nullptr));
}

}  // namespace

int check() {
  version.number = NV_TENSORRT_MAJOR * 10000 + NV_TENSORRT_MINOR * 100 + NV_TENSORRT_PATCH;
  const auto releases = releases_of(version.number);
  if (!releases) {
    std::printf("mismatch: we do not know the version number %d\n", version.number);
    return 1;
  }
  version.releases = *releases;
  constexpr int kNumbers[] = {NV_TENSORRT_MAJOR, NV_TENSORRT_MINOR, NV_TENSORRT_PATCH};
  std::string text;
  for (const int number : kNumbers) text += (text.empty() ? "" : ".") + std::to_string(number);
  expect("version_text", true, version_text(version) == text);
  check_methods_and_flags();
  check_structs();
  check_enumerations();
  check_functions();
  check_logger();
  check_progress_monitor();
  check_output_allocator();
  check_profiler();
  std::printf("releases %s\nversion %s\n", releases_name(*releases), text.c_str());
  std::printf("slots %d\nflags %d\nstructs %d\nmismatches %d\n", counts.slots, counts.flags, counts.structs,
              counts.mismatches);
  return counts.mismatches == 0 ? 0 : 1;
}

}  // namespace foveate::tensorrt::abi

int main() { return foveate::tensorrt::abi::check(); }
