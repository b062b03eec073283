#include "napi/calibration.h"

#include "napi/arguments.h"
#include "napi/environment.h"
#include "napi/float_tensor.h"
#include "napi/session.h"
#include "napi/tensor_arguments.h"

namespace foveate {
namespace {

template <typename T>
std::vector<T> numbers_of(const Napi::Value& value, napi_typedarray_type type) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
    throw Napi::TypeError::New(value.Env(), "Expected a typed array of another type");
  }
  const auto bytes = bytes_of(value);
  std::vector<T> numbers(bytes.size() / sizeof(T));
  if (!numbers.empty()) std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

Napi::Value statistics_value(Napi::Env env, const TensorStatistics& statistics, const std::string& name) {
  auto value = Napi::Object::New(env);
  value.Set("name", name);
  value.Set("count", static_cast<double>(statistics.count));
  value.Set("nonFinite", static_cast<double>(statistics.non_finite));
  value.Set("min", statistics.min);
  value.Set("max", statistics.max);
  auto pictures = Napi::Object::New(env);
  pictures.Set("min", typed_copy<Napi::Float32Array>(env, statistics.picture_min));
  pictures.Set("max", typed_copy<Napi::Float32Array>(env, statistics.picture_max));
  value.Set("pictures", pictures);
  auto histogram = Napi::Object::New(env);
  histogram.Set("exponent", statistics.exponent);
  histogram.Set("first", statistics.first);
  histogram.Set("counts", typed_copy<Napi::Float64Array>(env, statistics.counts));
  value.Set("histogram", histogram);
  if (statistics.channel_min.empty()) return value;
  auto channels = Napi::Object::New(env);
  channels.Set("min", typed_copy<Napi::Float32Array>(env, statistics.channel_min));
  channels.Set("max", typed_copy<Napi::Float32Array>(env, statistics.channel_max));
  channels.Set("mean", typed_copy<Napi::Float64Array>(env, statistics.channel_mean));
  channels.Set("meanSquare", typed_copy<Napi::Float64Array>(env, statistics.channel_mean_square));
  value.Set("channels", channels);
  return value;
}

std::shared_ptr<TensorObserver> observer_of(const Napi::Value& handle) {
  auto observer = unwrap_handle<ObserverHandle>(handle)->observer;
  if (!observer) throw_status(handle.Env(), Status(error_code::kDisposed, "The observer was disposed before the call"));
  return observer;
}

// observerCreate(tensors: { name, channelAxis? }[]): ObserverHandle
Napi::Value observer_create(const Napi::CallbackInfo& info) {
  auto observer = std::make_shared<TensorObserver>();
  auto tensors = info[0].As<Napi::Array>();
  for (std::uint32_t i = 0; i < tensors.Length(); ++i) {
    auto tensor = tensors.Get(i).As<Napi::Object>();
    const Napi::Value axis = tensor.Get("channelAxis");
    observer->add_tensor(
        string_of(tensor.Get("name")),
        axis.IsUndefined() ? std::nullopt : std::optional<std::size_t>(axis.As<Napi::Number>().Uint32Value()));
  }
  return wrap_handle(info.Env(), std::make_shared<ObserverHandle>(ObserverHandle{std::move(observer)}));
}

void observer_release(const Napi::CallbackInfo& info) { unwrap_handle<ObserverHandle>(info[0])->observer.reset(); }

class ObserverAdd final : public Operation {
 public:
  std::shared_ptr<TensorObserver> observer;
  std::vector<TensorStatistics> statistics;  // of each of its tensors

  Status execute(std::size_t) override {
    FOVEATE_RETURN_IF_ERROR(observer->merge(statistics));
    observer.reset();
    return {};
  }

  Napi::Value result(Napi::Env env) override { return env.Undefined(); }
};

// observerAdd(observer, statistics of each of its tensors): Promise<void>
Napi::Value observer_add(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<ObserverAdd>();
  operation->observer = observer_of(info[0]);
  auto statistics = info[1].As<Napi::Array>();
  if (statistics.Length() != operation->observer->tensors().size()) {
    throw Napi::RangeError::New(info.Env(), "Expected statistics of every tensor");
  }
  for (std::uint32_t i = 0; i < statistics.Length(); ++i) {
    operation->statistics.push_back(tensor_statistics_of(statistics.Get(i)));
  }
  return environment.launch(environment.vision(), std::move(operation));
}

class ObserverStatistics final : public Operation {
 public:
  std::shared_ptr<TensorObserver> observer;

  Status execute(std::size_t) override {
    for (const ObservedTensor& tensor : observer->tensors()) {
      if (cancel && cancel->cancelled()) return aborted();
      statistics_.push_back(tensor.statistics());
    }
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    auto array = Napi::Array::New(env, statistics_.size());
    for (std::uint32_t i = 0; i < statistics_.size(); ++i) {
      array.Set(i, statistics_value(env, statistics_[i], observer->tensors()[i].name()));
    }
    return array;
  }

 private:
  std::vector<TensorStatistics> statistics_;
};

// observerStatistics(observer, operation?): Promise<statistics of each tensor>
Napi::Value observer_statistics(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<ObserverStatistics>();
  operation->observer = observer_of(info[0]);
  operation->cancel = cancel_token_of(info[1]);
  return environment.launch(environment.vision(), std::move(operation));
}

class SessionObserve final : public Operation {
 public:
  std::shared_ptr<SessionLanes> lanes;
  std::shared_ptr<TensorObserver> observer;
  std::vector<OwnedTensor> inputs;
  std::vector<RunRequest::Output> outputs;
  std::vector<ObservedTensor*> tensors;  // of each output
  std::uint32_t picture = 0;
  std::size_t copied_bytes = 0;

  Status execute(std::size_t lane) override {
    queued_ = std::chrono::steady_clock::now() - submitted_;
    std::vector<TensorView> views;
    for (const auto& input : inputs) views.push_back(input.view());
    RunResult result;
    FOVEATE_RETURN_IF_ERROR(lanes->run(lane, {views, outputs, cancel.get(), std::nullopt}, result));
    compute_ = result.compute;
    copied_bytes += result.copied_bytes;
    inputs.clear();
    lanes.reset();
    if (cancel && cancel->cancelled()) return aborted();
    // From here on to the end: a picture counts in all tensors or in none.
    const auto begin = std::chrono::steady_clock::now();
    std::vector<ObservedOutput> observed;
    for (std::size_t i = 0; i < result.outputs.size(); ++i) {
      const OwnedTensor& output = result.outputs[i];
      observed.push_back({tensors[i], output.dtype, output.dims, output.bytes == 0 ? nullptr : output.data()});
    }
    FOVEATE_RETURN_IF_ERROR(TensorObserver::add(picture, observed));
    observer.reset();
    observed_ = std::chrono::steady_clock::now() - begin;
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    const auto ms = [](std::chrono::nanoseconds time) {
      return std::chrono::duration<double, std::milli>(time).count();
    };
    auto value = Napi::Object::New(env);
    value.Set("copiedBytes", static_cast<double>(copied_bytes));
    value.Set("queueMs", ms(queued_));
    value.Set("computeMs", ms(compute_));
    value.Set("observeMs", ms(observed_));
    return value;
  }

 private:
  const std::chrono::steady_clock::time_point submitted_ = std::chrono::steady_clock::now();
  std::chrono::nanoseconds queued_{0};
  std::chrono::nanoseconds compute_{0};
  std::chrono::nanoseconds observed_{0};
};

// sessionObserve(session, inputs, observer, picture, operation?): Promise<{ copiedBytes, queueMs, computeMs, observeMs
// }>. Runs the model; its outputs go to the observer's tensors of the same names.
Napi::Value session_observe(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto session = session_of(info[0]);
  auto operation = std::make_unique<SessionObserve>();
  operation->lanes = session->lanes();
  operation->inputs = inputs_of(info[1], *session, operation->copied_bytes);
  operation->observer = observer_of(info[2]);
  operation->picture = info[3].As<Napi::Number>().Uint32Value();
  const auto& outputs = session->info().outputs;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    ObservedTensor* tensor = operation->observer->find(outputs[i].name);
    if (tensor == nullptr) continue;
    operation->outputs.push_back({i, std::nullopt});
    operation->tensors.push_back(tensor);
  }
  operation->cancel = cancel_token_of(info[4]);
  return environment.launch(session->executor(), std::move(operation));
}

}  // namespace

TensorStatistics tensor_statistics_of(const Napi::Value& value) {
  auto object = value.As<Napi::Object>();
  TensorStatistics statistics;
  statistics.count = static_cast<std::uint64_t>(object.Get("count").As<Napi::Number>().Int64Value());
  statistics.non_finite = static_cast<std::uint64_t>(object.Get("nonFinite").As<Napi::Number>().Int64Value());
  statistics.min = object.Get("min").As<Napi::Number>().FloatValue();
  statistics.max = object.Get("max").As<Napi::Number>().FloatValue();
  auto pictures = object.Get("pictures").As<Napi::Object>();
  statistics.picture_min = numbers_of<float>(pictures.Get("min"), napi_float32_array);
  statistics.picture_max = numbers_of<float>(pictures.Get("max"), napi_float32_array);
  auto histogram = object.Get("histogram").As<Napi::Object>();
  statistics.exponent = histogram.Get("exponent").As<Napi::Number>().Int32Value();
  statistics.first = histogram.Get("first").As<Napi::Number>().Int32Value();
  statistics.counts = numbers_of<double>(histogram.Get("counts"), napi_float64_array);
  if (const Napi::Value given = object.Get("channels"); !given.IsUndefined()) {
    auto channels = given.As<Napi::Object>();
    statistics.channel_min = numbers_of<float>(channels.Get("min"), napi_float32_array);
    statistics.channel_max = numbers_of<float>(channels.Get("max"), napi_float32_array);
    statistics.channel_mean = numbers_of<double>(channels.Get("mean"), napi_float64_array);
    statistics.channel_mean_square = numbers_of<double>(channels.Get("meanSquare"), napi_float64_array);
  }
  return statistics;
}

void register_calibration(Napi::Env env, Napi::Object exports) {
  exports.Set("observerCreate", Napi::Function::New(env, observer_create));
  exports.Set("observerRelease", Napi::Function::New(env, observer_release));
  exports.Set("observerAdd", Napi::Function::New(env, observer_add));
  exports.Set("observerStatistics", Napi::Function::New(env, observer_statistics));
  exports.Set("sessionObserve", Napi::Function::New(env, session_observe));
}

}  // namespace foveate
