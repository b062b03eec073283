// Pictures, preprocessing, decoding of results and drawing, for JavaScript.
#pragma once

#include "napi/napi_setup.h"
#include "vision/preprocess.h"

namespace foveate {

PreprocessSpec preprocess_spec_of(const Napi::Object& value);
Placement placement_of(const Napi::Object& value);
Napi::Object placement_value(Napi::Env env, const Placement& placement);

void register_vision(Napi::Env env, Napi::Object exports);
void register_detections(Napi::Env env, Napi::Object exports);
void register_results(Napi::Env env, Napi::Object exports);
void register_draw(Napi::Env env, Napi::Object exports);

}  // namespace foveate
