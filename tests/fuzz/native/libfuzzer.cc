// libFuzzer's entry point; FOVEATE_FUZZ_TARGET names the target. What the target throws ends the process.
#include <cstdint>

#include "targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  foveate::fuzz::FOVEATE_FUZZ_TARGET({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
