// Numbers of merit, for JavaScript.
#pragma once

#include "napi/napi_setup.h"

namespace foveate {

void register_metrics_tracking(Napi::Env env, Napi::Object exports);
void register_metrics(Napi::Env env, Napi::Object exports);

}  // namespace foveate
