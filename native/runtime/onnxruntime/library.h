// ONNX Runtime, opened at run time through its C function table.
#pragma once

#include <filesystem>
#include <memory>

#include "core/status.h"
#include "runtime/onnxruntime/api_table.generated.h"
#include "runtime/runtime.h"

namespace foveate::onnxruntime {

// One opened library. Process-wide and never freed: threads of the library may still run while the process exits, and
// its environment must be there for them. Every member may be used from any thread.
struct Library {
  abi::ApiTable api;
  abi::Env* env = nullptr;
  abi::Allocator* allocator = nullptr;  // owned by the library
  abi::MemoryInfo* host_memory = nullptr;
  RuntimeInfo info;
};

// Opens the library at `path`, or gives the Runtime that was made when it was first opened. Blocks while the dynamic
// loader works (tens of milliseconds): not for the JavaScript thread.
//
// BACKEND_NOT_FOUND: no such file. BACKEND_INVALID: not a shared library, not for this processor, cannot be loaded, or
// not ONNX Runtime. BACKEND_TOO_OLD: it lacks the API version that abi::kNeededApiVersion names.
Result<std::shared_ptr<Runtime>> open_library(const std::filesystem::path& path);

// Some releases (1.30 does, 1.20 does not) write usage data below the home folder and send it over the network, from
// threads of their own, unless ORT_DISABLE_TELEMETRY tells them not to; they read it when their environment is made.
// Whoever set it before keeps his choice. `open_library` sees to it; an earlier call, on the JavaScript thread while
// nothing else runs, does not disturb others that read the process's environment.
void decline_telemetry();

}  // namespace foveate::onnxruntime
