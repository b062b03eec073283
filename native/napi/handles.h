// Type-tagged externals: how JavaScript holds a native object. Handing over the wrong one is an error, never a wild
// pointer.
#pragma once

#include <memory>
#include <string>

#include "napi/napi_setup.h"

namespace foveate {

// The native object behind a handle of type T. JavaScript shares it; work in flight may hold it longer.
template <typename T>
struct HandleTag;  // specialised with a unique tag and a name per type

#define FOVEATE_HANDLE(Type, label, low, high)        \
  template <>                                         \
  struct HandleTag<Type> {                            \
    static constexpr napi_type_tag tag = {low, high}; \
    static constexpr const char* name = label;        \
  }

template <typename T>
Napi::Value wrap_handle(Napi::Env env, std::shared_ptr<T> object) {
  auto holder = std::make_unique<std::shared_ptr<T>>(std::move(object));
  auto external = Napi::External<std::shared_ptr<T>>::New(
      env, holder.get(), [](Napi::BasicEnv, std::shared_ptr<T>* data) { delete data; });
  holder.release();
  external.TypeTag(&HandleTag<T>::tag);
  return external;
}

template <typename T>
std::shared_ptr<T> unwrap_handle(const Napi::Value& value) {
  if (value.IsExternal()) {
    auto external = value.As<Napi::External<std::shared_ptr<T>>>();
    if (external.CheckTypeTag(&HandleTag<T>::tag)) return *external.Data();
  }
  throw Napi::TypeError::New(value.Env(), std::string("Expected a ") + HandleTag<T>::name + " handle");
}

}  // namespace foveate
