// Generated from slots.json by scripts/generate-tensorrt-tables.mjs. Do not edit.
// clang-format off
#pragma once

#include "runtime/tensorrt/abi.h"

namespace foveate::tensorrt::abi {

// Slots of trt8, trt10, trt11, rtx10, rtx11, as on Linux (Itanium C++ ABI).
inline constexpr Method<BuilderConfig*()> kBuilderCreateBuilderConfig{{9, 7, 5, 7, 5}};
inline constexpr Method<Network*(std::uint32_t)> kBuilderCreateNetworkV2{{11, 8, 6, 8, 6}};
inline constexpr Method<Profile*()> kBuilderCreateOptimizationProfile{{12, 9, 7, 9, 7}};
inline constexpr Method<HostMemory*(Network*, BuilderConfig*)> kBuilderBuildSerializedNetwork{{17, 14, 11, 14, 11}};
inline constexpr NewerMethod<PluginRegistry*()> kBuilderGetPluginRegistry{"IBuilder::getPluginRegistry", {{{22, 8600}, {19, 0}, {16, 0}, {19, 0}, {16, 0}}}};
inline constexpr Method<void(std::int32_t)> kBuilderConfigSetFlag{{15, 11, 9, 9, 9}};
inline constexpr Method<void(std::int32_t)> kBuilderConfigClearFlag{{14, 10, 8, 8, 8}};
inline constexpr Method<void(MemoryPool, std::size_t)> kBuilderConfigSetMemoryPoolLimit{{47, 43, 32, 32, 32}};
inline constexpr NewerMethod<void(std::int32_t)> kBuilderConfigSetBuilderOptimizationLevel{"IBuilderConfig::setBuilderOptimizationLevel", {{{51, 8600}, {47, 0}, {36, 0}, {36, 0}, {36, 0}}}};
inline constexpr NewerMethod<void(HardwareCompatibility)> kBuilderConfigSetHardwareCompatibilityLevel{"IBuilderConfig::setHardwareCompatibilityLevel", {{{53, 8600}, {49, 0}, {38, 0}, {38, 0}, {38, 0}}}};
inline constexpr Method<void(ProfilingVerbosity)> kBuilderConfigSetProfilingVerbosity{{31, 27, 25, 25, 25}};
inline constexpr NewerMethod<void(std::int32_t)> kBuilderConfigSetMaxAuxStreams{"IBuilderConfig::setMaxAuxStreams", {{{58, 8600}, {54, 0}, {43, 0}, {43, 0}, {43, 0}}}};
inline constexpr Method<bool(std::uint32_t)> kBuilderConfigSetTacticSources{{42, 38, 27, 27, 27}};
inline constexpr Method<TimingCache*(void const*, std::size_t)> kBuilderConfigCreateTimingCache{{44, 40, 29, 29, 29}};
inline constexpr Method<bool(TimingCache*, bool)> kBuilderConfigSetTimingCache{{45, 41, 30, 30, 30}};
inline constexpr Method<std::int32_t(Profile*)> kBuilderConfigAddOptimizationProfile{{29, 25, 23, 23, 23}};
inline constexpr NewerMethod<void(ProgressMonitor*)> kBuilderConfigSetProgressMonitor{"IBuilderConfig::setProgressMonitor", {{{-1, 0}, {56, 0}, {45, 0}, {45, 0}, {45, 0}}}};
inline constexpr NewerMethod<bool(std::int32_t)> kBuilderConfigSetNbComputeCapabilities{"IBuilderConfig::setNbComputeCapabilities", {{{-1, 0}, {-1, 0}, {-1, 0}, {55, 0}, {55, 0}}}};
inline constexpr NewerMethod<bool(std::int32_t, std::int32_t)> kBuilderConfigSetComputeCapability{"IBuilderConfig::setComputeCapability", {{{-1, 0}, {-1, 0}, {-1, 0}, {57, 0}, {57, 0}}}};
inline constexpr Method<void(DeviceType)> kBuilderConfigSetDefaultDeviceType{{24, 20, 18, 18, 18}};
inline constexpr Method<void(std::int32_t)> kBuilderConfigSetDLACore{{22, 18, 16, 16, 16}};
inline constexpr Method<std::int32_t()> kNetworkDefinitionGetNbLayers{{17, 12, 12, 12, 12}};
inline constexpr Method<std::int32_t()> kNetworkDefinitionGetNbInputs{{19, 14, 14, 14, 14}};
inline constexpr Method<Tensor*(std::int32_t)> kNetworkDefinitionGetInput{{20, 15, 15, 15, 15}};
inline constexpr Method<std::int32_t()> kNetworkDefinitionGetNbOutputs{{21, 16, 16, 16, 16}};
inline constexpr Method<Tensor*(std::int32_t)> kNetworkDefinitionGetOutput{{22, 17, 17, 17, 17}};
inline constexpr Method<void(char const*)> kNetworkDefinitionSetName{{35, 30, 30, 28, 28}};
inline constexpr Method<char const*()> kTensorGetName{{3, 3, 3, 3, 3}};
inline constexpr Method<Dims()> kTensorGetDimensions{{5, 5, 5, 5, 5}};
inline constexpr Method<ElementType()> kTensorGetType{{7, 7, 6, 7, 6}};
inline constexpr NewerMethod<bool(char const*, ProfileSelector, Dims const*)> kOptimizationProfileSetDimensions{"IOptimizationProfile::setDimensions", {{{-1, 0}, {2, 0}, {2, 0}, {2, 0}, {2, 0}}}};
inline constexpr NewerMethod<bool(char const*, ProfileSelector, Dims32)> kOptimizationProfileSetDimensionsByValue{"IOptimizationProfile::setDimensionsByValue", {{{2, 0}, {-1, 0}, {-1, 0}, {-1, 0}, {-1, 0}}}};
inline constexpr Method<bool()> kOptimizationProfileIsValid{{9, 9, 7, 9, 7}};
inline constexpr Method<void*()> kHostMemoryData{{2, 2, 2, 2, 2}};
inline constexpr Method<std::size_t()> kHostMemorySize{{3, 3, 3, 3, 3}};
inline constexpr Method<HostMemory*()> kTimingCacheSerialize{{2, 2, 2, 2, 2}};
inline constexpr Method<bool(TimingCache const*, bool)> kTimingCacheCombine{{3, 3, 3, 3, 3}};
inline constexpr Method<bool(void const*, std::size_t, char const*)> kParserParse{{0, 0, 0, 0, 0}};
inline constexpr Method<std::int32_t()> kParserGetNbErrors{{6, 5, 3, 5, 3}};
inline constexpr Method<ParserError*(std::int32_t)> kParserGetError{{7, 6, 4, 6, 4}};
inline constexpr NewerMethod<bool(void const*, std::size_t, char const*)> kParserSupportsModelV2{"IParser::supportsModelV2", {{{-1, 0}, {17, 100100}, {15, 0}, {17, 0}, {15, 0}}}};
inline constexpr Method<void()> kParserDelete{{10, 9, 7, 9, 7}};
inline constexpr Method<ParserErrorCode()> kParserErrorCode{{0, 0, 0, 0, 0}};
inline constexpr Method<char const*()> kParserErrorDesc{{1, 1, 1, 1, 1}};
inline constexpr Method<char const*()> kParserErrorFile{{2, 2, 2, 2, 2}};
inline constexpr Method<std::int32_t()> kParserErrorLine{{3, 3, 3, 3, 3}};
inline constexpr Method<std::int32_t()> kParserErrorNode{{5, 5, 5, 5, 5}};
inline constexpr NewerMethod<char const*()> kParserErrorNodeName{"IParserError::nodeName", {{{-1, 0}, {6, 0}, {6, 0}, {6, 0}, {6, 0}}}};
inline constexpr NewerMethod<char const*()> kParserErrorNodeOperator{"IParserError::nodeOperator", {{{-1, 0}, {7, 0}, {7, 0}, {7, 0}, {7, 0}}}};
inline constexpr NewerMethod<void*(char const*)> kPluginRegistryLoadLibrary{"IPluginRegistry::loadLibrary", {{{10, 8600}, {10, 0}, {6, 0}, {10, 0}, {6, 0}}}};
inline constexpr NewerMethod<Engine*(void const*, std::size_t)> kRuntimeDeserializeCudaEngine{"IRuntime::deserializeCudaEngine", {{{-1, 0}, {3, 0}, {3, 0}, {3, 0}, {3, 0}}}};
inline constexpr NewerMethod<Engine*(void const*, std::size_t, void*)> kRuntimeDeserializeCudaEngineWithPlugins{"IRuntime::deserializeCudaEngineWithPlugins", {{{2, 0}, {-1, 0}, {-1, 0}, {-1, 0}, {-1, 0}}}};
inline constexpr NewerMethod<Execution*(AllocationStrategy)> kCudaEngineCreateExecutionContext{"ICudaEngine::createExecutionContext", {{{-1, 0}, {5, 0}, {5, 0}, {5, 0}, {5, 0}}}};
inline constexpr NewerMethod<Execution*()> kCudaEngineCreateExecutionContextPlain{"ICudaEngine::createExecutionContextPlain", {{{11, 0}, {-1, 0}, {-1, 0}, {-1, 0}, {-1, 0}}}};
inline constexpr Method<Inspector*()> kCudaEngineCreateEngineInspector{{33, 18, 14, 16, 14}};
inline constexpr Method<bool()> kCudaEngineIsRefittable{{15, 8, 6, 6, 6}};
inline constexpr Method<std::int32_t()> kCudaEngineGetNbIOTensors{{45, 30, 26, 28, 26}};
inline constexpr Method<char const*(std::int32_t)> kCudaEngineGetIOTensorName{{46, 31, 27, 29, 27}};
inline constexpr Method<IoMode(char const*)> kCudaEngineGetTensorIOMode{{38, 23, 19, 21, 19}};
inline constexpr Method<Dims(char const*)> kCudaEngineGetTensorShape{{34, 19, 15, 17, 15}};
inline constexpr Method<ElementType(char const*)> kCudaEngineGetTensorDataType{{35, 20, 16, 18, 16}};
inline constexpr Method<Location(char const*)> kCudaEngineGetTensorLocation{{36, 21, 17, 19, 17}};
inline constexpr Method<std::int32_t(char const*)> kCudaEngineGetTensorFormat{{41, 26, 22, 24, 22}};
inline constexpr Method<char const*(char const*)> kCudaEngineGetTensorFormatDesc{{42, 27, 23, 25, 23}};
inline constexpr NewerMethod<std::int32_t(char const*, std::int32_t)> kCudaEngineGetTensorFormatV2{"ICudaEngine::getTensorFormatV2", {{{52, 8600}, {36, 0}, {32, 0}, {34, 0}, {32, 0}}}};
inline constexpr NewerMethod<char const*(char const*, std::int32_t)> kCudaEngineGetTensorFormatDescV2{"ICudaEngine::getTensorFormatDescV2", {{{53, 8600}, {37, 0}, {33, 0}, {35, 0}, {33, 0}}}};
inline constexpr Method<std::int32_t()> kCudaEngineGetNbOptimizationProfiles{{22, 10, 8, 8, 8}};
inline constexpr Method<Dims(char const*, std::int32_t, ProfileSelector)> kCudaEngineGetProfileShape{{44, 29, 25, 27, 25}};
inline constexpr NewerMethod<std::int32_t const*(char const*, std::int32_t, ProfileSelector)> kCudaEngineGetProfileTensorValues{"ICudaEngine::getProfileTensorValues", {{{-1, 0}, {11, 0}, {-1, 0}, {9, 0}, {-1, 0}}}};
inline constexpr NewerMethod<std::int64_t const*(char const*, std::int32_t, ProfileSelector)> kCudaEngineGetProfileTensorValuesV2{"ICudaEngine::getProfileTensorValuesV2", {{{-1, 0}, {54, 101100}, {46, 0}, {52, 0}, {46, 0}}}};
inline constexpr Method<bool(std::int32_t, void*)> kExecutionContextSetOptimizationProfileAsync{{25, 17, 16, 17, 16}};
inline constexpr Method<bool(char const*, void const*)> kExecutionContextSetInputShape{{29, 21, 20, 21, 20}};
inline constexpr Method<Dims(char const*)> kExecutionContextGetTensorShape{{30, 22, 21, 22, 21}};
inline constexpr Method<bool(char const*, void*)> kExecutionContextSetTensorAddress{{32, 24, 23, 24, 23}};
inline constexpr Method<bool(char const*, void*)> kExecutionContextSetOutputAllocator{{39, 32, 31, 32, 31}};
inline constexpr Method<std::int32_t(std::int32_t, char const**)> kExecutionContextInferShapes{{35, 28, 27, 28, 27}};
inline constexpr Method<bool(void*)> kExecutionContextEnqueueV3{{44, 37, 36, 37, 36}};
inline constexpr Method<void(void*)> kExecutionContextSetProfiler{{6, 5, 5, 5, 5}};
inline constexpr Method<char const*(LayerFormat)> kEngineInspectorGetEngineInformation{{5, 6, 6, 6, 6}};
inline constexpr Method<bool(char const*, Weights)> kRefitterSetNamedWeights{{12, 13, 9, 13, 9}};
inline constexpr Method<std::int32_t(std::int32_t, char const**)> kRefitterGetMissingWeights{{13, 14, 10, 14, 10}};
inline constexpr Method<bool()> kRefitterRefitCudaEngine{{3, 4, 4, 4, 4}};

enum class BuilderFlag : std::uint8_t {
  kFp16,
  kInt8,
  kTf32,
  kSparseWeights,
  kRefit,
  kStripPlan,
  kRefitIdentical,
  kRefitIndividual,
  kWeightStreaming,
  kVersionCompatible,
  kExcludeLeanRuntime,
  kGpuFallback,
  kStrictNans,
};

// The name of each flag, and its number.
inline constexpr FlagNumbers kBuilderFlags[] = {
  {"FP16", {{{0, 0}, {0, 0}, {-1, 0}, {0, 0}, {-1, 0}}}},
  {"INT8", {{{1, 0}, {1, 0}, {-1, 0}, {1, 0}, {-1, 0}}}},
  {"TF32", {{{7, 0}, {6, 0}, {6, 0}, {6, 0}, {6, 0}}}},
  {"SPARSE_WEIGHTS", {{{8, 0}, {7, 0}, {7, 0}, {7, 0}, {7, 0}}}},
  {"REFIT", {{{5, 0}, {4, 0}, {4, 0}, {4, 0}, {4, 0}}}},
  {"STRIP_PLAN", {{{-1, 0}, {19, 0}, {18, 0}, {19, 0}, {18, 0}}}},
  {"REFIT_IDENTICAL", {{{-1, 0}, {20, 0}, {19, 0}, {20, 0}, {19, 0}}}},
  {"REFIT_INDIVIDUAL", {{{-1, 0}, {23, 100200}, {22, 0}, {23, 0}, {22, 0}}}},
  {"WEIGHT_STREAMING", {{{-1, 0}, {21, 0}, {20, 0}, {21, 0}, {20, 0}}}},
  {"VERSION_COMPATIBLE", {{{15, 8600}, {13, 0}, {12, 0}, {13, 0}, {12, 0}}}},
  {"EXCLUDE_LEAN_RUNTIME", {{{16, 8600}, {14, 0}, {13, 0}, {14, 0}, {13, 0}}}},
  {"GPU_FALLBACK", {{{3, 0}, {3, 0}, {3, 0}, {3, 0}, {3, 0}}}},
  {"STRICT_NANS", {{{-1, 0}, {24, 100600}, {23, 0}, {24, 0}, {23, 0}}}},
};

}  // namespace foveate::tensorrt::abi
