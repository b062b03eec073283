// What a model put out, as the decoders take it, and arrays of JavaScript's own for what they give.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "core/half.h"
#include "napi/arguments.h"
#include "napi/lease.h"
#include "vision/classification.h"

namespace foveate {

template <typename Array, typename Values>
Array typed_copy(Napi::Env env, const Values& values) {
  auto array = Array::New(env, values.size());
  if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size() * sizeof(values[0]));
  return array;
}

// { data, lease }: one picture's part of an output, as a Float32Array, or as a Uint16Array of float16 bits.
class FloatTensor {
 public:
  static FloatTensor of(const Napi::Value& value) {
    auto object = value.As<Napi::Object>();
    FloatTensor tensor;
    tensor.held_ = leased_bytes_of(object.Get("lease"), object.Get("data"));
    tensor.half_ = object.Get("data").As<Napi::TypedArray>().TypedArrayType() == napi_uint16_array;
    return tensor;
  }

  // On a lane. Valid until `release`.
  std::span<const float> values() {
    if (!half_) return {reinterpret_cast<const float*>(held_.data()), held_.bytes / sizeof(float)};
    const auto* bits = reinterpret_cast<const std::uint16_t*>(held_.data());
    converted_.resize(held_.bytes / sizeof(std::uint16_t));
    for (std::size_t i = 0; i < converted_.size(); ++i) converted_[i] = half_to_float(bits[i]);
    return converted_;
  }

  // Gives the memory back before JavaScript hears of the result.
  void release() { *this = {}; }

 private:
  HeldBytes held_;
  bool half_ = false;
  std::vector<float> converted_;
};

inline ScoreActivation activation_of(const Napi::Value& value) {
  return enum_of<ScoreActivation>(value, {{"none", ScoreActivation::kNone},
                                          {"softmax", ScoreActivation::kSoftmax},
                                          {"sigmoid", ScoreActivation::kSigmoid}});
}

}  // namespace foveate
