#include "runtime/tensorrt/objects.h"

#include "runtime/tensorrt/slots.generated.h"

namespace foveate::tensorrt {

BlockPtr block_of(Owned<abi::HostMemory> memory, const abi::Version& version) {
  void* const data = abi::kHostMemoryData.in(version)(memory.get());
  const std::size_t bytes = abi::kHostMemorySize.in(version)(memory.get());
  auto* const raw = memory.get();
  auto block = std::make_shared<Block>(data, bytes, MemoryPlace{}, [raw](Block&) { abi::destroy(raw); });
  memory.release();
  return block;
}

}  // namespace foveate::tensorrt
