// Entry point of the addon: one Environment per JavaScript environment, and flat functions, noun first.
#include "napi/calibration.h"
#include "napi/device_tensor.h"
#include "napi/environment.h"
#include "napi/gpu.h"
#include "napi/lease.h"
#include "napi/log.h"
#include "napi/metrics.h"
#include "napi/metrics_segmentation.h"
#include "napi/session.h"
#include "napi/tensorrt.h"
#include "napi/vision.h"

namespace {

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new foveate::Environment(env));
  foveate::register_environment(env, exports);
  foveate::register_memory(env, exports);
  foveate::register_log(env, exports);
  foveate::register_runtime(env, exports);
  foveate::register_tensorrt(env, exports);
  foveate::register_session(env, exports);
  foveate::register_session_run(env, exports);
  foveate::register_device_tensor(env, exports);
  foveate::register_gpu(env, exports);
  foveate::register_vision(env, exports);
  foveate::register_detections(env, exports);
  foveate::register_results(env, exports);
  foveate::register_draw(env, exports);
  foveate::register_segmentation_metrics(env, exports);
  foveate::register_metrics_tracking(env, exports);
  foveate::register_metrics(env, exports);
  foveate::register_calibration(env, exports);
  foveate::register_precision(env, exports);
  foveate::register_rounding(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(foveate, initialize)
