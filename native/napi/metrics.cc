// Detection metrics. Arrays are copied before a call returns; what was matched stays here, behind a handle, for more
// questions.
#include "napi/metrics.h"

#include <limits>
#include <optional>
#include <utility>

#include "core/mapped_file.h"
#include "metrics/coco_confusion.h"
#include "metrics/coco_curves.h"
#include "metrics/coco_matching.h"
#include "metrics/coco_results.h"
#include "napi/environment.h"
#include "napi/float_tensor.h"

namespace foveate {
namespace {

template <typename T>
std::span<const T> view_of(const HeldBytes& bytes) {
  if (!bytes.block) return {};
  return {reinterpret_cast<const T*>(bytes.data()), bytes.bytes / sizeof(T)};
}

// The arrays of an ObjectList. What JavaScript leaves undefined is empty.
struct HeldObjects {
  HeldBytes images, categories, boxes, scores, areas, crowd, ignored, keypoints, mask_sizes, mask_text, mask_ends;

  static HeldObjects of(const Napi::Value& value) {
    const auto object = value.As<Napi::Object>();
    const auto held = [&object](const char* name) {
      const Napi::Value array = object.Get(name);
      return array.IsUndefined() ? HeldBytes{} : copied_bytes_of(array);
    };
    return {held("images"),  held("categories"), held("boxes"),     held("scores"),   held("areas"),   held("crowd"),
            held("ignored"), held("keypoints"),  held("maskSizes"), held("maskText"), held("maskEnds")};
  }

  ObjectList list() const {
    ObjectList list;
    list.images = view_of<std::int32_t>(images);
    list.categories = view_of<std::int32_t>(categories);
    list.boxes = view_of<double>(boxes);
    list.scores = view_of<double>(scores);
    list.areas = view_of<double>(areas);
    list.crowd = view_of<std::uint8_t>(crowd);
    list.ignored = view_of<std::uint8_t>(ignored);
    list.keypoints = view_of<double>(keypoints);
    list.masks = {view_of<std::int32_t>(mask_sizes), view_of<char>(mask_text), view_of<std::uint32_t>(mask_ends)};
    return list;
  }
};

ObjectKind kind_of(const Napi::Value& value) {
  return enum_of<ObjectKind>(
      value, {{"box", ObjectKind::kBox}, {"mask", ObjectKind::kMask}, {"keypoints", ObjectKind::kKeypoints}});
}

std::vector<double> doubles_of(const Napi::Value& value) {
  const auto bytes = bytes_of(value);
  std::vector<double> values(bytes.size() / sizeof(double));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(double));
  return values;
}

// Of what was matched, all that later questions need. Read only, once made: several lanes may do so.
struct MatchedObjects {
  HeldObjects truth;
  HeldObjects found;
  MatchSpec spec;
  Matching matching;
};

}  // namespace

FOVEATE_HANDLE(MatchedObjects, "matching", 0x62f1c04d7a3be915ULL, 0x8b20d9e5f7461ca3ULL);

namespace {

class ObjectsMatch final : public Operation {
 public:
  std::shared_ptr<MatchedObjects> objects = std::make_shared<MatchedObjects>();

  Status execute(std::size_t) override {
    MatchSpec& spec = objects->spec;
    const ObjectList truth = objects->truth.list();
    const ObjectList found = objects->found.list();
    FOVEATE_RETURN_IF_ERROR(
        check_objects(truth, spec.kind, spec.sigmas.size(), spec.images, spec.categories, "The truth"));
    FOVEATE_RETURN_IF_ERROR(
        check_objects(found, spec.kind, spec.sigmas.size(), spec.images, spec.categories, "What was found"));
    if (found.scores.size() != found.count()) return {error_code::kInvalidArgument, "What was found has no scores"};
    spec.areas = coco_areas(spec.kind);
    auto matching = match_objects(truth, found, spec, cancel.get());
    if (!matching.ok()) return matching.take_status();
    objects->matching = std::move(matching).value();
    auto curves = accumulate(objects->matching, spec, cancel.get());
    if (!curves.ok()) return curves.take_status();
    curves_ = std::move(curves).value();
    summary_ = summarize(curves_, spec);
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    auto value = Napi::Object::New(env);
    const Matching& matching = objects->matching;
    value.Set("truths", typed_copy<Napi::Int32Array>(env, matching.matched_truth));
    value.Set("overlaps", typed_copy<Napi::Float64Array>(env, matching.best_overlap));
    value.Set("ignored", typed_copy<Napi::Uint8Array>(env, matching.neither));
    value.Set("precision", typed_copy<Napi::Float64Array>(env, curves_.precision));
    value.Set("scores", typed_copy<Napi::Float64Array>(env, curves_.scores));
    value.Set("meanPrecision", typed_copy<Napi::Float64Array>(env, curves_.mean_precision));
    value.Set("recall", typed_copy<Napi::Float64Array>(env, curves_.recall));
    value.Set("summary", typed_copy<Napi::Float64Array>(env, summary_));
    value.Set("matching", wrap_handle(env, std::move(objects)));
    return value;
  }

 private:
  Curves curves_;
  std::vector<double> summary_;
};

// objectsMatch(truth, found, { kind, images, categories, thresholds, maxDetections, sigmas }, operation?): Promise<{
// matching, truths, overlaps, ignored, precision, scores, meanPrecision, recall, summary }>
Napi::Value objects_match(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<ObjectsMatch>();
  operation->objects->truth = HeldObjects::of(info[0]);
  operation->objects->found = HeldObjects::of(info[1]);
  auto options = info[2].As<Napi::Object>();
  MatchSpec& spec = operation->objects->spec;
  spec.kind = kind_of(options.Get("kind"));
  spec.images = options.Get("images").As<Napi::Number>().Int32Value();
  spec.categories = options.Get("categories").As<Napi::Number>().Int32Value();
  spec.thresholds = doubles_of(options.Get("thresholds"));
  spec.sigmas = doubles_of(options.Get("sigmas"));
  for (const std::int64_t most : dims_of(options.Get("maxDetections"))) {
    spec.max_detections.push_back(static_cast<std::int32_t>(most));
  }
  operation->cancel = cancel_token_of(info[3]);
  return environment.launch(environment.vision(), std::move(operation));
}

class MatchingResample final : public Operation {
 public:
  std::shared_ptr<MatchedObjects> objects;
  std::uint64_t seed = 0;
  std::uint32_t first = 0;
  std::uint32_t count = 0;

  Status execute(std::size_t) override {
    auto summaries = resample(objects->matching, objects->spec, seed, first, count, cancel.get());
    if (!summaries.ok()) return summaries.take_status();
    summaries_ = std::move(summaries).value();
    return {};
  }

  Napi::Value result(Napi::Env env) override { return typed_copy<Napi::Float64Array>(env, summaries_); }

 private:
  std::vector<double> summaries_;
};

// matchingResample(matching, seed, first, count, operation?): Promise<Float64Array>, a summary after the other
Napi::Value matching_resample(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<MatchingResample>();
  operation->objects = unwrap_handle<MatchedObjects>(info[0]);
  operation->seed = static_cast<std::uint64_t>(info[1].As<Napi::Number>().Int64Value());
  operation->first = info[2].As<Napi::Number>().Uint32Value();
  operation->count = info[3].As<Napi::Number>().Uint32Value();
  operation->cancel = cancel_token_of(info[4]);
  return environment.launch(environment.vision(), std::move(operation));
}

class MatchingConfusion final : public Operation {
 public:
  std::shared_ptr<MatchedObjects> objects;
  double overlap = 0;
  double score = 0;

  Status execute(std::size_t) override {
    auto counts =
        count_confusions(objects->truth.list(), objects->found.list(), objects->spec, overlap, score, cancel.get());
    if (!counts.ok()) return counts.take_status();
    counts_ = std::move(counts).value();
    return {};
  }

  Napi::Value result(Napi::Env env) override { return typed_copy<Napi::Uint32Array>(env, counts_); }

 private:
  std::vector<std::uint32_t> counts_;
};

// matchingConfusion(matching, overlap, score, operation?): Promise<Uint32Array>, (categories + 1)^2, row by row
Napi::Value matching_confusion(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<MatchingConfusion>();
  operation->objects = unwrap_handle<MatchedObjects>(info[0]);
  operation->overlap = info[1].As<Napi::Number>().DoubleValue();
  operation->score = info[2].As<Napi::Number>().DoubleValue();
  operation->cancel = cancel_token_of(info[3]);
  return environment.launch(environment.vision(), std::move(operation));
}

Napi::Object masks_value(Napi::Env env, std::span<const std::int32_t> sizes, std::string_view text,
                         std::span<const std::uint32_t> ends) {
  auto value = Napi::Object::New(env);
  value.Set("maskSizes", typed_copy<Napi::Int32Array>(env, sizes));
  value.Set("maskText", typed_copy<Napi::Uint8Array>(env, text));
  value.Set("maskEnds", typed_copy<Napi::Uint32Array>(env, ends));
  return value;
}

class PolygonsRasterize final : public Operation {
 public:
  HeldBytes points;
  HeldBytes polygon_ends;  // in points, in numbers
  HeldBytes object_ends;   // in polygons
  HeldBytes sizes;

  Status execute(std::size_t) override {
    const auto ends = view_of<std::uint32_t>(polygon_ends);
    const auto sides = view_of<std::int32_t>(sizes);
    std::size_t polygon = 0;
    std::size_t object = 0;
    for (const std::uint32_t end : view_of<std::uint32_t>(object_ends)) {
      if (cancel->cancelled()) return aborted();
      if (end <= polygon || end > ends.size() || 2 * object + 2 > sides.size()) {
        return {error_code::kInvalidArgument, "Object " + std::to_string(object) + " has no polygon or no size"};
      }
      RunLengths mask;
      auto status = rasterize(polygon, end, sides[2 * object], sides[2 * object + 1], mask);
      if (!status.ok()) {
        status.error().message = "Object " + std::to_string(object) + ": " + status.error().message;
        return status;
      }
      polygon = end;
      text_ += encode_runs(mask);
      if (text_.size() > std::numeric_limits<std::uint32_t>::max()) {
        return {error_code::kDatasetInvalid, "The masks of all objects have more than 4 GiB",
                "Make masks of fewer objects at a time."};
      }
      ends_.push_back(static_cast<std::uint32_t>(text_.size()));
      ++object;
    }
    return {};
  }

  Napi::Value result(Napi::Env env) override { return masks_value(env, view_of<std::int32_t>(sizes), text_, ends_); }

 private:
  // The union of polygons, half by half: of many, one after the other would be read again and again.
  Status rasterize(std::size_t first, std::size_t end, std::int32_t height, std::int32_t width,
                   RunLengths& mask) const {
    if (end - first == 1) return rasterize(first, height, width, mask);
    const std::size_t middle = first + (end - first) / 2;
    RunLengths other;
    FOVEATE_RETURN_IF_ERROR(rasterize(first, middle, height, width, mask));
    FOVEATE_RETURN_IF_ERROR(rasterize(middle, end, height, width, other));
    mask = union_of(mask, other);
    return {};
  }

  Status rasterize(std::size_t polygon, std::int32_t height, std::int32_t width, RunLengths& mask) const {
    const auto numbers = view_of<double>(points);
    const auto ends = view_of<std::uint32_t>(polygon_ends);
    const std::size_t begin = polygon == 0 ? 0 : ends[polygon - 1];
    if (ends[polygon] < begin || ends[polygon] > numbers.size()) {
      return {error_code::kInvalidArgument, "a polygon ends where its points do not"};
    }
    return runs_of_polygon(numbers.subspan(begin, ends[polygon] - begin), height, width, mask, cancel.get());
  }

  std::string text_;
  std::vector<std::uint32_t> ends_;
};

// polygonsRasterize(points, polygonEnds, objectEnds, sizes, operation?): Promise<{ maskSizes, maskText, maskEnds }>
Napi::Value polygons_rasterize(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<PolygonsRasterize>();
  operation->points = copied_bytes_of(info[0]);
  operation->polygon_ends = copied_bytes_of(info[1]);
  operation->object_ends = copied_bytes_of(info[2]);
  operation->sizes = copied_bytes_of(info[3]);
  operation->cancel = cancel_token_of(info[4]);
  return environment.launch(environment.vision(), std::move(operation));
}

class CocoResultsRead final : public Operation {
 public:
  std::string path;
  ObjectKind kind = ObjectKind::kBox;
  std::size_t points = 0;
  std::vector<double> image_ids;
  std::vector<double> category_ids;

  Status execute(std::size_t) override {
    auto file = map_file(path);
    if (!file.ok()) {
      auto status = file.take_status();
      return {error_code::kDatasetNotFound, std::move(status.error().message), std::move(status.error().hint)};
    }
    const BlockPtr& block = file.value();
    const std::string_view text(reinterpret_cast<const char*>(block->data()), block->bytes());
    auto results = read_coco_results(text, {kind, points, image_ids, category_ids}, cancel.get());
    if (!results.ok()) {
      auto status = results.take_status();
      if (status.error().code == error_code::kDatasetInvalid) {
        status.error().message = path + ": " + status.error().message;
      }
      return status;
    }
    results_ = std::move(results).value();
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    Napi::Object value = masks_value(env, results_.mask_sizes, results_.mask_text, results_.mask_ends);
    value.Set("images", typed_copy<Napi::Int32Array>(env, results_.images));
    value.Set("categories", typed_copy<Napi::Int32Array>(env, results_.categories));
    value.Set("boxes", typed_copy<Napi::Float64Array>(env, results_.boxes));
    value.Set("scores", typed_copy<Napi::Float64Array>(env, results_.scores));
    value.Set("areas", typed_copy<Napi::Float64Array>(env, results_.areas));
    value.Set("keypoints", typed_copy<Napi::Float64Array>(env, results_.keypoints));
    return value;
  }

 private:
  CocoResults results_;
};

// cocoResultsRead(path, { kind, points, imageIds, categoryIds }, operation?): Promise<{ images, categories, boxes,
// scores, areas, keypoints, maskSizes, maskText, maskEnds }>. Nobody may change the file meanwhile.
Napi::Value coco_results_read(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<CocoResultsRead>();
  operation->path = string_of(info[0]);
  auto options = info[1].As<Napi::Object>();
  operation->kind = kind_of(options.Get("kind"));
  operation->points = options.Get("points").As<Napi::Number>().Uint32Value();
  operation->image_ids = doubles_of(options.Get("imageIds"));
  operation->category_ids = doubles_of(options.Get("categoryIds"));
  operation->cancel = cancel_token_of(info[2]);
  return environment.launch(environment.vision(), std::move(operation));
}

}  // namespace

void register_metrics(Napi::Env env, Napi::Object exports) {
  exports.Set("objectsMatch", Napi::Function::New(env, objects_match));
  exports.Set("matchingResample", Napi::Function::New(env, matching_resample));
  exports.Set("matchingConfusion", Napi::Function::New(env, matching_confusion));
  exports.Set("polygonsRasterize", Napi::Function::New(env, polygons_rasterize));
  exports.Set("cocoResultsRead", Napi::Function::New(env, coco_results_read));
}

}  // namespace foveate
