#include "napi/arguments.h"

#include <cstring>

#include "napi/environment.h"
#include "napi/lease.h"

namespace foveate {

std::string string_of(const Napi::Value& value) { return value.As<Napi::String>().Utf8Value(); }

std::vector<std::string> strings_of(const Napi::Value& value) {
  auto array = value.As<Napi::Array>();
  std::vector<std::string> strings;
  for (std::uint32_t i = 0; i < array.Length(); ++i) strings.push_back(string_of(array.Get(i)));
  return strings;
}

DType dtype_of(const Napi::Value& value) {
  const std::string name = string_of(value);
  if (auto dtype = dtype_from_name(name)) return *dtype;
  throw Napi::TypeError::New(value.Env(), "Unknown dtype " + name);
}

Dims dims_of(const Napi::Value& value) {
  auto array = value.As<Napi::Array>();
  // Read once: a getter on the array may run JavaScript that changes it.
  const std::uint32_t length = array.Length();
  Dims dims(length);
  for (std::uint32_t i = 0; i < length; ++i) dims[i] = array.Get(i).As<Napi::Number>().Int64Value();
  return dims;
}

Napi::Array dims_value(Napi::Env env, std::span<const std::int64_t> dims) {
  auto array = Napi::Array::New(env, dims.size());
  for (std::uint32_t i = 0; i < dims.size(); ++i) array.Set(i, static_cast<double>(dims[i]));
  return array;
}

Napi::String text_value(Napi::Env env, std::string_view text) {
  return Napi::String::New(env, text.data(), text.size());
}

std::span<std::byte> bytes_of(const Napi::Value& value) {
  if (!value.IsTypedArray()) throw Napi::TypeError::New(value.Env(), "Expected a typed array");
  // Not through Napi::ArrayBuffer, which does not take the SharedArrayBuffer that may lie under a typed array.
  const std::size_t bytes = value.As<Napi::TypedArray>().ByteLength();
  void* data = nullptr;
  const napi_status status = napi_get_typedarray_info(value.Env(), value, nullptr, nullptr, &data, nullptr, nullptr);
  if (status != napi_ok) throw Napi::Error::New(value.Env());
  if (bytes == 0 || data == nullptr) return {};
  return {static_cast<std::byte*>(data), bytes};
}

CancelTokenPtr cancel_token_of(const Napi::Value& value) {
  return value.IsUndefined() ? nullptr : unwrap_handle<CancelToken>(value);
}

HeldBytes leased_bytes_of(const Napi::Value& lease_handle, const Napi::Value& array) {
  auto lease = unwrap_handle<Lease>(lease_handle);
  if (!lease->block) {
    throw_status(array.Env(), Status(error_code::kDisposed, "The tensor was disposed before the call",
                                     "Dispose of a tensor only after the last call that uses it was made."));
  }
  const auto bytes = bytes_of(array);
  if (bytes.empty()) return {lease->block, 0, 0};
  const auto* begin = lease->block->data();
  if (bytes.data() < begin || bytes.data() + bytes.size() > begin + lease->block->bytes()) {
    throw Napi::TypeError::New(array.Env(), "Expected a typed array over the buffer of this lease");
  }
  return {lease->block, static_cast<std::size_t>(bytes.data() - begin), bytes.size()};
}

HeldBytes copied_bytes_of(const Napi::Value& array) {
  const auto bytes = bytes_of(array);
  auto block = Environment::of(array.Env()).memory()->allocate(bytes.size());
  if (!block) throw_status(array.Env(), no_memory_for_input(bytes.size()));
  if (!bytes.empty()) std::memcpy(block->data(), bytes.data(), bytes.size());
  return {std::move(block), 0, bytes.size()};
}

Status no_memory_for_input(std::size_t bytes) {
  return {error_code::kOutOfMemory, "Cannot allocate " + std::to_string(bytes) + " bytes for an input"};
}

HeldBytes held_bytes_of(const Napi::Value& lease, const Napi::Value& array, std::size_t& copied) {
  if (!lease.IsUndefined()) return leased_bytes_of(lease, array);
  auto held = copied_bytes_of(array);
  copied += held.bytes;
  return held;
}

}  // namespace foveate
