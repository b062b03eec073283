// Objects of a library that are ours to free.
#pragma once

#include <memory>

#include "core/memory.h"
#include "runtime/tensorrt/abi.h"

namespace foveate::tensorrt {

struct Destroy {
  void operator()(abi::Handle* object) const noexcept { abi::destroy(object); }
};
// Several in a scope are freed in reverse order of their making, as a builder asks for of what it made.
template <typename Object>
using Owned = std::unique_ptr<Object, Destroy>;

// Memory of the library as a block. It is freed by whoever lets go last.
BlockPtr block_of(Owned<abi::HostMemory> memory, const abi::Version& version);

}  // namespace foveate::tensorrt
