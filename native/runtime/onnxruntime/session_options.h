// ModelOptions as the library's session options.
#pragma once

#include <string>
#include <vector>

#include "core/status.h"
#include "runtime/onnxruntime/handles.h"
#include "runtime/onnxruntime/library.h"

namespace foveate::onnxruntime {

// Processors without VNNI add two products of eight bits in sixteen, which overflows where weights are signed, and
// nothing tells. With this entry the library makes weights unsigned there; on all other processors it changes nothing.
inline constexpr const char* kPreciseProducts = "session.x64quantprecision";

struct SessionOptions {
  Handle<abi::SessionOptions> handle;
  std::vector<std::string> providers;  // in the order in which the library will try them; the CPU's is always last
};

// `log_id` marks the lines that the session logs. `from_bytes`: the model has no folder in which external data could be
// looked for.
//
// BACKEND_UNAVAILABLE: a provider that the library has not, or that cannot be set up here. UNKNOWN_OPTION: an option
// that the provider has not. INVALID_ARGUMENT: a provider or configuration entry that cannot be used.
Result<SessionOptions> make_session_options(const Library& library, const ModelOptions& options,
                                            const std::string& log_id, bool from_bytes);

}  // namespace foveate::onnxruntime
