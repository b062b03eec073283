// From a model's raw outputs to the results of tasks. Small results are copied into JavaScript's own memory.
#include "napi/arguments.h"
#include "napi/environment.h"
#include "napi/float_tensor.h"
#include "napi/lease.h"
#include "napi/vision.h"
#include "vision/classification.h"
#include "vision/dense_map.h"
#include "vision/masks.h"

namespace foveate {
namespace {

class ClassesRank final : public Operation {
 public:
  FloatTensor output;
  ScoreActivation activation = ScoreActivation::kNone;
  int k = 0;

  Status execute(std::size_t) override {
    auto ranked = top_classes(output.values(), activation, k);
    if (!ranked.ok()) return ranked.take_status();
    classes_ = std::move(ranked).value();
    output.release();
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    auto value = Napi::Object::New(env);
    value.Set("classIds", typed_copy<Napi::Int32Array>(env, classes_.class_ids));
    value.Set("scores", typed_copy<Napi::Float32Array>(env, classes_.scores));
    value.Set("elapsedMs", elapsed_ms());
    return value;
  }

 private:
  TopClasses classes_;
};

// classesRank(output: { data, lease }, activation, k, operation?): Promise<{ classIds, scores }>
Napi::Value classes_rank(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<ClassesRank>();
  operation->output = FloatTensor::of(info[0]);
  operation->activation = activation_of(info[1]);
  operation->k = info[2].As<Napi::Number>().Int32Value();
  operation->cancel = cancel_token_of(info[3]);
  return environment.launch(environment.vision(), std::move(operation));
}

class MaskDecode final : public Operation {
 public:
  FloatTensor output;
  MaskSpec spec;
  Placement placement;
  std::shared_ptr<MemoryPool> pool;

  Status execute(std::size_t) override {
    const auto pixels =
        static_cast<std::size_t>(placement.source_width) * static_cast<std::size_t>(placement.source_height);
    mask_ = pool->allocate(pixels);
    if (!mask_) return {error_code::kOutOfMemory, "Cannot allocate a mask of " + std::to_string(pixels) + " bytes"};
    auto* data = reinterpret_cast<std::uint8_t*>(mask_->data());
    FOVEATE_RETURN_IF_ERROR(decode_mask(output.values(), spec, placement, {data, pixels}, counts_, cancel.get()));
    output.release();
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    const std::size_t bytes = mask_->bytes();
    auto value = Napi::Object::New(env);
    value.Set("mask", make_lease(env, std::move(mask_), 0, bytes));
    value.Set("counts", typed_copy<Napi::Uint32Array>(env, counts_));
    value.Set("elapsedMs", elapsed_ms());
    return value;
  }

 private:
  BlockPtr mask_;
  ClassCounts counts_;
};

// maskDecode(output: { data, lease }, spec, placement, operation?): Promise<{ mask: { handle, buffer }, counts }>. The
// lease is never released: results are free to keep.
Napi::Value mask_decode(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<MaskDecode>();
  operation->output = FloatTensor::of(info[0]);
  auto spec = info[1].As<Napi::Object>();
  operation->spec.channels = spec.Get("channels").As<Napi::Number>().Int32Value();
  operation->spec.height = spec.Get("height").As<Napi::Number>().Int32Value();
  operation->spec.width = spec.Get("width").As<Napi::Number>().Int32Value();
  operation->spec.layout = string_of(spec.Get("layout")) == "nhwc" ? Layout::kChannelsLast : Layout::kChannelsFirst;
  operation->spec.activation = activation_of(spec.Get("activation"));
  operation->spec.threshold = spec.Get("threshold").As<Napi::Number>().FloatValue();
  operation->placement = placement_of(info[2].As<Napi::Object>());
  operation->pool = environment.memory();
  operation->cancel = cancel_token_of(info[3]);
  return environment.launch(environment.vision(), std::move(operation));
}

class DenseMapDecode final : public Operation {
 public:
  FloatTensor output;
  DenseMapSpec spec;
  Placement placement;
  std::shared_ptr<MemoryPool> pool;

  Status execute(std::size_t) override {
    const auto pixels =
        static_cast<std::size_t>(placement.source_width) * static_cast<std::size_t>(placement.source_height);
    values_ = pool->allocate(pixels * sizeof(float));
    if (!values_) {
      return {error_code::kOutOfMemory,
              "Cannot allocate a map of " + std::to_string(pixels * sizeof(float)) + " bytes"};
    }
    auto range = decode_dense_map(output.values(), spec, placement, {reinterpret_cast<float*>(values_->data()), pixels},
                                  cancel.get());
    if (!range.ok()) return range.take_status();
    range_ = range.value();
    output.release();
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    const std::size_t bytes = values_->bytes();
    auto value = Napi::Object::New(env);
    value.Set("values", make_lease(env, std::move(values_), 0, bytes));
    value.Set("min", range_.min);
    value.Set("max", range_.max);
    value.Set("elapsedMs", elapsed_ms());
    return value;
  }

 private:
  BlockPtr values_;
  ValueRange range_;
};

// denseMapDecode(output: { data, lease }, spec, placement, operation?): Promise<{ values: { handle, buffer }, min, max
// }>. The lease is never released: results are free to keep.
Napi::Value dense_map_decode(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<DenseMapDecode>();
  operation->output = FloatTensor::of(info[0]);
  auto spec = info[1].As<Napi::Object>();
  operation->spec.height = spec.Get("height").As<Napi::Number>().Int32Value();
  operation->spec.width = spec.Get("width").As<Napi::Number>().Int32Value();
  operation->spec.scaling = enum_of<MapScaling>(
      spec.Get("scaling"),
      {{"none", MapScaling::kNone}, {"min-max", MapScaling::kMinMax}, {"sigmoid", MapScaling::kSigmoid}});
  operation->spec.interpolation =
      enum_of<MapInterpolation>(spec.Get("interpolation"), {{"bilinear", MapInterpolation::kBilinear},
                                                            {"bicubic", MapInterpolation::kBicubic},
                                                            {"lanczos", MapInterpolation::kLanczos}});
  operation->placement = placement_of(info[2].As<Napi::Object>());
  operation->pool = environment.memory();
  operation->cancel = cancel_token_of(info[3]);
  return environment.launch(environment.vision(), std::move(operation));
}

}  // namespace

void register_results(Napi::Env env, Napi::Object exports) {
  exports.Set("classesRank", Napi::Function::New(env, classes_rank));
  exports.Set("maskDecode", Napi::Function::New(env, mask_decode));
  exports.Set("denseMapDecode", Napi::Function::New(env, dense_map_decode));
}

}  // namespace foveate
