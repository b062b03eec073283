// Errors are values inside the core. They become JavaScript errors once, in native/napi.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "core/error_codes.generated.h"

namespace foveate {

struct Error {
  std::string_view code;  // one of error_code::*, static storage
  std::string message;    // what failed, what was expected, what was received
  std::string hint;       // what to do; may be empty
};

// Success, or one Error. One pointer wide: success costs nothing.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(std::string_view code, std::string message, std::string hint = {})
      : error_(std::make_unique<Error>(Error{code, std::move(message), std::move(hint)})) {}

  bool ok() const { return error_ == nullptr; }
  const Error& error() const { return *error_; }
  Error& error() { return *error_; }

 private:
  std::unique_ptr<Error> error_;
};

// What a cancelled operation ends with.
inline Status aborted() { return {error_code::kAborted, "The operation was aborted"}; }

// A T, or the Error that kept it from being made.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Status status) : state_(std::move(status)) {}

  bool ok() const { return std::holds_alternative<T>(state_); }
  T& value() & { return std::get<T>(state_); }
  const T& value() const& { return std::get<T>(state_); }
  T&& value() && { return std::get<T>(std::move(state_)); }
  Status& status() & { return std::get<Status>(state_); }
  Status take_status() { return std::get<Status>(std::move(state_)); }

 private:
  std::variant<T, Status> state_;
};

}  // namespace foveate

#define FOVEATE_RETURN_IF_ERROR(expression)                         \
  do {                                                              \
    if (auto status_ = (expression); !status_.ok()) return status_; \
  } while (false)
