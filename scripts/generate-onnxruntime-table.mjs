#!/usr/bin/env node
/**
 * Writes native/runtime/onnxruntime/api_table.generated.h from the facts in slots.json beside it: the functions of ONNX
 * Runtime's C table that the code calls, with slot, first API version and C++ signature.
 *
 *   node scripts/generate-onnxruntime-table.mjs                     write the header, offline
 *   node scripts/generate-onnxruntime-table.mjs --check             fail when the header is not what slots.json gives
 *   node scripts/generate-onnxruntime-table.mjs --update FACTS.json take slots and signatures of USED from a full list of the
 *                                                                   table, write slots.json, then the header
 */
import { readFileSync, writeFileSync } from 'node:fs';

/** What the code calls. A function that is not listed cannot be called. The newest of them sets the oldest library. */
const USED = [
  'GetErrorCode',
  'GetErrorMessage',
  'CreateEnvWithCustomLogger',
  'CreateSession',
  'CreateSessionFromArray',
  'Run',
  'CreateSessionOptions',
  'SetSessionExecutionMode',
  'DisableMemPattern',
  'SetSessionLogId',
  'SetSessionGraphOptimizationLevel',
  'SetIntraOpNumThreads',
  'SetInterOpNumThreads',
  'SessionGetInputCount',
  'SessionGetOutputCount',
  'SessionGetInputTypeInfo',
  'SessionGetOutputTypeInfo',
  'SessionGetInputName',
  'SessionGetOutputName',
  'CreateRunOptions',
  'RunOptionsSetTerminate',
  'RunOptionsUnsetTerminate',
  'CreateTensorWithDataAsOrtValue',
  'IsTensor',
  'GetTensorMutableData',
  'CastTypeInfoToTensorInfo',
  'GetOnnxTypeFromTypeInfo',
  'GetTensorElementType',
  'GetDimensionsCount',
  'GetDimensions',
  'GetSymbolicDimensions',
  'GetTensorTypeAndShape',
  'CreateCpuMemoryInfo',
  'AllocatorFree',
  'GetAllocatorWithDefaultOptions',
  'ReleaseStatus',
  'ReleaseMemoryInfo',
  'ReleaseSession',
  'ReleaseValue',
  'ReleaseRunOptions',
  'ReleaseTypeInfo',
  'ReleaseTensorTypeAndShapeInfo',
  'ReleaseSessionOptions',
  'GetAvailableProviders',
  'ReleaseAvailableProviders',
  'AddSessionConfigEntry',
  'SessionOptionsAppendExecutionProvider_TensorRT_V2',
  'CreateTensorRTProviderOptions',
  'UpdateTensorRTProviderOptions',
  'ReleaseTensorRTProviderOptions',
  'SessionOptionsAppendExecutionProvider_CUDA_V2',
  'CreateCUDAProviderOptions',
  'UpdateCUDAProviderOptions',
  'ReleaseCUDAProviderOptions',
];

const FOLDER = new URL('../native/runtime/onnxruntime/', import.meta.url);
const SLOTS = new URL('slots.json', FOLDER);
const HEADER = new URL('api_table.generated.h', FOLDER);

/** Types that are written by hand in abi_types.h (enumerations, the log callback), and plain C types. */
const TYPES = {
  c_char: 'char',
  c_int: 'int',
  c_void: 'void',
  usize: 'std::size_t',
  i64: 'std::int64_t',
  u32: 'std::uint32_t',
  ORTCHAR_T: 'char', // wchar_t on Windows, which is not supported
  OrtStatusPtr: 'StatusHandle*',
  OrtErrorCode: 'ErrorCode',
  OrtLoggingLevel: 'LoggingLevel',
  OrtLoggingFunction: 'LoggingFunction',
  ExecutionMode: 'ExecutionMode',
  GraphOptimizationLevel: 'OptimizationLevel',
  ONNXTensorElementDataType: 'ElementType',
  ONNXType: 'ValueKind',
  OrtAllocatorType: 'AllocatorKind',
  OrtMemType: 'MemoryKind',
};
/** Opaque structs of the library: known by name only, used through pointers. */
const OPAQUE = {
  OrtAllocator: 'Allocator',
  OrtCUDAProviderOptionsV2: 'CudaOptions',
  OrtEnv: 'Env',
  OrtMemoryInfo: 'MemoryInfo',
  OrtRunOptions: 'RunOptions',
  OrtSession: 'Session',
  OrtSessionOptions: 'SessionOptions',
  OrtStatus: 'StatusHandle',
  OrtTensorRTProviderOptionsV2: 'TensorRtOptions',
  OrtTensorTypeAndShapeInfo: 'TensorShapeInfo',
  OrtTypeInfo: 'TypeInfo',
  OrtValue: 'Value',
};

/** `*const *mut OrtValue` to `Value* const*`. */
function cppType(text) {
  const pointer = /^\*(const|mut) (.+)$/.exec(text);
  if (pointer) return `${cppType(pointer[2])}${pointer[1] === 'const' ? ' const*' : '*'}`;
  const type = TYPES[text] ?? OPAQUE[text];
  if (type === undefined) throw new Error(`No C++ type is known for "${text}": add it to TYPES or OPAQUE.`);
  return type;
}

/** `(a: T, b: U) -> R` to its C++ types. */
function cppSignature(text) {
  const parts = /^\((.*)\)(?: -> (.+))?$/.exec(text.trim());
  if (!parts) throw new Error(`Expected a signature as "(name: type, ...) -> type", received "${text}".`);
  const parameters = parts[1]
    .split(',')
    .map((parameter) => parameter.trim())
    .filter(Boolean)
    .map((parameter) => cppType(parameter.slice(parameter.indexOf(':') + 1).trim()));
  return { returns: parts[2] ? cppType(parts[2].trim()) : 'void', parameters };
}

function readUsed(factsPath) {
  const facts = new Map(JSON.parse(readFileSync(factsPath, 'utf8')).functions.map((entry) => [entry.name, entry]));
  return USED.map((name) => {
    const fact = facts.get(name);
    if (!fact) throw new Error(`"${factsPath}" has no function "${name}".`);
    return { slot: fact.slot, name, since_api: fact.since_api, ...cppSignature(fact.signature) };
  }).sort((a, b) => a.slot - b.slot);
}

/** `SessionOptionsAppendExecutionProvider_CUDA_V2` to `session_options_append_execution_provider_cuda_v2`. */
function memberName(name) {
  return name
    .replace(/TensorRT/g, 'Tensorrt')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .toLowerCase();
}

function headerText(functions) {
  const oldest = Math.max(...functions.map((entry) => entry.since_api));
  const opaque = [...new Set(Object.values(OPAQUE))].sort();
  return `// Generated from slots.json by scripts/generate-onnxruntime-table.mjs. Do not edit.
// clang-format off
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/onnxruntime/abi_types.h"

namespace foveate::onnxruntime::abi {

${opaque.map((name) => `struct ${name};`).join('\n')}

// The table only grows, so a library that has this version has every function below at its slot.
inline constexpr std::uint32_t kNeededApiVersion = ${oldest};

// The functions in use, read from their slots once.
struct ApiTable {
${functions
  .map(
    (entry) =>
      `  ${entry.returns} (*${memberName(entry.name)})(${entry.parameters.join(', ')}) noexcept;  // slot ${entry.slot}, API ${entry.since_api}`,
  )
  .join('\n')}

  using Slot = void (*)();
  explicit ApiTable(const Slot* slots) {
${functions.map((entry) => `    bind(${memberName(entry.name)}, slots[${entry.slot}]);`).join('\n')}
  }

 private:
  template <typename Function>
  static void bind(Function& function, Slot slot) {
    function = reinterpret_cast<Function>(slot);
  }
};

}  // namespace foveate::onnxruntime::abi
`;
}

function main([mode, factsPath]) {
  if (mode === '--update' && factsPath !== undefined) {
    const functions = readUsed(factsPath);
    const lines = functions.map((entry) => `    ${JSON.stringify(entry)}`).join(',\n');
    const what =
      'Functions of the ONNX Runtime C table that foveate calls: index in the table, API version that is known to have it, C++ types.';
    writeFileSync(SLOTS, `{\n  "what": ${JSON.stringify(what)},\n  "functions": [\n${lines}\n  ]\n}\n`);
  } else if (mode !== undefined && mode !== '--check') {
    console.error('Expected no argument, --check, or --update FACTS.json.');
    return 2;
  }
  const { functions } = JSON.parse(readFileSync(SLOTS, 'utf8'));
  const missing = USED.filter((name) => !functions.some((entry) => entry.name === name));
  if (missing.length > 0 || functions.length !== USED.length) {
    console.error(
      `slots.json does not hold exactly the functions in use (missing: ${missing.join(', ') || 'none'}). Run with --update.`,
    );
    return 1;
  }
  const text = headerText(functions);
  if (mode !== '--check') {
    writeFileSync(HEADER, text);
  } else if (readFileSync(HEADER, 'utf8') !== text) {
    console.error('api_table.generated.h is out of date: run node scripts/generate-onnxruntime-table.mjs.');
    return 1;
  }
  return 0;
}

process.exitCode = main(process.argv.slice(2));
