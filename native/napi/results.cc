// From a model's raw outputs to the results of tasks. Small results are copied into JavaScript's own memory.
#include <cstring>

#include "core/half.h"
#include "napi/arguments.h"
#include "napi/environment.h"
#include "napi/lease.h"
#include "napi/vision.h"
#include "vision/classification.h"
#include "vision/detection.h"
#include "vision/masks.h"

namespace foveate {
namespace {

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

ScoreActivation activation_of(const Napi::Value& value) {
  const std::string name = string_of(value);
  if (name == "softmax") return ScoreActivation::kSoftmax;
  if (name == "sigmoid") return ScoreActivation::kSigmoid;
  return ScoreActivation::kNone;
}

class DetectionsDecode final : public Operation {
 public:
  FloatTensor output;
  DetectionSpec spec;
  Placement placement;

  Status execute(std::size_t) override {
    auto decoded = decode_detections(output.values(), spec, placement);
    if (!decoded.ok()) return decoded.take_status();
    detections_ = std::move(decoded).value();
    output.release();
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    auto value = Napi::Object::New(env);
    value.Set("boxes", typed_copy<Napi::Float32Array>(env, detections_.boxes));
    value.Set("scores", typed_copy<Napi::Float32Array>(env, detections_.scores));
    value.Set("classIds", typed_copy<Napi::Int32Array>(env, detections_.class_ids));
    value.Set("elapsedMs", elapsed_ms());
    return value;
  }

 private:
  Detections detections_;
};

DetectionSpec detection_spec_of(const Napi::Object& value) {
  const auto integer = [&](const char* name) { return value.Get(name).As<Napi::Number>().Int32Value(); };
  DetectionSpec spec;
  const std::string head = string_of(value.Get("head"));
  spec.head = head == "yolox"               ? DetectionHead::kYolox
              : head == "yolov8-transposed" ? DetectionHead::kYolov8Transposed
                                            : DetectionHead::kYolov8;
  spec.classes = integer("classes");
  spec.anchors = integer("anchors");
  spec.score_threshold = value.Get("scoreThreshold").As<Napi::Number>().FloatValue();
  spec.iou_threshold = value.Get("iouThreshold").As<Napi::Number>().FloatValue();
  spec.max_detections = integer("maxDetections");
  spec.class_agnostic = value.Get("classAgnostic").As<Napi::Boolean>().Value();
  for (const std::int64_t stride : dims_of(value.Get("strides"))) spec.strides.push_back(static_cast<int>(stride));
  for (const std::int64_t id : dims_of(value.Get("classFilter")))
    spec.class_filter.push_back(static_cast<std::int32_t>(id));
  return spec;
}

// detectionsDecode(output: { data, lease }, spec, placement, operation?): Promise<{ boxes, scores, classIds }>
Napi::Value detections_decode(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<DetectionsDecode>();
  operation->output = FloatTensor::of(info[0]);
  operation->spec = detection_spec_of(info[1].As<Napi::Object>());
  operation->placement = placement_of(info[2].As<Napi::Object>());
  operation->cancel = cancel_token_of(info[3]);
  return environment.launch(environment.vision(), std::move(operation));
}

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
    FOVEATE_RETURN_IF_ERROR(decode_mask(output.values(), spec, placement, {data, pixels}, counts_));
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

}  // namespace

void register_results(Napi::Env env, Napi::Object exports) {
  exports.Set("detectionsDecode", Napi::Function::New(env, detections_decode));
  exports.Set("classesRank", Napi::Function::New(env, classes_rank));
  exports.Set("maskDecode", Napi::Function::New(env, mask_decode));
}

}  // namespace foveate
