// From an ONNX model to a serialised engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/cancel.h"
#include "core/memory.h"
#include "core/shape.h"
#include "core/status.h"
#include "runtime/tensorrt/library.h"
#include "runtime/tensorrt/logger.h"
#include "runtime/tensorrt/slots.generated.h"

namespace foveate::tensorrt {

// The limits of one input under one optimization profile.
struct InputRange {
  std::string input;
  Dims min, opt, max;
};

struct EngineSpec {
  std::span<const std::byte> model;  // an ONNX model
  std::filesystem::path model_path;  // external data is looked for beside it; empty: there is none
  // Part of the engine: an unnamed network gets a number of the process. The same model and name give the same engine,
  // but not always the same bytes: a builder numbers values of its own, in an order that varies.
  std::string network_name;
  std::vector<std::vector<InputRange>> profiles;
  std::optional<std::size_t> workspace_bytes;
  std::optional<std::int32_t> optimization_level;  // 0 to 5
  std::optional<std::int32_t> max_aux_streams;
  std::optional<std::uint32_t> tactic_sources;  // bits, as the release numbers them
  std::optional<std::int32_t> dla_core;
  abi::HardwareCompatibility hardware_compatibility = abi::HardwareCompatibility::kNone;
  std::vector<abi::BuilderFlag> flags;
  std::vector<abi::BuilderFlag> cleared_flags;     // of those that are set unless told otherwise
  std::vector<std::int32_t> compute_capabilities;  // RTX: 75, 80, 86, 89, 120, 121; empty: the machine's own GPU
  std::span<const std::byte> timing_cache;         // of an earlier build, or empty
  std::vector<std::string> plugin_libraries;
  bool layers = false;  // whether the engine's layers are told
};

// Called on the thread that builds; what they throw is dropped.
struct BuildListener {
  LogListener log;
  std::function<void(std::string_view phase, std::string_view parent, int steps)> phase_start;
  std::function<void(std::string_view phase, int step)> step;
  std::function<void(std::string_view phase)> phase_end;
};

struct NetworkTensor {
  std::string name;
  std::string dtype;  // as TensorRT calls it: "float32", "bfloat16", ...
  Dims dims;          // kDynamic where a profile gives the range
};

struct BuiltEngine {
  BlockPtr engine;        // in the library's own memory, until the last owner lets go
  BlockPtr timing_cache;  // to be handed to the next build; null where there is none
  std::vector<NetworkTensor> inputs;
  std::vector<NetworkTensor> outputs;
  int network_layers = 0;  // before the builder fused them
  std::string layers;      // as the builder told them, a line each
};

// MODEL_UNSUPPORTED with every error of the parser, MODEL_INVALID for what is no model; INVALID_ARGUMENT for a
// specification that contradicts the model, or that the library refuses;
// BACKEND_UNAVAILABLE where it gives no builder; BACKEND_TOO_OLD for what this release lacks; ENGINE_FAILED; ABORTED;
// DEVICE_LOST.
Result<BuiltEngine> build_engine(const Library& library, const EngineSpec& spec, const BuildListener& listener,
                                 CancelToken* cancel);

// What the parser objects to.
struct ParserFault {
  std::string reason;
  std::string node;  // its name, "" where unknown
  std::string op;
  int node_index = -1;
  std::string where;  // in the parser's source: "ModelImporter.cpp:732"
};
struct SupportReport {
  bool supported = false;
  std::vector<ParserFault> faults;
};

// What of a model the parser can take. Fails as build_engine does, but not for an unsupported model.
Result<SupportReport> check_support(const Library& library, std::span<const std::byte> model,
                                    const std::filesystem::path& model_path);

}  // namespace foveate::tensorrt
