// The binary interface of TensorRT and TensorRT-RTX, as far as it is in use: objects, structs, enumerations, and how a
// virtual method is called by its slot. Which slot, slots.generated.h tells for each range of releases.
//
// An object behind a handle is 16 bytes: a table that holds only its destructor, and a pointer to the implementation,
// whose table has the methods. The parser and its errors are called directly. All of this is the Itanium C++ ABI.
// Windows would differ in three ways, none of which is supported yet: a virtual destructor takes one slot there (every
// slot after it is one less), overloads are grouped in reverse order, and a struct that a member function returns has
// its hidden pointer after `this`. Only `implementation`, `destroy` and `Bound` below would change.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/status.h"

namespace foveate::tensorrt::abi {

// Ranges of releases that agree on their tables: 8.5 and 8.6, 10, 11, RTX 1.3 and 1.4, RTX from 1.5 on.
enum class Releases : std::uint8_t { kTrt8, kTrt10, kTrt11, kRtx10, kRtx11 };
inline constexpr std::size_t kReleases = 5;

// A library's releases and its number as getInferLibVersion() gives it.
struct Version {
  Releases releases = Releases::kTrt10;
  std::int32_t number = 0;
};

struct Interface {
  void* const* table;
};
struct Handle {
  void* const* table;  // destructors only: 0 complete, 1 deleting
  Interface* implementation;
};

struct Builder : Handle {};
struct BuilderConfig : Handle {};
struct Network : Handle {};
struct Tensor : Handle {};
struct Profile : Handle {};  // of optimization
struct HostMemory : Handle {};
struct TimingCache : Handle {};
struct Runtime : Handle {};
struct Engine : Handle {};
struct Execution : Handle {};  // an IExecutionContext
struct Inspector : Handle {};
struct Refitter : Handle {};
struct Parser : Interface {};
struct ParserError : Interface {};
struct PluginRegistry : Interface {};
class ProgressMonitor;  // ours

struct Dims {
  std::int32_t rank = 0;
  std::int64_t sizes[8] = {};
};
struct Dims32 {  // of TensorRT 8
  std::int32_t rank = 0;
  std::int32_t sizes[8] = {};
};
static_assert(sizeof(Dims) == 72 && sizeof(Dims32) == 36);

enum class ElementType : std::int32_t;
struct Weights {
  ElementType type{};
  const void* values = nullptr;
  std::int64_t count = 0;  // of elements
};
static_assert(sizeof(Weights) == 24);

enum class ElementType : std::int32_t {
  kFloat32 = 0,
  kFloat16 = 1,
  kInt8 = 2,
  kInt32 = 3,
  kBool = 4,
  kUint8 = 5,
  kFloat8 = 6,
  kBFloat16 = 7,
  kInt64 = 8,
  kInt4 = 9,
  kFloat4 = 10,
};
enum class MemoryPool : std::int32_t { kWorkspace = 0, kDlaManagedSram = 1, kDlaLocalDram = 2, kDlaGlobalDram = 3 };
enum class ProfilingVerbosity : std::int32_t { kLayerNamesOnly = 0, kNone = 1, kDetailed = 2 };
enum class ProfileSelector : std::int32_t { kMin = 0, kOpt = 1, kMax = 2 };
enum class HardwareCompatibility : std::int32_t { kNone = 0, kAmperePlus = 1, kSameComputeCapability = 2 };
enum class IoMode : std::int32_t { kNone = 0, kInput = 1, kOutput = 2 };
enum class Location : std::int32_t { kDevice = 0, kHost = 1 };
enum class AllocationStrategy : std::int32_t { kStatic = 0, kOnProfileChange = 1, kUserManaged = 2 };
enum class LayerFormat : std::int32_t { kOneLine = 0, kJson = 1 };
inline constexpr std::int32_t kLinearFormat = 0;  // of TensorFormat: no vectors, no padding
enum class DeviceType : std::int32_t { kGpu = 0, kDla = 1 };
enum class Severity : std::int32_t { kInternalError = 0, kError = 1, kWarning = 2, kInfo = 3, kVerbose = 4 };
enum class ParserErrorCode : std::int32_t {
  kModelDeserializeFailed = 3,
  kUnsupportedGraph = 7,
  kUnsupportedNode = 8,
  kUnsupportedAttribute = 9,
  kUnsupportedInput = 10,
  kUnsupportedDataType = 11,
  kUnsupportedDynamicShape = 12,
  kUnsupportedShape = 13,
};

// Bits of NetworkDefinitionCreationFlag: explicit batch where that must be said, strong typing where there is any.
constexpr std::uint32_t network_flags(Releases releases) {
  switch (releases) {
    case Releases::kTrt8:
      return 1;  // explicit batch; no strong typing yet
    case Releases::kTrt10:
    case Releases::kRtx10:
      return 1 | 2;
    case Releases::kTrt11:
    case Releases::kRtx11:
      return 1;  // strong typing: every network is explicit
  }
  return 0;
}

// A slot, and the first release that has it; since 0: all of the profile. -1: absent.
struct Slot {
  std::int16_t index;
  std::int32_t since;

  bool in(const Version& version) const { return index >= 0 && version.number >= since; }
};

struct FlagNumbers {
  const char* name;
  std::array<Slot, kReleases> numbers;

  const Slot& of(const Version& version) const { return numbers[static_cast<std::size_t>(version.releases)]; }
};

inline Interface* implementation(Handle* object) { return object->implementation; }
inline Interface* implementation(Interface* object) { return object; }

// Frees an object behind a handle; never one that another object owns (tensors, optimization profiles).
inline void destroy(Handle* object) noexcept { reinterpret_cast<void (*)(Handle*) noexcept>(object->table[1])(object); }

template <typename Signature>
class Bound;

// A method whose slot is known to be there.
template <typename R, typename... A>
class Bound<R(A...)> {
 public:
  explicit Bound(std::int16_t slot) : slot_(slot) {}

  template <typename Object>
  R operator()(Object* object, A... arguments) const noexcept {
    Interface* const target = implementation(object);
    return reinterpret_cast<R (*)(Interface*, A...) noexcept>(target->table[slot_])(target, arguments...);
  }

 private:
  std::int16_t slot_;
};

// A method that every release has.
template <typename Signature>
struct Method {
  std::array<std::int16_t, kReleases> slots;

  Bound<Signature> in(const Version& version) const {
    return Bound<Signature>(slots[static_cast<std::size_t>(version.releases)]);
  }
};

// A method that some releases lack: the slot is not read before it is known to be there.
template <typename Signature>
struct NewerMethod {
  const char* name;
  std::array<Slot, kReleases> slots;

  bool exists(const Version& version) const { return slot(version).in(version); }

  // BACKEND_TOO_OLD.
  Result<Bound<Signature>> in(const Version& version) const {
    if (exists(version)) return Bound<Signature>(slot(version).index);
    return Status(error_code::kBackendTooOld,
                  std::string("This release of the library has no ") + name + " (its version number is " +
                      std::to_string(version.number) + ")",
                  "Leave the option out that needs it, or use a newer release.");
  }

 private:
  const Slot& slot(const Version& version) const { return slots[static_cast<std::size_t>(version.releases)]; }
};

}  // namespace foveate::tensorrt::abi
