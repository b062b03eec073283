// Metrics of tracking, for JavaScript: one sequence a call.
#include <optional>

#include "metrics/tracking.h"
#include "napi/environment.h"
#include "napi/float_tensor.h"
#include "napi/metrics.h"

namespace foveate {
namespace {

// The rows of one side, copied.
struct HeldObjects {
  HeldBytes frames;
  HeldBytes ids;
  HeldBytes boxes;
  std::optional<HeldBytes> confidences;
  std::optional<HeldBytes> classes;

  // { frames, ids, boxes, confidences?, classes? }. A TypeError where the arrays have not as many rows.
  static HeldObjects of(const Napi::Value& value) {
    auto object = value.As<Napi::Object>();
    const auto optional = [&](const char* name) -> std::optional<HeldBytes> {
      const Napi::Value array = object.Get(name);
      if (array.IsUndefined()) return std::nullopt;
      return copied_bytes_of(array);
    };
    HeldObjects held{copied_bytes_of(object.Get("frames")), copied_bytes_of(object.Get("ids")),
                     copied_bytes_of(object.Get("boxes")), optional("confidences"), optional("classes")};
    const std::size_t rows = held.frames.bytes / sizeof(std::int32_t);
    const bool fits = held.ids.bytes == rows * sizeof(std::int32_t) && held.boxes.bytes == rows * 4 * sizeof(double) &&
                      (!held.confidences || held.confidences->bytes == rows * sizeof(double)) &&
                      (!held.classes || held.classes->bytes == rows * sizeof(std::int32_t));
    if (!fits) throw Napi::TypeError::New(value.Env(), "Expected arrays of equally many rows");
    return held;
  }

  TrackedObjects view() const {
    TrackedObjects objects{view_of<std::int32_t>(frames), view_of<std::int32_t>(ids), view_of<double>(boxes)};
    if (confidences) objects.confidences = view_of<double>(*confidences);
    if (classes) objects.classes = view_of<std::int32_t>(*classes);
    return objects;
  }

 private:
  template <typename T>
  static std::span<const T> view_of(const HeldBytes& bytes) {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.bytes / sizeof(T)};
  }
};

class TrackingMeasure final : public Operation {
 public:
  HeldObjects truth;
  HeldObjects found;
  TrackingBenchmark benchmark = TrackingBenchmark::kNone;
  TrackingRules rules = TrackingRules::kTrackEval;

  Status execute(std::size_t) override {
    auto measured = measure_tracking(truth.view(), found.view(), benchmark, rules, cancel.get());
    if (!measured.ok()) return measured.take_status();
    parts_ = std::move(measured).value();
    truth = {};
    found = {};
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    auto value = Napi::Object::New(env);
    const auto set = [](Napi::Object& object, const char* name, std::int64_t count) {
      object.Set(name, static_cast<double>(count));
    };
    set(value, "truthBoxes", parts_.truth_boxes);
    set(value, "foundBoxes", parts_.found_boxes);
    set(value, "truthTracks", parts_.truth_tracks);
    set(value, "foundTracks", parts_.found_tracks);
    auto clear = Napi::Object::New(env);
    set(clear, "truePositives", parts_.clear.true_positives);
    set(clear, "falseNegatives", parts_.clear.false_negatives);
    set(clear, "falsePositives", parts_.clear.false_positives);
    set(clear, "switches", parts_.clear.switches);
    set(clear, "fragmentations", parts_.clear.fragmentations);
    set(clear, "mostlyTracked", parts_.clear.mostly_tracked);
    set(clear, "partlyTracked", parts_.clear.partly_tracked);
    set(clear, "mostlyLost", parts_.clear.mostly_lost);
    clear.Set("iouSum", parts_.clear.iou_sum);
    value.Set("clear", clear);
    auto identity = Napi::Object::New(env);
    set(identity, "truePositives", parts_.identity.true_positives);
    set(identity, "falseNegatives", parts_.identity.false_negatives);
    set(identity, "falsePositives", parts_.identity.false_positives);
    value.Set("identity", identity);
    value.Set("hota", hota_value(env));
    return value;
  }

 private:
  Napi::Object hota_value(Napi::Env env) const {
    auto value = Napi::Object::New(env);
    const auto set = [&](const char* name, const auto& numbers) {
      value.Set(name, typed_copy<Napi::Float64Array>(env, std::vector<double>(numbers.begin(), numbers.end())));
    };
    set("truePositives", parts_.hota.true_positives);
    set("falseNegatives", parts_.hota.false_negatives);
    set("falsePositives", parts_.hota.false_positives);
    set("association", parts_.hota.association);
    set("associationRecall", parts_.hota.association_recall);
    set("associationPrecision", parts_.hota.association_precision);
    set("localisation", parts_.hota.localisation);
    return value;
  }

  TrackingParts parts_;
};

// trackingMeasure(truth, found, { benchmark, rules }, operation?): Promise<NativeTrackingParts>. The arrays are copied
// before the call returns.
Napi::Value tracking_measure(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<TrackingMeasure>();
  operation->truth = HeldObjects::of(info[0]);
  operation->found = HeldObjects::of(info[1]);
  auto options = info[2].As<Napi::Object>();
  operation->benchmark = enum_of<TrackingBenchmark>(
      options.Get("benchmark"),
      {{"none", TrackingBenchmark::kNone}, {"mot17", TrackingBenchmark::kMot17}, {"mot20", TrackingBenchmark::kMot20}});
  operation->rules = enum_of<TrackingRules>(options.Get("rules"), {{"trackeval", TrackingRules::kTrackEval},
                                                                   {"py-motmetrics", TrackingRules::kPyMotmetrics}});
  if (operation->benchmark != TrackingBenchmark::kNone && !operation->truth.classes) {
    throw Napi::TypeError::New(info.Env(), "Expected classes of truth");
  }
  operation->cancel = cancel_token_of(info[3]);
  return environment.launch(environment.vision(), std::move(operation));
}

}  // namespace

void register_metrics_tracking(Napi::Env env, Napi::Object exports) {
  exports.Set("trackingMeasure", Napi::Function::New(env, tracking_measure));
}

}  // namespace foveate
