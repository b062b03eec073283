// Products of what layers read, and weights rounded by them.
#include <algorithm>
#include <cmath>
#include <mutex>

#include "calibration/weight_rounding.h"
#include "napi/arguments.h"
#include "napi/calibration.h"
#include "napi/environment.h"
#include "napi/float_tensor.h"
#include "napi/tensor_arguments.h"

namespace foveate {
namespace {

std::size_t size_of(const Napi::Object& object, const char* name) {
  return object.Get(name).As<Napi::Number>().Uint32Value();
}

KernelAxis kernel_axis_of(const Napi::Value& value) {
  auto object = value.As<Napi::Object>();
  return {size_of(object, "size"), size_of(object, "stride"), size_of(object, "dilation"), size_of(object, "begin"),
          size_of(object, "end")};
}

// More would take more memory than any machine has.
constexpr std::size_t kMostColumns = 65536;

// Steps are 16 bits while they are multiplied, and sums of their products 32.
bool fits(const LayerInput& input) {
  const auto is_step = [](std::int32_t step) { return -255 <= step && step <= 255; };
  const bool small = is_step(input.low) && is_step(input.zero_point) && is_step(input.high);
  const bool steps = small && input.low <= input.zero_point && input.zero_point <= input.high &&
                     input.zero_point - input.low <= 255 && input.high - input.zero_point <= 255;
  const auto moves = [](const KernelAxis& axis) { return axis.size > 0 && axis.stride > 0 && axis.dilation > 0; };
  if (!steps || !moves(input.axes[0]) || !moves(input.axes[1])) return false;
  if (!(input.scale > 0 && std::isfinite(input.scale))) return false;
  if (input.groups == 0 || input.channels == 0 || input.channels % input.groups != 0) return false;
  // Each factor by itself, so that none overflows.
  std::size_t columns = 1;
  for (const std::size_t factor : {input.channels / input.groups, input.axes[0].size, input.axes[1].size}) {
    if (factor > kMostColumns / columns) return false;
    columns *= factor;
  }
  return true;
}

std::shared_ptr<SharedProducts> products_of(const Napi::Value& handle) {
  auto products = unwrap_handle<ProductsHandle>(handle)->products;
  if (!products)
    throw_status(handle.Env(), Status(error_code::kDisposed, "The products were disposed before the call"));
  return products;
}

// productsCreate({ channels, groups, axes: [{ size, stride, dilation, begin, end }, ...], scale, zeroPoint, low, high
// })
//   : ProductsHandle
Napi::Value products_create(const Napi::CallbackInfo& info) {
  auto spec = info[0].As<Napi::Object>();
  LayerInput input;
  input.channels = size_of(spec, "channels");
  input.groups = size_of(spec, "groups");
  auto axes = spec.Get("axes").As<Napi::Array>();
  for (std::uint32_t i = 0; i < input.axes.size(); ++i) input.axes[i] = kernel_axis_of(axes.Get(i));
  input.scale = spec.Get("scale").As<Napi::Number>().FloatValue();
  input.zero_point = spec.Get("zeroPoint").As<Napi::Number>().Int32Value();
  input.low = spec.Get("low").As<Napi::Number>().Int32Value();
  input.high = spec.Get("high").As<Napi::Number>().Int32Value();
  if (!fits(input)) throw Napi::RangeError::New(info.Env(), "Expected a kernel, groups of channels, and eight bits");
  auto products = std::make_shared<SharedProducts>(input);
  return wrap_handle(info.Env(), std::make_shared<ProductsHandle>(ProductsHandle{std::move(products)}));
}

void products_release(const Napi::CallbackInfo& info) { unwrap_handle<ProductsHandle>(info[0])->products.reset(); }

class ProductsAdd final : public Operation {
 public:
  std::shared_ptr<SharedProducts> products;
  OwnedTensor tensor;
  std::uint32_t picture = 0;

  Status execute(std::size_t) override {
    const FloatElements elements{tensor.bytes == 0 ? nullptr : tensor.data(), tensor.bytes / dtype_bytes(tensor.dtype),
                                 tensor.dtype == DType::kFloat16};
    Status status;
    {
      const std::lock_guard lock(products->mutex);
      status = products->products.add(elements, tensor.dims, picture, cancel.get());
    }
    products.reset();
    tensor = {};
    return status;
  }

  Napi::Value result(Napi::Env env) override { return env.Undefined(); }
};

// productsAdd(products, tensor: { dtype, dims, data, lease? }, picture, operation?): Promise<void>
Napi::Value products_add(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<ProductsAdd>();
  operation->products = products_of(info[0]);
  std::size_t copied = 0;
  operation->tensor = tensor_of(info[1].As<Napi::Object>(), &copied);
  if (operation->tensor.dtype != DType::kFloat32 && operation->tensor.dtype != DType::kFloat16) {
    throw Napi::TypeError::New(info.Env(), "Expected float32 or float16");
  }
  operation->picture = info[2].As<Napi::Number>().Uint32Value();
  operation->cancel = cancel_token_of(info[3]);
  return environment.launch(environment.vision(), std::move(operation));
}

class WeightsRound final : public Operation {
 public:
  HeldBytes weights;
  HeldBytes scales;
  WeightsLayout layout;
  std::vector<std::shared_ptr<SharedProducts>> products;
  std::vector<double> squares;  // of the scale of each

  Status execute(std::size_t) override {
    // In an order that is the same for all: two that wait for each other's would wait for ever.
    std::vector<std::shared_ptr<SharedProducts>> ordered = products;
    std::sort(ordered.begin(), ordered.end());
    std::vector<std::unique_lock<std::mutex>> locks;
    for (const auto& one : ordered) locks.emplace_back(one->mutex);
    std::vector<RoundedInput> inputs;
    for (std::size_t i = 0; i < products.size(); ++i) inputs.push_back({&products[i]->products, squares[i]});
    const auto floats = [](const HeldBytes& held) {
      return std::span(reinterpret_cast<const float*>(held.data()), held.bytes / sizeof(float));
    };
    auto rounded = round_weights(floats(weights), layout, floats(scales), inputs, cancel.get());
    locks.clear();
    ordered.clear();
    products.clear();
    weights = {};
    scales = {};
    if (!rounded.ok()) return rounded.take_status();
    rounded_ = std::move(rounded).value();
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    if (rounded_.empty()) return env.Undefined();
    return typed_copy<Napi::Int8Array>(env, rounded_);
  }

 private:
  std::vector<std::int8_t> rounded_;
};

// weightsRound(data: Float32Array, { outputs, columns, outputStride, columnStride }, scales: Float32Array,
//   inputs: { products, square }[], operation?): Promise<Int8Array | undefined>
Napi::Value weights_round(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<WeightsRound>();
  operation->weights = copied_bytes_of(info[0]);
  auto layout = info[1].As<Napi::Object>();
  operation->layout = {size_of(layout, "outputs"), size_of(layout, "columns"), size_of(layout, "outputStride"),
                       size_of(layout, "columnStride")};
  operation->scales = copied_bytes_of(info[2]);
  const auto [outputs, columns, output_stride, column_stride] = operation->layout;
  const std::size_t count = operation->weights.bytes / sizeof(float);
  const bool is_matrix =
      (output_stride == columns && column_stride == 1) || (output_stride == 1 && column_stride == outputs);
  if (outputs == 0 || columns == 0 || !is_matrix || count / outputs != columns || count % outputs != 0 ||
      operation->scales.bytes / sizeof(float) != outputs) {
    throw Napi::RangeError::New(info.Env(), "Expected a matrix of weights, and a scale for each output");
  }
  std::size_t groups = 0;
  auto inputs = info[3].As<Napi::Array>();
  for (std::uint32_t i = 0; i < inputs.Length(); ++i) {
    auto input = inputs.Get(i).As<Napi::Object>();
    operation->products.push_back(products_of(input.Get("products")));
    operation->squares.push_back(input.Get("square").As<Napi::Number>().DoubleValue());
    const LayerInput& read = operation->products.back()->products.input();
    if (groups == 0) groups = read.groups;
    // The same twice would wait for itself.
    const auto& all = operation->products;
    const bool is_new = std::find(all.begin(), all.end() - 1, all.back()) == all.end() - 1;
    if (read.columns() != columns || read.groups != groups || outputs % groups != 0 || !is_new) {
      throw Napi::RangeError::New(info.Env(), "Expected products of what these weights are multiplied with, each once");
    }
  }
  operation->cancel = cancel_token_of(info[4]);
  // It takes seconds, which pictures should not wait for.
  return environment.launch(environment.loader(), std::move(operation));
}

}  // namespace

void register_rounding(Napi::Env env, Napi::Object exports) {
  exports.Set("productsCreate", Napi::Function::New(env, products_create));
  exports.Set("productsRelease", Napi::Function::New(env, products_release));
  exports.Set("productsAdd", Napi::Function::New(env, products_add));
  exports.Set("weightsRound", Napi::Function::New(env, weights_round));
}

}  // namespace foveate
