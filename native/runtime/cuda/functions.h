// The functions of the CUDA driver that are in use, found in libcuda.so.1 at run time. No header of NVIDIA is needed to
// build; tests/conformance compares every name, signature and value here with one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/status.h"

namespace foveate::cuda {

// As cuda.h calls them. Enumerations are ints, as they are in C; a handle points to something of the driver's own.
using CUresult = int;
using CUdevice = int;
using CUdeviceptr = std::uint64_t;
using CUuuid = std::array<unsigned char, 16>;
using CUcontext = struct CUctx_st*;
using CUstream = struct CUstream_st*;
using CUevent = struct CUevent_st*;
using CUgraph = struct CUgraph_st*;
using CUgraphExec = struct CUgraphExec_st*;

// Name, parameters. All return a CUresult. The names are those that the library exports: a macro of cuda.h leads from
// cuMemAlloc to cuMemAlloc_v2, and the name without a suffix is an older function with other arguments.
#define FOVEATE_CUDA_FUNCTIONS(F)                                                                     \
  F(cuInit, (unsigned flags))                                                                         \
  F(cuDriverGetVersion, (int* version))                                                               \
  F(cuGetErrorName, (CUresult error, const char** name))                                              \
  F(cuGetErrorString, (CUresult error, const char** text))                                            \
  F(cuDeviceGetCount, (int* count))                                                                   \
  F(cuDeviceGet, (CUdevice * device, int ordinal))                                                    \
  F(cuDeviceGetName, (char* name, int length, CUdevice device))                                       \
  F(cuDeviceGetAttribute, (int* value, int attribute, CUdevice device))                               \
  F(cuDeviceGetUuid_v2, (CUuuid * uuid, CUdevice device))                                             \
  F(cuDeviceTotalMem_v2, (std::size_t* bytes, CUdevice device))                                       \
  F(cuDevicePrimaryCtxRetain, (CUcontext * context, CUdevice device))                                 \
  F(cuDevicePrimaryCtxRelease_v2, (CUdevice device))                                                  \
  F(cuDevicePrimaryCtxReset_v2, (CUdevice device))                                                    \
  F(cuCtxSetCurrent, (CUcontext context))                                                             \
  F(cuCtxPushCurrent_v2, (CUcontext context))                                                         \
  F(cuCtxPopCurrent_v2, (CUcontext * context))                                                        \
  F(cuMemGetInfo_v2, (std::size_t* free, std::size_t* total))                                         \
  F(cuMemAlloc_v2, (CUdeviceptr * memory, std::size_t bytes))                                         \
  F(cuMemFree_v2, (CUdeviceptr memory))                                                               \
  F(cuMemHostAlloc, (void** memory, std::size_t bytes, unsigned flags))                               \
  F(cuMemFreeHost, (void* memory))                                                                    \
  F(cuMemHostRegister_v2, (void* memory, std::size_t bytes, unsigned flags))                          \
  F(cuMemHostUnregister, (void* memory))                                                              \
  F(cuMemcpyHtoDAsync_v2, (CUdeviceptr to, const void* from, std::size_t bytes, CUstream stream))     \
  F(cuMemcpyDtoHAsync_v2, (void* to, CUdeviceptr from, std::size_t bytes, CUstream stream))           \
  F(cuMemcpyDtoDAsync_v2, (CUdeviceptr to, CUdeviceptr from, std::size_t bytes, CUstream stream))     \
  F(cuStreamCreate, (CUstream * stream, unsigned flags))                                              \
  F(cuStreamDestroy_v2, (CUstream stream))                                                            \
  F(cuStreamQuery, (CUstream stream))                                                                 \
  F(cuStreamWaitEvent, (CUstream stream, CUevent event, unsigned flags))                              \
  F(cuStreamBeginCapture_v2, (CUstream stream, int mode))                                             \
  F(cuStreamEndCapture, (CUstream stream, CUgraph * graph))                                           \
  F(cuEventCreate, (CUevent * event, unsigned flags))                                                 \
  F(cuEventDestroy_v2, (CUevent event))                                                               \
  F(cuEventRecord, (CUevent event, CUstream stream))                                                  \
  F(cuEventQuery, (CUevent event))                                                                    \
  F(cuEventSynchronize, (CUevent event))                                                              \
  F(cuEventElapsedTime, (float* milliseconds, CUevent start, CUevent end))                            \
  F(cuGraphInstantiateWithFlags, (CUgraphExec * executable, CUgraph graph, unsigned long long flags)) \
  F(cuGraphLaunch, (CUgraphExec executable, CUstream stream))                                         \
  F(cuGraphExecDestroy, (CUgraphExec executable))                                                     \
  F(cuGraphDestroy, (CUgraph graph))

struct Functions {
#define FOVEATE_CUDA_MEMBER(name, parameters) CUresult(*name) parameters noexcept = nullptr;
  FOVEATE_CUDA_FUNCTIONS(FOVEATE_CUDA_MEMBER)
#undef FOVEATE_CUDA_MEMBER
};

// Results that the code tells apart.
namespace result {
inline constexpr CUresult kSuccess = 0;
inline constexpr CUresult kInvalidValue = 1;
inline constexpr CUresult kOutOfMemory = 2;
inline constexpr CUresult kDeinitialized = 4;       // the process is ending
inline constexpr CUresult kDeviceUnavailable = 46;  // taken by another process
inline constexpr CUresult kNoDevice = 100;
inline constexpr CUresult kEccUncorrectable = 214;
inline constexpr CUresult kNvlinkUncorrectable = 220;
inline constexpr CUresult kContained = 226;
inline constexpr CUresult kNotReady = 600;
inline constexpr CUresult kIllegalAddress = 700;
inline constexpr CUresult kLaunchTimeout = 702;
inline constexpr CUresult kContextIsDestroyed = 709;
inline constexpr CUresult kAssert = 710;
inline constexpr CUresult kHardwareStackError = 714;
inline constexpr CUresult kIllegalInstruction = 715;
inline constexpr CUresult kMisalignedAddress = 716;
inline constexpr CUresult kInvalidAddressSpace = 717;
inline constexpr CUresult kInvalidPc = 718;
inline constexpr CUresult kLaunchFailed = 719;
inline constexpr CUresult kTensorMemoryLeak = 721;
inline constexpr CUresult kMpsClientTerminated = 810;
inline constexpr CUresult kExternalDevice = 911;
}  // namespace result

namespace attribute {
inline constexpr int kComputeCapabilityMajor = 75;
inline constexpr int kComputeCapabilityMinor = 76;
}  // namespace attribute

inline constexpr unsigned kStreamNonBlocking = 1;
inline constexpr unsigned kEventBlockingSync = 1;
inline constexpr unsigned kEventDisableTiming = 2;
inline constexpr unsigned kMemHostAllocPortable = 1;
inline constexpr unsigned kMemHostRegisterPortable = 1;
inline constexpr int kCaptureThreadLocal = 1;

// The driver must support CUDA 11.4, the first with all functions above.
inline constexpr int kMinimumDriverVersion = 11040;

// Opens libcuda.so.1, where the dynamic linker finds it, once in a process; it is never closed. BACKEND_NOT_FOUND where
// there is none, BACKEND_INVALID where it is something else, BACKEND_TOO_OLD for a driver before CUDA 11.4. No function
// has been called but cuDriverGetVersion: machine() starts the driver.
Result<const Functions*> functions();

}  // namespace foveate::cuda
