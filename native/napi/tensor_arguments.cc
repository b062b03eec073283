#include "napi/tensor_arguments.h"

#include <cstring>

#include "napi/arguments.h"
#include "napi/device_tensor.h"
#include "napi/environment.h"

namespace foveate {
namespace {

OwnedTensor described(const Napi::Object& value) {
  OwnedTensor tensor;
  tensor.dtype = dtype_of(value.Get("dtype"));
  tensor.dims = dims_of(value.Get("dims"));
  return tensor;
}

void hold(OwnedTensor& tensor, HeldBytes held, Napi::Env env) {
  const auto expected = byte_count(tensor.dims, tensor.dtype);
  if (!expected || *expected != held.bytes)
    throw Napi::RangeError::New(env, "A tensor's data does not have the size of its shape " + dims_text(tensor.dims));
  tensor.block = std::move(held.block);
  tensor.offset = held.offset;
  tensor.bytes = held.bytes;
}

HeldBytes copied_for(const Session& session, const Napi::Value& array) {
  const auto bytes = bytes_of(array);
  auto block = memory_for(*session.lanes()->model, *Environment::of(array.Env()).memory(), bytes.size());
  if (!block) throw_status(array.Env(), no_memory_for_input(bytes.size()));
  if (!bytes.empty()) std::memcpy(block->data(), bytes.data(), bytes.size());
  return {std::move(block), 0, bytes.size()};
}

OwnedTensor input_of(const Napi::Object& value, const Session& session, std::size_t& copied) {
  OwnedTensor tensor = described(value);
  if (const auto device = value.Get("device"); !device.IsUndefined()) {
    hold(tensor, device_bytes_of(device), value.Env());
  } else if (const auto lease = value.Get("lease"); !lease.IsUndefined()) {
    hold(tensor, leased_bytes_of(lease, value.Get("data")), value.Env());
  } else {
    hold(tensor, copied_for(session, value.Get("data")), value.Env());
    copied += tensor.bytes;
  }
  return tensor;
}

}  // namespace

OwnedTensor tensor_of(const Napi::Object& value, std::size_t* copied) {
  OwnedTensor tensor = described(value);
  const auto lease = value.Get("lease");
  hold(tensor, copied ? held_bytes_of(lease, value.Get("data"), *copied) : leased_bytes_of(lease, value.Get("data")),
       value.Env());
  return tensor;
}

std::vector<OwnedTensor> inputs_of(const Napi::Value& value, const Session& session, std::size_t& copied) {
  auto array = value.As<Napi::Array>();
  if (array.Length() != session.info().inputs.size()) throw Napi::RangeError::New(value.Env(), "Expected every input");
  std::vector<OwnedTensor> inputs;
  for (std::uint32_t i = 0; i < array.Length(); ++i)
    inputs.push_back(input_of(array.Get(i).As<Napi::Object>(), session, copied));
  return inputs;
}

BlockPtr memory_for(Model& model, MemoryPool& pool, std::size_t bytes) {
  if (model.has_host_memory()) {
    // There may be none, or the device may be lost: any memory will do then.
    if (auto made = model.allocate_host(bytes); made.ok()) return std::move(made).value();
  }
  return pool.allocate(bytes);
}

}  // namespace foveate
