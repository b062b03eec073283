// Reading JavaScript values. TypeScript checked their meaning; here only what could corrupt memory is checked again.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/dtype.h"
#include "core/memory.h"
#include "core/shape.h"
#include "napi/napi_setup.h"
#include "napi/operation.h"

namespace foveate {

std::string string_of(const Napi::Value& value);
std::vector<std::string> strings_of(const Napi::Value& array);
DType dtype_of(const Napi::Value& value);
Dims dims_of(const Napi::Value& value);
Napi::Array dims_value(Napi::Env env, std::span<const std::int64_t> dims);
Napi::String text_value(Napi::Env env, std::string_view text);

// The value that a name stands for; a TypeError for any other name.
template <typename Enum>
Enum enum_of(const Napi::Value& value, std::initializer_list<std::pair<const char*, Enum>> names) {
  const std::string name = string_of(value);
  for (const auto& [text, item] : names) {
    if (name == text) return item;
  }
  throw Napi::TypeError::New(value.Env(), "Unknown value " + name);
}

// The bytes of a TypedArray or Buffer, valid until JavaScript runs again.
std::span<std::byte> bytes_of(const Napi::Value& value);

// The operation handle that the caller can cancel by, or null when `value` is undefined.
CancelTokenPtr cancel_token_of(const Napi::Value& value);

// Memory that work on a lane may read or write: a range of a block.
struct HeldBytes {
  BlockPtr block;
  std::size_t offset = 0;
  std::size_t bytes = 0;

  std::byte* data() const { return block->data() + offset; }
  std::span<std::byte> span() const { return {data(), bytes}; }
};

// `array` is a TypedArray over the buffer of `lease`: its bytes, held through the lease's block, without a copy. Throws
// DISPOSED when the lease was released.
HeldBytes leased_bytes_of(const Napi::Value& lease, const Napi::Value& array);

// A copy of `array` in pooled memory, taken now: JavaScript may change or transfer the original as soon as the call
// returns.
HeldBytes copied_bytes_of(const Napi::Value& array);

Status no_memory_for_input(std::size_t bytes);

// leased_bytes_of where there is a lease, else copied_bytes_of; `copied` is increased by what was copied.
HeldBytes held_bytes_of(const Napi::Value& lease, const Napi::Value& array, std::size_t& copied);

}  // namespace foveate
