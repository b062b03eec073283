#include "driver.h"

#include <dlfcn.h>

#include <type_traits>

namespace foveate::standin {

const Driver* Driver::get() {
  static const Driver* const driver = []() -> const Driver* {
    void* const library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return nullptr;
    auto* const made = new Driver;
    const auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
      return function != nullptr;
    };
    const bool whole = find(made->allocate, "cuMemAlloc_v2") && find(made->free, "cuMemFree_v2") &&
                       find(made->create_event, "cuEventCreate") && find(made->destroy_event, "cuEventDestroy_v2") &&
                       find(made->record, "cuEventRecord") && find(made->synchronize, "cuEventSynchronize") &&
                       find(made->launch, "cuLaunchHostFunc") && find(made->view, "standin_device_view") &&
                       find(made->lose, "standin_lose") && find(made->ordinal, "standin_current_device");
    return whole ? made : nullptr;
  }();
  return driver;
}

DeviceMemory::DeviceMemory(std::size_t bytes) {
  const Driver* const driver = Driver::get();
  if (driver == nullptr || driver->allocate(&pointer_, bytes) != cuda::result::kSuccess) pointer_ = 0;
}

DeviceMemory::~DeviceMemory() {
  if (pointer_ != 0) Driver::get()->free(pointer_);
}

}  // namespace foveate::standin
