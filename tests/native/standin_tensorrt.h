// The stand-ins of TensorRT, one for each layout, and engines that their builders make.
#pragma once

#include <dlfcn.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "contract/contract.h"
#include "native/cuda_fixture.h"
#include "runtime/model_file.h"
#include "runtime/onnxruntime/library.h"
#include "runtime/tensorrt/engine_builder.h"
#include "runtime/tensorrt/library.h"
#include "runtime/tensorrt/model.h"

namespace foveate::tensorrt {

using Bytes = std::vector<std::byte>;

// Those of TensorRT 11 and of RTX derive from NVIDIA's headers; those of TensorRT 8 and 10 have the layout of our own
// table.
inline constexpr const char* kLayouts[] = {"trt8", "trt10", "trt11", "rtx10", "rtx11"};

inline std::filesystem::path standin_path(const std::string& layout) {
  return std::filesystem::path(FOVEATE_STANDINS) / ("lib" + layout + ".so");
}

// A library, and what tests may tell it.
class Standin {
 public:
  // BACKEND_NOT_FOUND where the headers that it is built from are not at hand.
  static Result<Standin> open(const std::string& layout) {
    // Read once, when the driver starts: as the tests of the driver have it.
    static const bool configured =
        standin_configure(("devices=2,memory=" + std::to_string(cuda::kDeviceBytes)).c_str());
    EXPECT_TRUE(configured);
    const auto path = standin_path(layout);
    auto library = open_library(path, path);
    if (!library.ok()) return library.take_status();
    Standin made;
    made.library_ = std::move(library).value();
    void* const handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);  // stays open
    made.configure_ = reinterpret_cast<bool (*)(const char*)>(dlsym(handle, "standin_tensorrt_configure"));
    made.count_ = reinterpret_cast<std::int64_t (*)(const char*)>(dlsym(handle, "standin_tensorrt_count"));
    return made;
  }

  const Library& library() const { return *library_; }
  std::shared_ptr<Runtime> runtime() const { return make_runtime(library_); }
  void configure(const char* settings) const { EXPECT_TRUE(configure_(settings)) << settings; }
  std::int64_t count(const char* what) const { return count_(what); }

  // Of a model file; `profiles` empty: what is free may be anything up to 2048.
  Result<Bytes> build(const std::filesystem::path& path, std::vector<std::vector<InputRange>> profiles = {},
                      bool refit = false) const {
    FOVEATE_RETURN_IF_ERROR(check_model_file(path));
    const Bytes model = contract::read_bytes(path);
    EngineSpec spec;
    spec.model = model;
    spec.model_path = path;
    spec.network_name = "test";
    spec.profiles = std::move(profiles);
    if (spec.profiles.empty()) spec.profiles = wide_profiles(path);
    if (refit) spec.flags = {abi::BuilderFlag::kRefit};
    auto built = build_engine(*library_, spec, {}, nullptr);
    if (!built.ok()) return built.take_status();
    const Block& block = *built.value().engine;
    return Bytes(block.data(), block.data() + block.bytes());
  }

 private:
  std::vector<std::vector<InputRange>> wide_profiles(const std::filesystem::path& path) const {
    auto runtime = onnxruntime::open_library(std::getenv("FOVEATE_ONNXRUNTIME_PATH"));
    if (!runtime.ok()) return {};
    auto model = runtime.value()->open(path, {});
    if (!model.ok()) return {};  // the build tells why
    std::vector<InputRange> ranges;
    for (const TensorInfo& input : model.value()->info().inputs) {
      InputRange range{input.name, input.dims, input.dims, input.dims};
      for (std::size_t i = 0; i < input.dims.size(); ++i) {
        if (input.dims[i] != kDynamic) continue;
        range.min[i] = 0;
        range.opt[i] = 1;
        range.max[i] = 2048;
      }
      if (range.min != range.max) ranges.push_back(std::move(range));
    }
    if (ranges.empty()) return {};
    // TensorRT 8 wants one for each lane.
    const std::size_t lanes = library_->version.releases == abi::Releases::kTrt8 ? 4 : 1;
    return std::vector(lanes, ranges);
  }

  std::shared_ptr<const Library> library_;
  bool (*configure_)(const char*) = nullptr;
  std::int64_t (*count_)(const char*) = nullptr;
};

}  // namespace foveate::tensorrt
