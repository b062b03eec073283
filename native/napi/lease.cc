#include "napi/lease.h"

#include "napi/environment.h"

namespace foveate {
namespace {

// leaseAllocate(bytes: number): { handle, buffer }
Napi::Value lease_allocate(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const double bytes = info[0].As<Napi::Number>().DoubleValue();
  BlockPtr block;
  if (bytes >= 0 && bytes <= 9007199254740991.0) {
    block = Environment::of(env).memory()->allocate(static_cast<std::size_t>(bytes));
  }
  if (!block) {
    throw_status(env, Status(error_code::kOutOfMemory,
                             "Cannot allocate a buffer of " + info[0].ToString().Utf8Value() + " bytes",
                             "Use a smaller batch, or dispose of tensors that are no longer needed."));
  }
  const std::size_t size = block->bytes();
  return make_lease(env, std::move(block), 0, size);
}

// leaseRelease(handle, buffer: ArrayBuffer): void. A second release does nothing.
void lease_release(const Napi::CallbackInfo& info) {
  auto lease = unwrap_handle<Lease>(info[0]);
  if (!lease->block) return;
  auto buffer = info[1].As<Napi::ArrayBuffer>();
  // Detached by somebody else, as ArrayBuffer.prototype.transfer() does: another ArrayBuffer shows the memory now,
  // whose finaliser frees it.
  if (buffer.IsDetached()) return;
  const auto* begin = lease->block->data();
  const auto* data = static_cast<const std::byte*>(buffer.Data());
  // Detaching any other buffer would leave this one with a view of memory that serves somebody else.
  const bool inside = data >= begin && data < begin + lease->block->bytes();
  if (buffer.ByteLength() != lease->bytes || (lease->bytes > 0 && !inside)) {
    throw Napi::TypeError::New(info.Env(), "Expected the ArrayBuffer of this lease");
  }
  buffer.Detach();
  lease->block.reset();
}

Napi::Value memory_statistics(const Napi::CallbackInfo& info) {
  const auto statistics = Environment::of(info.Env()).memory()->statistics();
  auto value = Napi::Object::New(info.Env());
  value.Set("liveBytes", static_cast<double>(statistics.live_bytes));
  value.Set("pooledBytes", static_cast<double>(statistics.pooled_bytes));
  value.Set("allocations", static_cast<double>(statistics.allocations));
  value.Set("reuses", static_cast<double>(statistics.reuses));
  return value;
}

void memory_trim(const Napi::CallbackInfo& info) { Environment::of(info.Env()).memory()->trim(); }

Napi::ArrayBuffer show(Napi::Env env, const std::shared_ptr<Lease>& lease, std::byte* data, std::size_t bytes) {
  // An engine may give no address for no elements, and over that Node makes an ArrayBuffer that is detached from the
  // start.
  if (bytes == 0) return Napi::ArrayBuffer::New(env, 0);
  // Node 20 refuses larger ones after it has run the finaliser, which would run twice.
  constexpr std::size_t kMaxBytes = std::size_t{1} << 32;
  if (bytes > kMaxBytes) {
    throw_status(env, Status(error_code::kOutOfMemory, "Cannot show " + std::to_string(bytes) + " bytes to JavaScript",
                             "An ArrayBuffer holds at most 4 GiB. Use a smaller batch or picture."));
  }
  // The ArrayBuffer's own share: its finaliser runs after a release too, and then finds nothing left to free.
  auto share = std::make_unique<std::shared_ptr<Lease>>(lease);
  const auto buffer = Napi::ArrayBuffer::New(
      env, data, bytes,
      [](Napi::BasicEnv, void*, std::shared_ptr<Lease>* finalized) {
        if (auto& leased = (*finalized)->block) leased->forbid_reuse();
        (*finalized)->block.reset();
        delete finalized;
      },
      share.get());
  share.release();
  return buffer;
}

}  // namespace

Napi::Object make_lease(Napi::Env env, BlockPtr block, std::size_t offset, std::size_t bytes) {
  std::byte* data = block->data() + offset;
  auto lease = std::make_shared<Lease>(Lease{std::move(block), bytes});
  auto value = Napi::Object::New(env);
  value.Set("buffer", show(env, lease, data, bytes));
  value.Set("handle", wrap_handle(env, std::move(lease)));
  return value;
}

void register_memory(Napi::Env env, Napi::Object exports) {
  exports.Set("leaseAllocate", Napi::Function::New(env, lease_allocate));
  exports.Set("leaseRelease", Napi::Function::New(env, lease_release));
  exports.Set("memoryStatistics", Napi::Function::New(env, memory_statistics));
  exports.Set("memoryTrim", Napi::Function::New(env, memory_trim));
}

}  // namespace foveate
