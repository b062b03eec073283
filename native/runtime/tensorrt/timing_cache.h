// What builds learn about the speed of kernels, as bytes.
#pragma once

#include <cstddef>
#include <span>

#include "core/memory.h"
#include "core/status.h"
#include "runtime/tensorrt/library.h"

namespace foveate::tensorrt {

// What two caches of one library and GPU know together; where both know a kernel, the first counts. What is no cache
// counts as an empty one. Null where the library does not take one of them, as from another GPU. BACKEND_UNAVAILABLE
// where it gives no builder.
Result<BlockPtr> combine_timing_caches(const Library& library, std::span<const std::byte> first,
                                       std::span<const std::byte> second);

}  // namespace foveate::tensorrt
