// Ranges, weights and differences. Arrays are copied before a call returns.
#include "calibration/difference.h"
#include "calibration/range.h"
#include "calibration/weights.h"
#include "napi/arguments.h"
#include "napi/calibration.h"
#include "napi/environment.h"
#include "napi/float_tensor.h"
#include "napi/tensor_arguments.h"

namespace foveate {
namespace {

Activation activation_of_range(const Napi::Value& value) {
  Activation activation;
  if (value.IsUndefined()) return activation;
  auto object = value.As<Napi::Object>();
  activation.kind = enum_of<ActivationKind>(object.Get("name"), {{"relu", ActivationKind::kRelu},
                                                                 {"clip", ActivationKind::kClip},
                                                                 {"leaky-relu", ActivationKind::kLeakyRelu},
                                                                 {"elu", ActivationKind::kElu},
                                                                 {"sigmoid", ActivationKind::kSigmoid},
                                                                 {"hard-sigmoid", ActivationKind::kHardSigmoid},
                                                                 {"silu", ActivationKind::kSilu},
                                                                 {"hard-swish", ActivationKind::kHardSwish},
                                                                 {"tanh", ActivationKind::kTanh},
                                                                 {"gelu", ActivationKind::kGelu},
                                                                 {"mish", ActivationKind::kMish}});
  const auto number = [&object](const char* name, double& into) {
    const Napi::Value given = object.Get(name);
    if (!given.IsUndefined()) into = given.As<Napi::Number>().DoubleValue();
  };
  number("min", activation.min);
  number("max", activation.max);
  number("alpha", activation.alpha);
  number("beta", activation.beta);
  return activation;
}

class RangeFind final : public Operation {
 public:
  TensorStatistics statistics;
  RangeSpec spec;

  Status execute(std::size_t) override {
    auto range = find_range(statistics, spec, cancel.get());
    if (!range.ok()) return range.take_status();
    range_ = range.value();
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    auto value = Napi::Object::New(env);
    value.Set("min", range_.min);
    value.Set("max", range_.max);
    value.Set("error", range_.error);
    value.Set("signal", range_.signal);
    return value;
  }

 private:
  Range range_;
};

// rangeFind(statistics, { method, percentile, symmetric, activation?, after }, operation?)
//   : Promise<{ min, max, error, signal }>
Napi::Value range_find(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<RangeFind>();
  operation->statistics = tensor_statistics_of(info[0]);
  auto spec = info[1].As<Napi::Object>();
  operation->spec.method = enum_of<RangeMethod>(spec.Get("method"), {{"min-max", RangeMethod::kMinMax},
                                                                     {"moving-average", RangeMethod::kMovingAverage},
                                                                     {"percentile", RangeMethod::kPercentile},
                                                                     {"entropy", RangeMethod::kEntropy},
                                                                     {"mse", RangeMethod::kMse}});
  operation->spec.percentile = spec.Get("percentile").As<Napi::Number>().DoubleValue();
  operation->spec.symmetric = spec.Get("symmetric").As<Napi::Boolean>().Value();
  operation->spec.activation = activation_of_range(spec.Get("activation"));
  operation->spec.after = spec.Get("after").As<Napi::Boolean>().Value();
  operation->cancel = cancel_token_of(info[2]);
  return environment.launch(environment.vision(), std::move(operation));
}

std::span<const float> floats_of(const HeldBytes& held) {
  return {reinterpret_cast<const float*>(held.data()), held.bytes / sizeof(float)};
}

// The layout of elements around an axis of their shape; a RangeError where they are not as many.
AxisLayout layout_of(const Napi::Value& dims_value, const Napi::Value& axis_value, std::size_t elements) {
  const Dims dims = dims_of(dims_value);
  const auto axis = static_cast<std::size_t>(axis_value.As<Napi::Number>().Uint32Value());
  if (axis >= dims.size() || element_count(dims) != elements) {
    throw Napi::RangeError::New(dims_value.Env(), "Expected an axis of " + dims_text(dims) + " and its elements");
  }
  return AxisLayout::of(dims, axis);
}

class WeightsQuantize final : public Operation {
 public:
  HeldBytes weights;
  AxisLayout layout;
  std::optional<HeldBytes> bias;
  float input_scale = 1;
  bool half_scales = false;

  Status execute(std::size_t) override {
    std::optional<BiasSpec> spec;
    if (bias) spec = {floats_of(*bias), input_scale};
    auto quantized = quantize_weights(floats_of(weights), layout, spec, half_scales);
    if (!quantized.ok()) return quantized.take_status();
    quantized_ = std::move(quantized).value();
    weights = {};
    bias.reset();
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    auto value = Napi::Object::New(env);
    value.Set("values", typed_copy<Napi::Int8Array>(env, quantized_.values));
    value.Set("scales", typed_copy<Napi::Float32Array>(env, quantized_.scales));
    if (!quantized_.bias.empty()) value.Set("bias", typed_copy<Napi::Int32Array>(env, quantized_.bias));
    return value;
  }

 private:
  QuantizedWeights quantized_;
};

// weightsQuantize(data: Float32Array, dims, axis, bias?: { values: Float32Array, inputScale }, halfScales, operation?)
//   : Promise<{ values, scales, bias? }>
Napi::Value weights_quantize(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<WeightsQuantize>();
  operation->weights = copied_bytes_of(info[0]);
  operation->layout = layout_of(info[1], info[2], operation->weights.bytes / sizeof(float));
  if (!info[3].IsUndefined()) {
    auto bias = info[3].As<Napi::Object>();
    operation->bias = copied_bytes_of(bias.Get("values"));
    operation->input_scale = bias.Get("inputScale").As<Napi::Number>().FloatValue();
    if (floats_of(*operation->bias).size() != operation->layout.channels) {
      throw Napi::RangeError::New(info.Env(), "Expected a bias for each channel");
    }
  }
  operation->half_scales = info[4].As<Napi::Boolean>();
  operation->cancel = cancel_token_of(info[5]);
  return environment.launch(environment.vision(), std::move(operation));
}

class TensorsCompare final : public Operation {
 public:
  OwnedTensor reference;
  OwnedTensor candidate;
  AxisLayout layout;
  std::vector<ChannelGroup> groups;

  Status execute(std::size_t) override {
    const auto elements_of = [this](const OwnedTensor& tensor) {
      return FloatElements{tensor.data(), layout.outer * layout.channels * layout.inner,
                           tensor.dtype == DType::kFloat16};
    };
    differences_ = compare_tensors(elements_of(reference), elements_of(candidate), layout, groups);
    reference = {};
    candidate = {};
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    auto array = Napi::Array::New(env, differences_.size());
    for (std::uint32_t i = 0; i < differences_.size(); ++i) {
      const TensorDifference& difference = differences_[i];
      auto value = Napi::Object::New(env);
      value.Set("count", static_cast<double>(difference.count));
      value.Set("referenceNonFinite", static_cast<double>(difference.reference_non_finite));
      value.Set("candidateNonFinite", static_cast<double>(difference.candidate_non_finite));
      value.Set("signal", difference.signal);
      value.Set("candidateSignal", difference.candidate_signal);
      value.Set("dot", difference.dot);
      value.Set("noise", difference.noise);
      value.Set("largest", difference.largest);
      array.Set(i, value);
    }
    return array;
  }

 private:
  std::vector<TensorDifference> differences_;
};

// tensorsCompare(reference, candidate: {dtype, dims, data, lease?}, dims, axis, groups: Uint32Array of begin, end, ...,
//   operation?): Promise<difference of each group>. Both hold float32 or float16; `dims` is the shape of either.
Napi::Value tensors_compare(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<TensorsCompare>();
  std::size_t copied = 0;
  operation->reference = tensor_of(info[0].As<Napi::Object>(), &copied);
  operation->candidate = tensor_of(info[1].As<Napi::Object>(), &copied);
  for (const OwnedTensor* tensor : {&operation->reference, &operation->candidate}) {
    if (tensor->dtype != DType::kFloat32 && tensor->dtype != DType::kFloat16) {
      throw Napi::TypeError::New(info.Env(), "Expected float32 or float16");
    }
    operation->layout = layout_of(info[2], info[3], tensor->bytes / dtype_bytes(tensor->dtype));
  }
  const auto bounds = bytes_of(info[4]);
  std::vector<std::uint32_t> ends(bounds.size() / sizeof(std::uint32_t));
  if (!ends.empty()) std::memcpy(ends.data(), bounds.data(), ends.size() * sizeof(std::uint32_t));
  for (std::size_t i = 0; i + 1 < ends.size(); i += 2) {
    if (ends[i] > ends[i + 1] || ends[i + 1] > operation->layout.channels) {
      throw Napi::RangeError::New(info.Env(), "Expected groups within the axis");
    }
    operation->groups.push_back({ends[i], ends[i + 1]});
  }
  operation->cancel = cancel_token_of(info[5]);
  return environment.launch(environment.vision(), std::move(operation));
}

}  // namespace

void register_precision(Napi::Env env, Napi::Object exports) {
  exports.Set("rangeFind", Napi::Function::New(env, range_find));
  exports.Set("weightsQuantize", Napi::Function::New(env, weights_quantize));
  exports.Set("tensorsCompare", Napi::Function::New(env, tensors_compare));
}

}  // namespace foveate
