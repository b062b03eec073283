#include "runtime/cuda/functions.h"

#include <dlfcn.h>

#include <string>

namespace foveate::cuda {
namespace {

constexpr const char* kLibrary = "libcuda.so.1";
constexpr const char* kHint = "Install NVIDIA's driver, release 470 or newer; in a container, give it the GPUs.";

struct Opened {
  Functions functions;
  // Why there are none; an empty code where there are.
  Error error;
};

// "11.4"
std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

Error open(Functions& functions) {
  // Never closed: what it started cannot be taken back.
  void* const library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const reason = dlerror();
    const std::string text = reason == nullptr ? "" : reason;
    // The loader says "libcuda.so.1: cannot open shared object file: No such file or directory" where there is none.
    if (text.find("No such file") == std::string::npos || text.rfind(kLibrary, 0) != 0)
      return {error_code::kBackendInvalid, "the NVIDIA driver (libcuda.so.1) cannot be loaded: " + text, kHint};
    return {error_code::kBackendNotFound, "there is no NVIDIA driver (libcuda.so.1)", kHint};
  }
  const char* missing = nullptr;
#define FOVEATE_CUDA_FIND(name, parameters)                                            \
  functions.name = reinterpret_cast<decltype(Functions::name)>(dlsym(library, #name)); \
  if (functions.name == nullptr && missing == nullptr) missing = #name;
  FOVEATE_CUDA_FUNCTIONS(FOVEATE_CUDA_FIND)
#undef FOVEATE_CUDA_FIND
  int version = 0;
  if (functions.cuInit == nullptr || functions.cuDriverGetVersion == nullptr ||
      functions.cuDriverGetVersion(&version) != result::kSuccess)
    return {error_code::kBackendInvalid, "libcuda.so.1 is not NVIDIA's driver", kHint};
  if (version < kMinimumDriverVersion) {
    return {error_code::kBackendTooOld,
            "the NVIDIA driver is too old: it supports CUDA " + version_text(version) + ", expected at least CUDA " +
                version_text(kMinimumDriverVersion),
            kHint};
  }
  if (missing != nullptr)
    return {error_code::kBackendInvalid, std::string("the NVIDIA driver (libcuda.so.1) has no ") + missing, kHint};
  return {};
}

}  // namespace

Result<const Functions*> functions() {
  static const auto* const opened = [] {
    auto* const made = new Opened;
    made->error = open(made->functions);
    return made;
  }();
  if (opened->error.code.empty()) return &opened->functions;
  return Status(opened->error.code, opened->error.message, opened->error.hint);
}

}  // namespace foveate::cuda
