#include "runtime/cuda/read_back.h"

#include <utility>

#include "runtime/cuda/device.h"
#include "runtime/cuda/memory.h"
#include "runtime/cuda/stream.h"

namespace foveate::cuda {

Result<BlockPtr> read_back(const Block& block, std::size_t offset, std::size_t bytes) {
  auto device = Device::open(block.place().device);
  if (!device.ok()) return device.take_status();
  auto stream = Stream::create(device.value());
  if (!stream.ok()) return stream.take_status();
  auto copy = device.value()->pinned_pool().allocate(bytes);
  if (!copy.ok() || bytes == 0) return copy;
  // However this ends: nothing is let go that the GPU may still use.
  struct Finish {
    ~Finish() { (void)stream.synchronize(); }
    Stream& stream;
  };
  {
    const Finish finish{stream.value()};
    FOVEATE_RETURN_IF_ERROR(stream.value().copy_to_host(copy.value()->data(), block.data() + offset, bytes));
    FOVEATE_RETURN_IF_ERROR(stream.value().synchronize());
  }
  return copy;
}

}  // namespace foveate::cuda
