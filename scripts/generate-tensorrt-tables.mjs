#!/usr/bin/env node
/**
 * Writes native/runtime/tensorrt/slots.generated.h from the facts in slots.json beside it: the virtual methods of TensorRT and TensorRT-RTX that
 * the code calls, with their slots in each range of releases (profile), and the numbers of builder flags.
 *
 *   node scripts/generate-tensorrt-tables.mjs                     write the header, offline
 *   node scripts/generate-tensorrt-tables.mjs --check             fail when the header is not what slots.json gives
 *   node scripts/generate-tensorrt-tables.mjs --update FACTS.json take the slots of USED from a full list of all interfaces, write slots.json,
 *                                                                 then the header
 */
import { readFileSync, writeFileSync } from 'node:fs';

const PROFILES = ['trt8', 'trt10', 'trt11', 'rtx10', 'rtx11'];

/**
 * What the code calls: a method that is not listed cannot be called. Interface and method as the facts have them, with the parameters where a name
 * has several, and the signature in our types. Interfaces with a V lie behind a handle, the others are called directly.
 */
const USED = [
  ['VBuilder', 'createBuilderConfig', 'BuilderConfig*()'],
  ['VBuilder', 'createNetworkV2', 'Network*(std::uint32_t)'],
  ['VBuilder', 'createOptimizationProfile', 'Profile*()'],
  ['VBuilder', 'buildSerializedNetwork', 'HostMemory*(Network*, BuilderConfig*)'],
  ['VBuilder', 'getPluginRegistry', 'PluginRegistry*()'],
  ['VBuilderConfig', 'setFlag', 'void(std::int32_t)'],
  ['VBuilderConfig', 'clearFlag', 'void(std::int32_t)'],
  ['VBuilderConfig', 'setMemoryPoolLimit', 'void(MemoryPool, std::size_t)'],
  ['VBuilderConfig', 'setBuilderOptimizationLevel', 'void(std::int32_t)'],
  ['VBuilderConfig', 'setHardwareCompatibilityLevel', 'void(HardwareCompatibility)'],
  ['VBuilderConfig', 'setProfilingVerbosity', 'void(ProfilingVerbosity)'],
  ['VBuilderConfig', 'setMaxAuxStreams', 'void(std::int32_t)'],
  ['VBuilderConfig', 'setTacticSources', 'bool(std::uint32_t)'],
  ['VBuilderConfig', 'createTimingCache', 'TimingCache*(void const*, std::size_t)'],
  ['VBuilderConfig', 'setTimingCache', 'bool(TimingCache*, bool)'],
  ['VBuilderConfig', 'addOptimizationProfile', 'std::int32_t(Profile*)'],
  ['VBuilderConfig', 'setProgressMonitor', 'void(ProgressMonitor*)'],
  ['VBuilderConfig', 'setNbComputeCapabilities', 'bool(std::int32_t)'],
  ['VBuilderConfig', 'setComputeCapability', 'bool(std::int32_t, std::int32_t)'],
  ['VBuilderConfig', 'setDefaultDeviceType', 'void(DeviceType)'],
  ['VBuilderConfig', 'setDLACore', 'void(std::int32_t)'],
  ['VNetworkDefinition', 'getNbLayers', 'std::int32_t()'],
  ['VNetworkDefinition', 'getNbInputs', 'std::int32_t()'],
  ['VNetworkDefinition', 'getInput', 'Tensor*(std::int32_t)'],
  ['VNetworkDefinition', 'getNbOutputs', 'std::int32_t()'],
  ['VNetworkDefinition', 'getOutput', 'Tensor*(std::int32_t)'],
  ['VNetworkDefinition', 'setName', 'void(char const*)'],
  ['VTensor', 'getName', 'char const*()'],
  ['VTensor', 'getDimensions', 'Dims()'],
  ['VTensor', 'getType', 'ElementType()'],
  [
    'VOptimizationProfile',
    'setDimensions(char const*, OptProfileSelector, Dims const&)',
    'bool(char const*, ProfileSelector, Dims const*)',
  ],
  [
    'VOptimizationProfile',
    'setDimensions(char const*, OptProfileSelector, Dims)',
    'bool(char const*, ProfileSelector, Dims32)',
    'ByValue',
  ],
  ['VOptimizationProfile', 'isValid', 'bool()'],
  ['VHostMemory', 'data', 'void*()'],
  ['VHostMemory', 'size', 'std::size_t()'],
  ['VTimingCache', 'serialize', 'HostMemory*()'],
  ['VTimingCache', 'combine', 'bool(TimingCache const*, bool)'],
  ['IParser', 'parse', 'bool(void const*, std::size_t, char const*)'],
  ['IParser', 'getNbErrors', 'std::int32_t()'],
  ['IParser', 'getError', 'ParserError*(std::int32_t)'],
  ['IParser', 'supportsModelV2', 'bool(void const*, std::size_t, char const*)'],
  ['IParser', '~ (deleting)', 'void()', 'Delete'],
  ['IParserError', 'code', 'ParserErrorCode()'],
  ['IParserError', 'desc', 'char const*()'],
  ['IParserError', 'file', 'char const*()'],
  ['IParserError', 'line', 'std::int32_t()'],
  ['IParserError', 'node', 'std::int32_t()'],
  ['IParserError', 'nodeName', 'char const*()'],
  ['IParserError', 'nodeOperator', 'char const*()'],
  ['IPluginRegistry', 'loadLibrary', 'void*(char const*)'],
  ['VRuntime', 'deserializeCudaEngine(void const*, unsigned long)', 'Engine*(void const*, std::size_t)'],
  [
    'VRuntime',
    'deserializeCudaEngine(void const*, unsigned long, IPluginFactory*)',
    'Engine*(void const*, std::size_t, void*)',
    'WithPlugins',
  ],
  ['VCudaEngine', 'createExecutionContext(ExecutionContextAllocationStrategy)', 'Execution*(AllocationStrategy)'],
  ['VCudaEngine', 'createExecutionContext()', 'Execution*()', 'Plain'],
  ['VCudaEngine', 'createEngineInspector', 'Inspector*()'],
  ['VCudaEngine', 'isRefittable', 'bool()'],
  ['VCudaEngine', 'getNbIOTensors', 'std::int32_t()'],
  ['VCudaEngine', 'getIOTensorName', 'char const*(std::int32_t)'],
  ['VCudaEngine', 'getTensorIOMode', 'IoMode(char const*)'],
  ['VCudaEngine', 'getTensorShape', 'Dims(char const*)'],
  ['VCudaEngine', 'getTensorDataType', 'ElementType(char const*)'],
  ['VCudaEngine', 'getTensorLocation', 'Location(char const*)'],
  ['VCudaEngine', 'getTensorFormat', 'std::int32_t(char const*)'],
  ['VCudaEngine', 'getTensorFormatDesc', 'char const*(char const*)'],
  ['VCudaEngine', 'getTensorFormatV2', 'std::int32_t(char const*, std::int32_t)'],
  ['VCudaEngine', 'getTensorFormatDescV2', 'char const*(char const*, std::int32_t)'],
  ['VCudaEngine', 'getNbOptimizationProfiles', 'std::int32_t()'],
  ['VCudaEngine', 'getProfileShape', 'Dims(char const*, std::int32_t, ProfileSelector)'],
  ['VCudaEngine', 'getProfileTensorValues', 'std::int32_t const*(char const*, std::int32_t, ProfileSelector)'],
  ['VCudaEngine', 'getProfileTensorValuesV2', 'std::int64_t const*(char const*, std::int32_t, ProfileSelector)'],
  ['VExecutionContext', 'setOptimizationProfileAsync', 'bool(std::int32_t, void*)'],
  ['VExecutionContext', 'setInputShape', 'bool(char const*, void const*)'],
  ['VExecutionContext', 'getTensorShape', 'Dims(char const*)'],
  ['VExecutionContext', 'setTensorAddress', 'bool(char const*, void*)'],
  ['VExecutionContext', 'setOutputAllocator', 'bool(char const*, void*)'],
  ['VExecutionContext', 'inferShapes', 'std::int32_t(std::int32_t, char const**)'],
  ['VExecutionContext', 'enqueueV3', 'bool(void*)'],
  ['VExecutionContext', 'setProfiler', 'void(void*)'],
  ['VEngineInspector', 'getEngineInformation', 'char const*(LayerFormat)'],
  ['VRefitter', 'setNamedWeights(char const*, Weights)', 'bool(char const*, Weights)'],
  ['VRefitter', 'getMissingWeights', 'std::int32_t(std::int32_t, char const**)'],
  ['VRefitter', 'refitCudaEngine', 'bool()'],
];

/** Builder flags that can be asked for; their numbers differ between profiles. */
const FLAGS = [
  'FP16',
  'INT8',
  'TF32',
  'SPARSE_WEIGHTS',
  'REFIT',
  'STRIP_PLAN',
  'REFIT_IDENTICAL',
  'REFIT_INDIVIDUAL',
  'WEIGHT_STREAMING',
  'VERSION_COMPATIBLE',
  'EXCLUDE_LEAN_RUNTIME',
  'GPU_FALLBACK',
  'STRICT_NANS',
];

const FOLDER = new URL('../native/runtime/tensorrt/', import.meta.url);
const SLOTS = new URL('slots.json', FOLDER);
const HEADER = new URL('slots.generated.h', FOLDER);

/** 'trt-10.8' as getInferLibVersion() counts: 100800. */
function versionNumber(release) {
  const [family, text] = release.split('-');
  const [major, minor] = text.split('.').map(Number);
  if (family === 'trt' && major === 8) return major * 1000 + minor * 100;
  return major * 10000 + minor * 100;
}

/** `Type name(parameters) const` to its name and parameters. */
function parts(key) {
  if (key.startsWith('~')) return { name: key, full: key };
  const [, name, parameters] = /^(?:.*?[ *&])?(\w+)\((.*)\)(?: const)?$/.exec(key) ?? [];
  if (name === undefined) throw new Error(`Cannot read the method "${key}"`);
  return { name, full: `${name}(${parameters})` };
}

/** A slot of one profile: `{ slot, since }`, since 0 for all releases of it; null where the method is absent. */
function slotOf(fact) {
  if (fact === undefined) return null;
  if (typeof fact === 'number') return { slot: fact, since: 0 };
  if (fact.odd !== undefined || fact.absent?.length > 0) throw new Error(`A slot that wanders: ${JSON.stringify(fact)}`);
  return { slot: fact.slot, since: versionNumber(fact.since) };
}

function readMethods(facts) {
  return USED.map(([owner, wanted, signature, suffix = '']) => {
    const slots = PROFILES.map((profile) => {
      const entries = Object.entries(facts.profiles[profile].interfaces[owner] ?? {});
      const found = entries.filter(([key]) => [parts(key).name, parts(key).full].includes(wanted));
      if (found.length > 1) throw new Error(`${profile} has several methods ${owner}::${wanted}: name the parameters`);
      return slotOf(found[0]?.[1]);
    });
    if (slots.every((slot) => slot === null)) throw new Error(`No profile has ${owner}::${wanted}`);
    const name = wanted.startsWith('~') ? '' : wanted.replace(/\(.*/, '');
    return { owner, name: name + suffix, signature, slots };
  });
}

function readFlags(facts) {
  return FLAGS.map((name) => ({
    name,
    slots: PROFILES.map((profile) => {
      const releases = facts.profiles[profile].sdks;
      const values = releases.map((release) => facts.sdks[release].enums['nvinfer1::BuilderFlag'][`k${name}`]);
      const first = values.findIndex((value) => value !== undefined);
      if (first === -1) return null;
      if (values.slice(first).some((value) => value !== values[first])) throw new Error(`The flag ${name} wanders in ${profile}`);
      return { slot: values[first], since: first === 0 ? 0 : versionNumber(releases[first]) };
    }),
  }));
}

const pascal = (text) => text.toLowerCase().replace(/(^|_)(\w)/g, (_, __, letter) => letter.toUpperCase());
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const cppSlot = (slot) => (slot === null ? '{-1, 0}' : `{${slot.slot}, ${slot.since}}`);
const cppSlots = (slots) => `{{${slots.map(cppSlot).join(', ')}}}`;

function headerText({ methods, flags }) {
  const lines = methods.map(({ owner, name, signature, slots }) => {
    const everywhere = slots.every((slot) => slot !== null && slot.since === 0);
    const constant = `k${owner.slice(1)}${capital(name)}`;
    if (everywhere) return `inline constexpr Method<${signature}> ${constant}{{${slots.map(({ slot }) => slot).join(', ')}}};`;
    return `inline constexpr NewerMethod<${signature}> ${constant}{"I${owner.slice(1)}::${name}", ${cppSlots(slots)}};`;
  });
  return `// Generated from slots.json by scripts/generate-tensorrt-tables.mjs. Do not edit.
// clang-format off
#pragma once

#include "runtime/tensorrt/abi.h"

namespace foveate::tensorrt::abi {

// Slots of ${PROFILES.join(', ')}, as on Linux (Itanium C++ ABI).
${lines.join('\n')}

enum class BuilderFlag : std::uint8_t {
${flags.map(({ name }) => `  k${pascal(name)},`).join('\n')}
};

// The name of each flag, and its number.
inline constexpr FlagNumbers kBuilderFlags[] = {
${flags.map(({ name, slots }) => `  {"${name}", ${cppSlots(slots)}},`).join('\n')}
};

}  // namespace foveate::tensorrt::abi
`;
}

function main([mode, factsPath]) {
  if (mode === '--update' && factsPath !== undefined) {
    const facts = JSON.parse(readFileSync(factsPath, 'utf8'));
    const list = (entries) => entries.map((entry) => `    ${JSON.stringify(entry)}`).join(',\n');
    const what =
      'Virtual methods of TensorRT and TensorRT-RTX that foveate calls, and builder flags: for each profile the slot (of a flag: its number), and the first release that has it (0: all of the profile), null where it is absent.';
    const text = `{\n  "what": ${JSON.stringify(what)},\n  "profiles": ${JSON.stringify(PROFILES)},\n  "methods": [\n${list(readMethods(facts))}\n  ],\n  "flags": [\n${list(readFlags(facts))}\n  ]\n}\n`;
    writeFileSync(SLOTS, text);
  } else if (mode !== undefined && mode !== '--check') {
    console.error('Usage: generate-tensorrt-tables.mjs [--check | --update FACTS.json]');
    process.exit(2);
  }
  const text = headerText(JSON.parse(readFileSync(SLOTS, 'utf8')));
  if (mode !== '--check') {
    writeFileSync(HEADER, text);
    return;
  }
  if (readFileSync(HEADER, 'utf8') !== text) {
    console.error('native/runtime/tensorrt/slots.generated.h is stale. Run: npm run generate');
    process.exitCode = 1;
  }
}

main(process.argv.slice(2));
