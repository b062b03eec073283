// The enumerations and the callback of the ONNX Runtime C interface, as far as they are in use. Their values are part
// of the binary interface: they only grow.
#pragma once

namespace foveate::onnxruntime::abi {

enum class ErrorCode : int {
  kOk = 0,
  kFail = 1,
  kInvalidArgument = 2,
  kNoSuchFile = 3,
  kRuntimeException = 6,
  kInvalidProtobuf = 7,
  kNotImplemented = 9,
  kInvalidGraph = 10,
};

enum class LoggingLevel : int { kVerbose = 0, kInfo = 1, kWarning = 2, kError = 3, kFatal = 4 };

enum class ElementType : int {
  kUndefined = 0,
  kFloat32 = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kFloat64 = 11,
  kUint32 = 12,
  kUint64 = 13,
  kComplex64 = 14,
  kComplex128 = 15,
  kBFloat16 = 16,
};

enum class ValueKind : int {
  kUnknown = 0,
  kTensor = 1,
  kSequence = 2,
  kMap = 3,
  kOpaque = 4,
  kSparse = 5,
  kOptional = 6
};

enum class OptimizationLevel : int { kDisabled = 0, kBasic = 1, kExtended = 2, kAll = 99 };

enum class ExecutionMode : int { kSequential = 0, kParallel = 1 };

enum class AllocatorKind : int { kDevice = 0, kArena = 1 };

enum class MemoryKind : int { kDefault = 0 };

// Called by the library on any of its threads. An exception would cross its frames and end the process.
using LoggingFunction = void (*)(void* parameter, LoggingLevel level, const char* category, const char* log_id,
                                 const char* code_location, const char* message) noexcept;

}  // namespace foveate::onnxruntime::abi
