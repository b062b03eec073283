// What is wrong with a request, whichever engine is to run it: only what would let a run touch memory that is not the
// caller's. Names and the meaning of shapes are checked by the caller.
#pragma once

#include <string>

#include "core/status.h"
#include "runtime/runtime.h"

namespace foveate {

// What an engine can read and write in place.
enum class Reach : std::uint8_t { kHost, kHostAndDevice };

// "float32 [1, 3, ?, ?]"
std::string tensor_text(DType dtype, std::span<const std::int64_t> dims);

// INVALID_ARGUMENT: another number of inputs, no output, an index out of range, memory out of reach. TENSOR_DTYPE,
// TENSOR_SHAPE: an input or a bound output that does not fit the model.
Status check_request(const ModelInfo& info, const RunRequest& request, Reach reach);

}  // namespace foveate
