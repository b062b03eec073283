// Interfaces of TensorRT that we implement. The order of virtual functions is the binary interface: see abi.h.
#pragma once

#include <cstdint>

namespace foveate::tensorrt::abi {

struct InterfaceInfo {
  const char* kind;
  std::int32_t major;
  std::int32_t minor;
};

// From TensorRT 11 and RTX 1.5 on every interface says what it is; IProgressMonitor does so since 10.0.
class VersionedInterface {
 public:
  virtual std::int32_t getAPILanguage() const noexcept { return 0; }  // C++
  virtual InterfaceInfo getInterfaceInfo() const noexcept = 0;
  virtual ~VersionedInterface() = default;
};

// Called on the thread that builds. `stepComplete` returns false to cancel.
class ProgressMonitor : public VersionedInterface {
 public:
  InterfaceInfo getInterfaceInfo() const noexcept final { return {"IProgressMonitor", 1, 0}; }
  virtual void phaseStart(const char* phase, const char* parent, std::int32_t steps) noexcept = 0;
  virtual bool stepComplete(const char* phase, std::int32_t step) noexcept = 0;
  virtual void phaseFinish(const char* phase) noexcept = 0;
};

}  // namespace foveate::tensorrt::abi
