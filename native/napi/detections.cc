// From a detector's raw outputs to detections. Small results are copied into JavaScript's own memory.
#include "napi/environment.h"
#include "napi/float_tensor.h"
#include "napi/lease.h"
#include "napi/vision.h"
#include "vision/detection.h"
#include "vision/instance_masks.h"
#include "vision/merge.h"

namespace foveate {
namespace {

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
      auto masks = decode_instance_masks(prototypes, detections_.boxes, detections_.mask_coefficients, placement, *pool,
                                         cancel.get());
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

class DetectionsMerge final : public Operation {
 public:
  HeldBytes boxes;
  HeldBytes scores;
  HeldBytes class_ids;
  MergeOptions options;

  Status execute(std::size_t) override {
    auto merged = merge_boxes(view_of<float>(boxes), view_of<float>(scores), view_of<std::int32_t>(class_ids), options,
                              cancel.get());
    if (!merged.ok()) return merged.take_status();
    merged_ = std::move(merged).value();
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    auto value = Napi::Object::New(env);
    value.Set("kept", typed_copy<Napi::Int32Array>(env, merged_.kept));
    value.Set("boxes", typed_copy<Napi::Float32Array>(env, merged_.boxes));
    value.Set("elapsedMs", elapsed_ms());
    return value;
  }

 private:
  template <typename T>
  static std::span<const T> view_of(const HeldBytes& bytes) {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.bytes / sizeof(T)};
  }

  MergedBoxes merged_;
};

// detectionsMerge(boxes, scores, classIds, { metric, threshold, grow, classAgnostic, maxDetections }, operation?)
//   : Promise<{ kept, boxes, elapsedMs }>. The arrays are copied before the call returns.
Napi::Value detections_merge(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<DetectionsMerge>();
  operation->boxes = copied_bytes_of(info[0]);
  operation->scores = copied_bytes_of(info[1]);
  operation->class_ids = copied_bytes_of(info[2]);
  auto options = info[3].As<Napi::Object>();
  operation->options.metric =
      enum_of<OverlapMetric>(options.Get("metric"), {{"iou", OverlapMetric::kUnion}, {"ios", OverlapMetric::kSmaller}});
  operation->options.threshold = options.Get("threshold").As<Napi::Number>().FloatValue();
  operation->options.grow = options.Get("grow").As<Napi::Boolean>().Value();
  operation->options.class_agnostic = options.Get("classAgnostic").As<Napi::Boolean>().Value();
  operation->options.max_kept = options.Get("maxDetections").As<Napi::Number>().Int32Value();
  operation->cancel = cancel_token_of(info[4]);
  return environment.launch(environment.vision(), std::move(operation));
}

}  // namespace

void register_detections(Napi::Env env, Napi::Object exports) {
  exports.Set("detectionsDecode", Napi::Function::New(env, detections_decode));
  exports.Set("detectionsMerge", Napi::Function::New(env, detections_merge));
}

}  // namespace foveate
