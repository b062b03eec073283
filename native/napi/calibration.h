// Observing activations and choosing how they and weights become eight bits, for JavaScript.
#pragma once

#include <memory>
#include <mutex>

#include "calibration/input_products.h"
#include "calibration/tensor_observer.h"
#include "napi/handles.h"
#include "napi/napi_setup.h"

namespace foveate {

// What JavaScript holds. `observer` is null from observerRelease on; runs in flight hold it longer.
struct ObserverHandle {
  std::shared_ptr<TensorObserver> observer;
};

FOVEATE_HANDLE(ObserverHandle, "observer", 0x5c1d2b7e9f304a86ULL, 0xa8e4c6d17b93f025ULL);

// Sums that one lane at a time adds to, or rounds by.
struct SharedProducts {
  explicit SharedProducts(const LayerInput& input) : products(input) {}

  std::mutex mutex;
  InputProducts products;
};

// What JavaScript holds. `products` is null from productsRelease on; operations in flight hold it longer.
struct ProductsHandle {
  std::shared_ptr<SharedProducts> products;
};

FOVEATE_HANDLE(ProductsHandle, "products", 0x7d30b94c1ea652f8ULL, 0xc19f4e7025d8a36bULL);

// Copied from JavaScript's object of the same names.
TensorStatistics tensor_statistics_of(const Napi::Value& value);

// Observers.
void register_calibration(Napi::Env env, Napi::Object exports);
// Ranges, weights, differences.
void register_precision(Napi::Env env, Napi::Object exports);
// Products of inputs, and weights rounded by them.
void register_rounding(Napi::Env env, Napi::Object exports);

}  // namespace foveate
