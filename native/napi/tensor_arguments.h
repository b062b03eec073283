// Tensors that JavaScript gives: in its own arrays, in leased memory, or on a device.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "core/memory.h"
#include "core/status.h"
#include "napi/napi_setup.h"
#include "napi/session.h"
#include "runtime/runtime.h"

namespace foveate {

// { dtype, dims, data, lease? }: held through its lease, or else copied, by which `copied` is increased. With `copied`
// null it must have a lease.
OwnedTensor tensor_of(const Napi::Object& value, std::size_t* copied);
// All inputs of the session, in its order; an input may be { dtype, dims, device: handle } as well. What has to be
// copied goes where the session reads it best.
std::vector<OwnedTensor> inputs_of(const Napi::Value& value, const Session& session, std::size_t& copied);

// For a tensor of the session: where its engine reads and writes without another copy, as long as there is such memory.
BlockPtr memory_for(Model& model, MemoryPool& pool, std::size_t bytes);

}  // namespace foveate
