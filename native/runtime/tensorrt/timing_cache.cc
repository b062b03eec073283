#include "runtime/tensorrt/timing_cache.h"

#include "runtime/tensorrt/builder.h"
#include "runtime/tensorrt/logger.h"
#include "runtime/tensorrt/objects.h"
#include "runtime/tensorrt/slots.generated.h"

namespace foveate::tensorrt {

Result<BlockPtr> combine_timing_caches(const Library& library, std::span<const std::byte> first,
                                       std::span<const std::byte> second) {
  LogScope log;
  const abi::Version& version = library.version;
  auto builder = create_builder(library, log);
  if (!builder.ok()) return builder.take_status();
  Owned<abi::BuilderConfig> config(abi::kBuilderCreateBuilderConfig.in(version)(builder.value().builder.get()));
  if (!config) return Status(error_code::kEngineFailed, "The builder gives no configuration: " + log.take_error());
  const auto create = abi::kBuilderConfigCreateTimingCache.in(version);
  Owned<abi::TimingCache> known(create(config.get(), first.data(), first.size()));
  Owned<abi::TimingCache> more(create(config.get(), second.data(), second.size()));
  if (!known || !more || !abi::kTimingCacheCombine.in(version)(known.get(), more.get(), false)) return BlockPtr();
  Owned<abi::HostMemory> bytes(abi::kTimingCacheSerialize.in(version)(known.get()));
  return bytes ? block_of(std::move(bytes), version) : BlockPtr();
}

}  // namespace foveate::tensorrt
