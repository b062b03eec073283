// The way of device memory to the host, outside a run.
#pragma once

#include <cstddef>

#include "core/memory.h"
#include "core/status.h"

namespace foveate::cuda {

// A copy, in pinned memory, of a part of a block that was allocated on a GPU and that nothing writes any more. Waits
// for it; any thread. CUDA_OUT_OF_MEMORY, DEVICE_LOST.
Result<BlockPtr> read_back(const Block& block, std::size_t offset, std::size_t bytes);

}  // namespace foveate::cuda
