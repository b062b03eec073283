// Observing activations and choosing how they and weights become eight bits, for JavaScript.
#pragma once

#include <memory>

#include "calibration/tensor_observer.h"
#include "napi/handles.h"
#include "napi/napi_setup.h"

namespace foveate {

// What JavaScript holds. `observer` is null from observerRelease on; runs in flight hold it longer.
struct ObserverHandle {
  std::shared_ptr<TensorObserver> observer;
};

FOVEATE_HANDLE(ObserverHandle, "observer", 0x5c1d2b7e9f304a86ULL, 0xa8e4c6d17b93f025ULL);

// Copied from JavaScript's object of the same names.
TensorStatistics tensor_statistics_of(const Napi::Value& value);

// Observers.
void register_calibration(Napi::Env env, Napi::Object exports);
// Ranges, weights, differences.
void register_precision(Napi::Env env, Napi::Object exports);

}  // namespace foveate
