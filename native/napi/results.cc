// From a model's raw outputs to the results of tasks. Small results are copied into JavaScript's own memory.
#include <cstring>

#include "core/half.h"
#include "napi/arguments.h"
#include "napi/environment.h"
#include "napi/lease.h"
#include "napi/vision.h"
#include "vision/classification.h"
#include "vision/dense_map.h"
#include "vision/detection.h"
#include "vision/instance_masks.h"
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
  return enum_of<ScoreActivation>(value, {{"none", ScoreActivation::kNone},
                                          {"softmax", ScoreActivation::kSoftmax},
                                          {"sigmoid", ScoreActivation::kSigmoid}});
}

class DetectionsDecode final : public Operation {
 public:
  std::vector<FloatTensor> outputs;  // of the head, then the mask prototypes
  DetectionSpec spec;
  MaskPrototypes prototypes;  // count 0: the model segments no instances
  Placement placement;
  std::shared_ptr<MemoryPool> pool;

  Status execute(std::size_t) override {
    std::vector<std::span<const float>> values;
    for (FloatTensor& output : outputs) values.push_back(output.values());
    auto decoded = decode_detections(values, spec, placement);
    if (!decoded.ok()) return decoded.take_status();
    detections_ = std::move(decoded).value();
    if (prototypes.count > 0) {
      prototypes.values = values.back();
      auto masks =
          decode_instance_masks(prototypes, detections_.boxes, detections_.mask_coefficients, placement, *pool);
      if (!masks.ok()) return masks.take_status();
      masks_ = std::move(masks).value();
    }
    outputs.clear();
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    auto value = Napi::Object::New(env);
    value.Set("boxes", typed_copy<Napi::Float32Array>(env, detections_.boxes));
    value.Set("scores", typed_copy<Napi::Float32Array>(env, detections_.scores));
    value.Set("classIds", typed_copy<Napi::Int32Array>(env, detections_.class_ids));
    if (spec.keypoints > 0) value.Set("keypoints", typed_copy<Napi::Float32Array>(env, detections_.keypoints));
    if (spec.rotated) value.Set("rotatedBoxes", typed_copy<Napi::Float32Array>(env, detections_.rotated_boxes));
    if (prototypes.count > 0) value.Set("masks", masks_value(env));
    value.Set("elapsedMs", elapsed_ms());
    return value;
  }

 private:
  Napi::Object masks_value(Napi::Env env) {
    std::vector<std::int32_t> areas;
    for (const MaskArea& area : masks_.areas) areas.insert(areas.end(), {area.x, area.y, area.width, area.height});
    auto value = Napi::Object::New(env);
    value.Set("areas", typed_copy<Napi::Int32Array>(env, areas));
    if (masks_.data) {
      const std::size_t bytes = masks_.data->bytes();
      value.Set("lease", make_lease(env, std::move(masks_.data), 0, bytes));
    }
    return value;
  }

  Detections detections_;
  InstanceMasks masks_;
};

DetectionHead detection_head_of(const Napi::Value& value) {
  return enum_of<DetectionHead>(value, {{"yolov5", DetectionHead::kYolov5},
                                        {"yolov8", DetectionHead::kYolov8},
                                        {"yolov8-transposed", DetectionHead::kYolov8Transposed},
                                        {"yolox", DetectionHead::kYolox},
                                        {"end-to-end", DetectionHead::kEndToEnd},
                                        {"detr", DetectionHead::kDetr},
                                        {"rt-detr", DetectionHead::kRtDetr},
                                        {"rt-detr-concatenated", DetectionHead::kRtDetrConcatenated},
                                        {"rt-detr-end-to-end", DetectionHead::kRtDetrEndToEnd},
                                        {"ssd", DetectionHead::kSsd},
                                        {"scrfd", DetectionHead::kScrfd}});
}

// { levels: { columns, rows, strideX, strideY, sizes: [width, height, ...] }[], centerVariance, sizeVariance, clip }
PriorBoxes priors_of(const Napi::Object& value) {
  const auto real = [](const Napi::Object& object, const char* name) {
    return object.Get(name).As<Napi::Number>().DoubleValue();
  };
  PriorBoxes priors;
  priors.center_variance = real(value, "centerVariance");
  priors.size_variance = real(value, "sizeVariance");
  priors.clip = value.Get("clip").As<Napi::Boolean>().Value();
  auto levels = value.Get("levels").As<Napi::Array>();
  for (std::uint32_t i = 0; i < levels.Length(); ++i) {
    auto level = levels.Get(i).As<Napi::Object>();
    PriorLevel& prior = priors.levels.emplace_back();
    prior.columns = level.Get("columns").As<Napi::Number>().Int32Value();
    prior.rows = level.Get("rows").As<Napi::Number>().Int32Value();
    prior.stride_x = real(level, "strideX");
    prior.stride_y = real(level, "strideY");
    auto sizes = level.Get("sizes").As<Napi::Array>();
    for (std::uint32_t k = 0; k + 1 < sizes.Length(); k += 2) {
      prior.sizes.push_back(
          {sizes.Get(k).As<Napi::Number>().DoubleValue(), sizes.Get(k + 1).As<Napi::Number>().DoubleValue()});
    }
  }
  return priors;
}

DetectionSpec detection_spec_of(const Napi::Object& value) {
  const auto integer = [&](const char* name) { return value.Get(name).As<Napi::Number>().Int32Value(); };
  DetectionSpec spec;
  spec.head = detection_head_of(value.Get("head"));
  spec.classes = integer("classes");
  spec.anchors = integer("anchors");
  spec.points_per_cell = integer("pointsPerCell");
  spec.keypoints = integer("keypoints");
  spec.keypoint_values = integer("keypointValues");
  spec.mask_coefficients = integer("maskCoefficients");
  spec.rotated = value.Get("rotated").As<Napi::Boolean>().Value();
  spec.activation = activation_of(value.Get("activation"));
  if (const auto priors = value.Get("priors"); !priors.IsUndefined())
    spec.priors = priors_of(priors.As<Napi::Object>());
  spec.score_threshold = value.Get("scoreThreshold").As<Napi::Number>().FloatValue();
  spec.iou_threshold = value.Get("iouThreshold").As<Napi::Number>().FloatValue();
  spec.max_detections = integer("maxDetections");
  spec.class_agnostic = value.Get("classAgnostic").As<Napi::Boolean>().Value();
  for (const std::int64_t stride : dims_of(value.Get("strides"))) spec.strides.push_back(static_cast<int>(stride));
  for (const std::int64_t id : dims_of(value.Get("classFilter")))
    spec.class_filter.push_back(static_cast<std::int32_t>(id));
  return spec;
}

// detectionsDecode(outputs: { data, lease }[], spec, prototypes: [count, height, width] | undefined, placement,
//   operation?): Promise<{ boxes, scores, classIds, keypoints?, rotatedBoxes?, masks?: { areas, lease? } }>. The
// prototypes are the last output. The lease of the masks is never released: results are free to keep.
Napi::Value detections_decode(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<DetectionsDecode>();
  auto outputs = info[0].As<Napi::Array>();
  for (std::uint32_t i = 0; i < outputs.Length(); ++i) operation->outputs.push_back(FloatTensor::of(outputs.Get(i)));
  operation->spec = detection_spec_of(info[1].As<Napi::Object>());
  if (!info[2].IsUndefined()) {
    const Dims dims = dims_of(info[2]);
    operation->prototypes.count = static_cast<int>(dims.at(0));
    operation->prototypes.height = static_cast<int>(dims.at(1));
    operation->prototypes.width = static_cast<int>(dims.at(2));
  }
  operation->placement = placement_of(info[3].As<Napi::Object>());
  operation->pool = environment.memory();
  operation->cancel = cancel_token_of(info[4]);
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
    auto range =
        decode_dense_map(output.values(), spec, placement, {reinterpret_cast<float*>(values_->data()), pixels});
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
  exports.Set("detectionsDecode", Napi::Function::New(env, detections_decode));
  exports.Set("classesRank", Napi::Function::New(env, classes_rank));
  exports.Set("maskDecode", Napi::Function::New(env, mask_decode));
  exports.Set("denseMapDecode", Napi::Function::New(env, dense_map_decode));
}

}  // namespace foveate
