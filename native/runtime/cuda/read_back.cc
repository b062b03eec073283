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
  Status status = stream.value().copy_to_host(copy.value()->data(), block.data() + offset, bytes);
  Status done = stream.value().synchronize();
  if (!status.ok()) return status;
  FOVEATE_RETURN_IF_ERROR(std::move(done));
  return copy;
}

}  // namespace foveate::cuda
