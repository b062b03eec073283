// Generated from lib/errors/codes.ts by scripts/generate.mjs. Do not edit.
#pragma once

#include <string_view>

namespace foveate::error_code {

inline constexpr std::string_view kInvalidArgument = "INVALID_ARGUMENT";
inline constexpr std::string_view kUnknownOption = "UNKNOWN_OPTION";
inline constexpr std::string_view kTensorName = "TENSOR_NAME";
inline constexpr std::string_view kTensorDtype = "TENSOR_DTYPE";
inline constexpr std::string_view kTensorShape = "TENSOR_SHAPE";
inline constexpr std::string_view kBindingNotFound = "BINDING_NOT_FOUND";
inline constexpr std::string_view kPackageNotFound = "PACKAGE_NOT_FOUND";
inline constexpr std::string_view kBackendNotFound = "BACKEND_NOT_FOUND";
inline constexpr std::string_view kBackendInvalid = "BACKEND_INVALID";
inline constexpr std::string_view kBackendTooOld = "BACKEND_TOO_OLD";
inline constexpr std::string_view kBackendUnavailable = "BACKEND_UNAVAILABLE";
inline constexpr std::string_view kModelNotFound = "MODEL_NOT_FOUND";
inline constexpr std::string_view kModelInvalid = "MODEL_INVALID";
inline constexpr std::string_view kModelUnsupported = "MODEL_UNSUPPORTED";
inline constexpr std::string_view kModelAmbiguous = "MODEL_AMBIGUOUS";
inline constexpr std::string_view kBundleInvalid = "BUNDLE_INVALID";
inline constexpr std::string_view kEngineInvalid = "ENGINE_INVALID";
inline constexpr std::string_view kEngineMismatch = "ENGINE_MISMATCH";
inline constexpr std::string_view kEngineNotBuilt = "ENGINE_NOT_BUILT";
inline constexpr std::string_view kNotTrusted = "NOT_TRUSTED";
inline constexpr std::string_view kEngineFailed = "ENGINE_FAILED";
inline constexpr std::string_view kOutOfMemory = "OUT_OF_MEMORY";
inline constexpr std::string_view kCudaOutOfMemory = "CUDA_OUT_OF_MEMORY";
inline constexpr std::string_view kCudaFailed = "CUDA_FAILED";
inline constexpr std::string_view kDeviceLost = "DEVICE_LOST";
inline constexpr std::string_view kQueueFull = "QUEUE_FULL";
inline constexpr std::string_view kDeadlineExceeded = "DEADLINE_EXCEEDED";
inline constexpr std::string_view kCircuitOpen = "CIRCUIT_OPEN";
inline constexpr std::string_view kStoreFull = "STORE_FULL";
inline constexpr std::string_view kPoolLoadFailed = "POOL_LOAD_FAILED";
inline constexpr std::string_view kPoolTooSmall = "POOL_TOO_SMALL";
inline constexpr std::string_view kAborted = "ABORTED";
inline constexpr std::string_view kDisposed = "DISPOSED";
inline constexpr std::string_view kMediaNotFound = "MEDIA_NOT_FOUND";
inline constexpr std::string_view kMediaInvalid = "MEDIA_INVALID";
inline constexpr std::string_view kMediaUnsupported = "MEDIA_UNSUPPORTED";
inline constexpr std::string_view kMediaTooLarge = "MEDIA_TOO_LARGE";
inline constexpr std::string_view kDatasetNotFound = "DATASET_NOT_FOUND";
inline constexpr std::string_view kDatasetInvalid = "DATASET_INVALID";
inline constexpr std::string_view kDatasetUnsupported = "DATASET_UNSUPPORTED";
inline constexpr std::string_view kOutputNotWritable = "OUTPUT_NOT_WRITABLE";
inline constexpr std::string_view kLabelsInvalid = "LABELS_INVALID";
inline constexpr std::string_view kPreprocessInvalid = "PREPROCESS_INVALID";
inline constexpr std::string_view kCalibrationInvalid = "CALIBRATION_INVALID";
inline constexpr std::string_view kCalibrationDoubtful = "CALIBRATION_DOUBTFUL";
inline constexpr std::string_view kBudgetNotMet = "BUDGET_NOT_MET";
inline constexpr std::string_view kInternal = "INTERNAL";

}  // namespace foveate::error_code
