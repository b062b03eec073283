#include "runtime/tensorrt/builder.h"

#include <string>
#include <utility>

namespace foveate::tensorrt {
namespace {

// A builder works on the first GPU.
Result<std::optional<cuda::DeviceUse>> builder_device() {
  const auto& gpus = cuda::machine().gpus;
  if (gpus.empty()) return std::optional<cuda::DeviceUse>();
  auto device = cuda::Device::open(gpus.front().ordinal);
  if (device.ok()) {
    auto use = cuda::DeviceUse::begin(std::move(device).value());
    if (!use.ok()) return use.take_status();
    return std::optional(std::move(use).value());
  }
  if (device.status().error().code == error_code::kDeviceLost) return device.take_status();
  return std::optional<cuda::DeviceUse>();
}

}  // namespace

std::optional<std::string> Library::build_obstacle() const {
  if (create_builder == nullptr) return "the lean runtime has no builder";
  if (create_parser == nullptr) return "its ONNX parser was not found";
  auto device = builder_device();
  if (!device.ok()) return device.status().error().message;
  LogScope log;
  const Owned<abi::Builder> builder(create_builder(logger_for(version.releases), version.number));
  if (builder) return std::nullopt;
  const std::string error = log.take_error();
  return error.empty() ? "it gives no builder" : error;
}

Result<UsedBuilder> create_builder(const Library& library, LogScope& log) {
  const std::string name = std::string(family_name(library.family)) + " " + version_text(library.version);
  if (library.create_builder == nullptr || library.create_parser == nullptr) {
    return Status(error_code::kBackendUnavailable, "The library " + name + " cannot build engines: it has no " +
                                                       (library.create_builder == nullptr ? "builder" : "ONNX parser"));
  }
  auto device = builder_device();
  if (!device.ok()) return device.take_status();
  Owned<abi::Builder> builder(library.create_builder(logger_for(library.version.releases), library.version.number));
  if (builder) return UsedBuilder{std::move(device).value(), std::move(builder)};
  const std::string reason = log.take_error();
  return Status(error_code::kBackendUnavailable,
                "The library " + name + " cannot build engines on this machine" + (reason.empty() ? "" : ": " + reason),
                "TensorRT builds on a machine with an NVIDIA GPU and driver; TensorRT-RTX builds without.");
}

}  // namespace foveate::tensorrt
