// Log lines of vendor libraries, on their way to JavaScript.
#pragma once

#include "napi/napi_setup.h"

namespace foveate {

void register_log(Napi::Env env, Napi::Object exports);

}  // namespace foveate
