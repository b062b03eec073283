#include "napi/metrics_segmentation.h"

#include <optional>

#include "metrics/segmentation.h"
#include "napi/arguments.h"
#include "napi/environment.h"
#include "napi/float_tensor.h"

namespace foveate {
namespace {

std::span<const std::uint8_t> labels_of(const HeldBytes& held) {
  return {reinterpret_cast<const std::uint8_t*>(held.data()), held.bytes};
}

class LabelMapsCompare final : public Operation {
 public:
  HeldBytes truth;
  HeldBytes predicted;
  LabelMaps maps;  // without the labels, which lie in the two above
  std::optional<std::int64_t> radius;

  Status execute(std::size_t) override {
    maps.truth = labels_of(truth);
    maps.predicted = labels_of(predicted);
    auto counts = compare_label_maps(maps, radius, cancel.get());
    if (!counts.ok()) return counts.take_status();
    counts_ = std::move(counts).value();
    truth = {};
    predicted = {};
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    auto value = Napi::Object::New(env);
    value.Set("confusion", typed_copy<Napi::Uint32Array>(env, counts_.confusion));
    if (radius) {
      std::vector<std::uint32_t> boundaries;
      for (const BoundaryCounts& counts : counts_.boundaries) {
        boundaries.insert(boundaries.end(),
                          {counts.truth, counts.truth_matched, counts.predicted, counts.predicted_matched});
      }
      value.Set("boundaries", typed_copy<Napi::Uint32Array>(env, boundaries));
    }
    return value;
  }

 private:
  LabelMapCounts counts_;
};

// labelMapsCompare(truth, predicted, { width, height, classes, radius }, operation?): Promise<{ confusion, boundaries
// }>. The maps are copied before the call returns.
Napi::Value label_maps_compare(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<LabelMapsCompare>();
  operation->truth = copied_bytes_of(info[0]);
  operation->predicted = copied_bytes_of(info[1]);
  auto spec = info[2].As<Napi::Object>();
  operation->maps.width = spec.Get("width").As<Napi::Number>().Int64Value();
  operation->maps.height = spec.Get("height").As<Napi::Number>().Int64Value();
  operation->maps.classes = spec.Get("classes").As<Napi::Number>().Int64Value();
  const Napi::Value radius = spec.Get("radius");
  if (!radius.IsUndefined()) operation->radius = radius.As<Napi::Number>().Int64Value();
  operation->cancel = cancel_token_of(info[3]);
  return environment.launch(environment.vision(), std::move(operation));
}

}  // namespace

void register_segmentation_metrics(Napi::Env env, Napi::Object exports) {
  exports.Set("labelMapsCompare", Napi::Function::New(env, label_maps_compare));
}

}  // namespace foveate
