// What is known of this machine's GPUs.
#pragma once

#include "napi/napi_setup.h"

namespace foveate {

void register_gpu(Napi::Env env, Napi::Object exports);

}  // namespace foveate
