// Compares cuda.h, as the compiler reads it, with native/runtime/cuda/functions.h. Compiled twice for each release by
// cuda-headers.mjs: as a user of the header sees it, where macros lead from a name to that which the library exports,
// and, with __CUDA_API_VERSION_INTERNAL, with all names that it exports. Prints a line for each mismatch, then "KEY
// VALUE" lines: version, functions, names, values, mismatches.
#include <cuda.h>

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "runtime/cuda/functions.h"

namespace foveate::cuda {
namespace {

int mismatches = 0;

void mismatch(const char* what, const std::string& theirs, const std::string& ours) {
  ++mismatches;
  std::printf("mismatch %s: the header says %s, we say %s\n", what, theirs.c_str(), ours.c_str());
}

#ifdef __CUDA_API_VERSION_INTERNAL

// ---- signatures: what is passed, whatever its type is called

template <std::size_t Bytes>
struct Integer {};
template <std::size_t Bytes, std::size_t Alignment>
struct Copied {};
template <int Id>
struct Handle {};

// Handles all look alike to the compiler, and must not be mixed up. Ours are the header's here, which comes first: both
// point to a struct of the same name.
template <typename T>
constexpr int kHandle = 0;
template <>
constexpr int kHandle<::CUcontext> = 1;
template <>
constexpr int kHandle<::CUstream> = 2;
template <>
constexpr int kHandle<::CUevent> = 3;
template <>
constexpr int kHandle<::CUgraph> = 4;
template <>
constexpr int kHandle<::CUgraphExec> = 5;

template <typename T>
auto passed() {
  if constexpr (kHandle<T> != 0) {
    return static_cast<Handle<kHandle<T>>*>(nullptr);
  } else if constexpr (std::is_pointer_v<T>) {
    using Pointee = std::remove_cv_t<std::remove_pointer_t<T>>;
    return static_cast<decltype(passed<Pointee>())*>(nullptr);
  } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
    return static_cast<Integer<sizeof(T)>*>(nullptr);
  } else if constexpr (std::is_class_v<T>) {
    static_assert(std::is_trivially_copyable_v<T>);
    return static_cast<Copied<sizeof(T), alignof(T)>*>(nullptr);
  } else {
    return static_cast<T*>(nullptr);
  }
}

template <typename Function>
struct CallOf;
template <typename R, typename... A>
struct CallOf<R (*)(A...)> {
  using Type = std::tuple<decltype(passed<R>()), decltype(passed<A>())...>;
};
template <typename R, typename... A>
struct CallOf<R (*)(A...) noexcept> : CallOf<R (*)(A...)> {};

int functions_checked = 0;

template <typename Theirs, typename Ours>
void expect_function(const char* name) {
  ++functions_checked;
  if constexpr (!std::is_same_v<typename CallOf<Theirs>::Type, typename CallOf<Ours>::Type>)
    mismatch((std::string(name) + ", its signature").c_str(), "another", "this");
}

void check() {
#define FUNCTION(name, parameters) expect_function<decltype(&::name), decltype(Functions::name)>(#name);
  FOVEATE_CUDA_FUNCTIONS(FUNCTION)
#undef FUNCTION
  std::printf("functions %d\n", functions_checked);
}

#else

// ---- names: where the macro of each function leads

// What a newer header leads elsewhere, although the library still exports what we call.
constexpr std::string_view kSuperseded = "cuEventElapsedTime";

int names_checked = 0;

// `expanded` is what the name without a version becomes; that where no macro has that name.
void expect_name(std::string_view ours, const std::string& base, std::string_view expanded) {
  ++names_checked;
  const bool versioned = base != ours;
  if (expanded == ours || ours == kSuperseded) return;
  // Before CUDA 13, the name of an older function could be that without a version: both are declared then.
  if (versioned && expanded == base && CUDA_VERSION < 13000) return;
  mismatch(std::string(ours).c_str(), std::string(expanded), std::string(ours));
}

int values_checked = 0;

void expect(const char* what, long long theirs, long long ours) {
  ++values_checked;
  if (theirs != ours) mismatch(what, std::to_string(theirs), std::to_string(ours));
}

void check() {
#define TEXT_OF(name) #name
#define EXPANDED(name) TEXT_OF(name)
#include "names.inc"
  std::printf("names %d\n", names_checked);

  expect("CUDA_SUCCESS", CUDA_SUCCESS, result::kSuccess);
  expect("CUDA_ERROR_INVALID_VALUE", CUDA_ERROR_INVALID_VALUE, result::kInvalidValue);
  expect("CUDA_ERROR_OUT_OF_MEMORY", CUDA_ERROR_OUT_OF_MEMORY, result::kOutOfMemory);
  expect("CUDA_ERROR_DEINITIALIZED", CUDA_ERROR_DEINITIALIZED, result::kDeinitialized);
  expect("CUDA_ERROR_DEVICE_UNAVAILABLE", CUDA_ERROR_DEVICE_UNAVAILABLE, result::kDeviceUnavailable);
  expect("CUDA_ERROR_NO_DEVICE", CUDA_ERROR_NO_DEVICE, result::kNoDevice);
  expect("CUDA_ERROR_ECC_UNCORRECTABLE", CUDA_ERROR_ECC_UNCORRECTABLE, result::kEccUncorrectable);
  expect("CUDA_ERROR_NVLINK_UNCORRECTABLE", CUDA_ERROR_NVLINK_UNCORRECTABLE, result::kNvlinkUncorrectable);
  expect("CUDA_ERROR_CONTAINED", CUDA_ERROR_CONTAINED, result::kContained);
  expect("CUDA_ERROR_NOT_READY", CUDA_ERROR_NOT_READY, result::kNotReady);
  expect("CUDA_ERROR_ILLEGAL_ADDRESS", CUDA_ERROR_ILLEGAL_ADDRESS, result::kIllegalAddress);
  expect("CUDA_ERROR_LAUNCH_TIMEOUT", CUDA_ERROR_LAUNCH_TIMEOUT, result::kLaunchTimeout);
  expect("CUDA_ERROR_CONTEXT_IS_DESTROYED", CUDA_ERROR_CONTEXT_IS_DESTROYED, result::kContextIsDestroyed);
  expect("CUDA_ERROR_ASSERT", CUDA_ERROR_ASSERT, result::kAssert);
  expect("CUDA_ERROR_HARDWARE_STACK_ERROR", CUDA_ERROR_HARDWARE_STACK_ERROR, result::kHardwareStackError);
  expect("CUDA_ERROR_ILLEGAL_INSTRUCTION", CUDA_ERROR_ILLEGAL_INSTRUCTION, result::kIllegalInstruction);
  expect("CUDA_ERROR_MISALIGNED_ADDRESS", CUDA_ERROR_MISALIGNED_ADDRESS, result::kMisalignedAddress);
  expect("CUDA_ERROR_INVALID_ADDRESS_SPACE", CUDA_ERROR_INVALID_ADDRESS_SPACE, result::kInvalidAddressSpace);
  expect("CUDA_ERROR_INVALID_PC", CUDA_ERROR_INVALID_PC, result::kInvalidPc);
  expect("CUDA_ERROR_LAUNCH_FAILED", CUDA_ERROR_LAUNCH_FAILED, result::kLaunchFailed);
  expect("CUDA_ERROR_TENSOR_MEMORY_LEAK", CUDA_ERROR_TENSOR_MEMORY_LEAK, result::kTensorMemoryLeak);
  expect("CUDA_ERROR_MPS_CLIENT_TERMINATED", CUDA_ERROR_MPS_CLIENT_TERMINATED, result::kMpsClientTerminated);
  expect("CUDA_ERROR_EXTERNAL_DEVICE", CUDA_ERROR_EXTERNAL_DEVICE, result::kExternalDevice);
  expect("COMPUTE_CAPABILITY_MAJOR", CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, attribute::kComputeCapabilityMajor);
  expect("COMPUTE_CAPABILITY_MINOR", CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, attribute::kComputeCapabilityMinor);
  expect("CU_STREAM_NON_BLOCKING", CU_STREAM_NON_BLOCKING, kStreamNonBlocking);
  expect("CU_EVENT_BLOCKING_SYNC", CU_EVENT_BLOCKING_SYNC, kEventBlockingSync);
  expect("CU_EVENT_DISABLE_TIMING", CU_EVENT_DISABLE_TIMING, kEventDisableTiming);
  expect("CU_MEMHOSTALLOC_PORTABLE", CU_MEMHOSTALLOC_PORTABLE, kMemHostAllocPortable);
  expect("CU_MEMHOSTREGISTER_PORTABLE", CU_MEMHOSTREGISTER_PORTABLE, kMemHostRegisterPortable);
  expect("CU_STREAM_CAPTURE_MODE_THREAD_LOCAL", CU_STREAM_CAPTURE_MODE_THREAD_LOCAL, kCaptureThreadLocal);
  expect("sizeof(CUuuid)", sizeof(::CUuuid), sizeof(cuda::CUuuid));
  expect("sizeof(CUdevice)", sizeof(::CUdevice), sizeof(cuda::CUdevice));
  expect("sizeof(CUdeviceptr)", sizeof(::CUdeviceptr), sizeof(cuda::CUdeviceptr));
  expect("sizeof(CUresult)", sizeof(::CUresult), sizeof(cuda::CUresult));
  std::printf("values %d\n", values_checked);
}

#endif

}  // namespace
}  // namespace foveate::cuda

int main() {
  foveate::cuda::check();
  std::printf("version %d.%d\n", CUDA_VERSION / 1000, CUDA_VERSION % 1000 / 10);
  std::printf("mismatches %d\n", foveate::cuda::mismatches);
  return foveate::cuda::mismatches == 0 ? 0 : 1;
}
