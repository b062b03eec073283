// Exceptions as statuses, where a call reaches the core.
#pragma once

#include <exception>
#include <new>
#include <string>

#include "core/status.h"

namespace foveate {

// What `call` gives, a Status or a Result; OUT_OF_MEMORY where it throws for want of memory of the host.
template <typename Call>
auto no_throw(Call call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return Status(error_code::kOutOfMemory, "There is no memory left for the operation");
  } catch (const std::exception& error) {
    return Status(error_code::kInternal, error.what());
  }
}

}  // namespace foveate
