// TensorRT: opening its libraries, building engines.
#pragma once

#include "napi/napi_setup.h"

namespace foveate {

void register_tensorrt(Napi::Env env, Napi::Object exports);

}  // namespace foveate
