// Native memory that JavaScript sees through an ArrayBuffer.
#pragma once

#include <memory>

#include "core/memory.h"
#include "napi/handles.h"
#include "napi/napi_setup.h"

namespace foveate {

// A share in a block, lent to one ArrayBuffer. Used on the JavaScript thread. `block` is null once the lease was
// released.
struct Lease {
  BlockPtr block;
  std::size_t bytes;  // that the ArrayBuffer shows
};

FOVEATE_HANDLE(Lease, "lease", 0x1c0b5a2f9de84a70ULL, 0xb94e0d3c6f5a8217ULL);

// { handle, buffer }: the ArrayBuffer covers `bytes` bytes of the block from `offset` on. Release detaches it, after
// which the block may serve another request; a lease that is never released is freed, and not reused, when its
// ArrayBuffer is collected.
Napi::Object make_lease(Napi::Env env, BlockPtr block, std::size_t offset, std::size_t bytes);

void register_memory(Napi::Env env, Napi::Object exports);

}  // namespace foveate
