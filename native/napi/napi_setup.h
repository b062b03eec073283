// The only place that includes napi.h.
#pragma once

// A throw while the environment is being torn down has nobody to catch it.
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#include <napi.h>
