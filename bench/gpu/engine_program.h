// What the programs of this folder share: an engine that is opened, or a message and the end.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "core/shape.h"
#include "runtime/cuda/device.h"
#include "runtime/cuda/memory.h"
#include "runtime/runtime.h"

namespace foveate::bench {

inline void require(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s: %s\n", std::string(status.error().code).c_str(), status.error().message.c_str());
  std::_Exit(1);
}

template <typename T>
T require(Result<T> result) {
  if (!result.ok()) require(result.take_status());
  return std::move(result).value();
}

// The profile whose usual batch this is, else the first that takes it.
inline std::size_t profile_for(const ModelInfo& info, std::int64_t batch) {
  const auto batch_of = [](const std::vector<Dims>& shapes) { return shapes[0].empty() ? 0 : shapes[0][0]; };
  const auto& profiles = info.profiles;
  for (std::size_t i = 0; i < profiles.size(); ++i) {
    if (batch_of(profiles[i].opt) == batch) return i;
  }
  for (std::size_t i = 0; i < profiles.size(); ++i) {
    if (batch_of(profiles[i].min) <= batch && batch <= batch_of(profiles[i].max)) return i;
  }
  require(Status(error_code::kInvalidArgument, "No profile of the engine takes a batch of " + std::to_string(batch)));
  return 0;
}

// Of an input as a run gives it: the batch first, where that is free, other free dimensions as usual.
inline Dims dims_for(const ModelInfo& info, std::size_t input, std::int64_t batch) {
  Dims dims = info.inputs[input].dims;
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    if (dims[axis] == kDynamic)
      dims[axis] = axis == 0 ? batch : info.profiles[profile_for(info, batch)].opt[input][axis];
  }
  return dims;
}

// Inputs of zeros in pinned memory.
struct PinnedInputs {
  std::vector<BlockPtr> blocks;
  std::vector<TensorView> views;
  std::size_t bytes = 0;
};

inline PinnedInputs pinned_inputs(const ModelInfo& info, std::int64_t batch, cuda::Device& device) {
  PinnedInputs inputs;
  for (std::size_t i = 0; i < info.inputs.size(); ++i) {
    const Dims dims = dims_for(info, i, batch);
    const std::size_t bytes = *byte_count(dims, info.inputs[i].dtype);
    BlockPtr block = require(device.pinned_pool().allocate(bytes));
    std::memset(block->data(), 0, bytes);
    inputs.views.push_back({info.inputs[i].dtype, dims, block->data(), bytes, block->place()});
    inputs.blocks.push_back(std::move(block));
    inputs.bytes += bytes;
  }
  return inputs;
}

inline std::size_t bytes_of(const std::vector<OwnedTensor>& tensors) {
  std::size_t bytes = 0;
  for (const OwnedTensor& tensor : tensors) bytes += tensor.bytes;
  return bytes;
}

// As members of a JSON object: all copies of this process, by our own counters.
inline std::string copies_json(const cuda::Device& device) {
  const auto copies = device.statistics().copies;
  const char* const names[] = {"toDevice", "toHost", "onDevice"};
  std::string text;
  for (std::size_t kind = 0; kind < copies.size(); ++kind) {
    text += std::string(kind == 0 ? "\"" : ", \"") + names[kind] +
            "\": {\"copies\": " + std::to_string(copies[kind].copies) +
            ", \"bytes\": " + std::to_string(copies[kind].bytes) + "}";
  }
  return text;
}

}  // namespace foveate::bench
