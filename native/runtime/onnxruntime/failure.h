// The library's status values as ours.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "core/status.h"
#include "runtime/onnxruntime/api_table.generated.h"

namespace foveate::onnxruntime {

// What the library says of a call that failed.
struct Failure {
  abi::ErrorCode code;
  std::string message;  // cleaned

  bool mentions(std::initializer_list<std::string_view> texts) const;
};

// Consumes the library's status; nullopt when the call succeeded.
std::optional<Failure> take_failure(const abi::ApiTable& api, abi::StatusHandle* status);

// OUT_OF_MEMORY when the library says so, else ENGINE_FAILED. `what` begins the message: "Running the model".
Status engine_status(const Failure& failure, std::string_view what);

// For calls that fail only when memory ran out or the library itself is at fault.
Status check(const abi::ApiTable& api, abi::StatusHandle* status, std::string_view what);

// The first line of a message, without the source positions and function signatures that the library's build wrote into
// it.
std::string clean_message(std::string_view message);

}  // namespace foveate::onnxruntime
