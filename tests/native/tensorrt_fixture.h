// The real TensorRT-RTX, for the suites that need one. FOVEATE_TENSORRT_PATH names the folder of its libraries; without
// it they are skipped, and counted, or fail where FOVEATE_REQUIRE_RTX=1. It builds engines on a machine without a GPU.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "contract/contract.h"
#include "runtime/tensorrt/engine_builder.h"
#include "runtime/tensorrt/library.h"

namespace foveate::tensorrt {

inline std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

inline std::filesystem::path real_path() {
  return std::filesystem::path(variable("FOVEATE_TENSORRT_PATH")) / "libtensorrt_rtx.so.1";
}
inline std::filesystem::path real_parser_path() {
  return std::filesystem::path(variable("FOVEATE_TENSORRT_PATH")) / "libtensorrt_onnxparser_rtx.so.1";
}

class TensorRtTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (variable("FOVEATE_TENSORRT_PATH").empty()) {
      constexpr const char* kMissing = "FOVEATE_TENSORRT_PATH does not name the folder of TensorRT-RTX's libraries";
      if (variable("FOVEATE_REQUIRE_RTX") == "1") FAIL() << kMissing;
      GTEST_SKIP() << kMissing;
    }
    auto opened = open_library(real_path(), real_parser_path());
    ASSERT_TRUE(opened.ok()) << opened.status().error().message;
    library_ = std::move(opened).value();
  }

  // A failure of the test, and nothing, where it is refused.
  BuiltEngine build(const EngineSpec& spec, const BuildListener& listener = {}, CancelToken* cancel = nullptr) {
    auto built = build_engine(*library_, spec, listener, cancel);
    if (built.ok()) return std::move(built).value();
    ADD_FAILURE() << built.status().error().code << ": " << built.status().error().message;
    return {};
  }

  std::shared_ptr<const Library> library_;
};

using Bytes = std::vector<std::byte>;

inline Bytes example_model(const std::string& name) {
  return contract::read_bytes(std::filesystem::path(FOVEATE_EXAMPLE_MODELS) / (name + ".onnx"));
}

// A build for one kind of GPU, of the model's own shapes. `model` must outlive it.
inline EngineSpec spec_of(const Bytes& model) {
  EngineSpec spec;
  spec.model = model;
  spec.network_name = "test";
  spec.compute_capabilities = {86};
  return spec;
}

// The same for a model of the examples, whose batch is free.
inline EngineSpec spec_of(const Bytes& model, std::int64_t side) {
  EngineSpec spec = spec_of(model);
  spec.profiles = {{{"images", {1, 3, side, side}, {2, 3, side, side}, {4, 3, side, side}}}};
  return spec;
}

inline std::string_view text_of(const BlockPtr& block) {
  return block ? std::string_view(reinterpret_cast<const char*>(block->data()), block->bytes()) : std::string_view();
}

// The builder numbers values of its own in an order that varies from build to build, and their names are in the engine:
// "__mye712". Where a number has more digits, all that follows is moved.
inline bool same_but_for_names(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return std::max(a.size(), b.size()) - std::min(a.size(), b.size()) < 256;
  std::size_t differences = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) continue;
    if (std::isdigit(static_cast<unsigned char>(a[i])) == 0 || std::isdigit(static_cast<unsigned char>(b[i])) == 0)
      return false;
    ++differences;
  }
  return differences < 1000;
}

// The error of a build, which must have the code, the texts in its message, and more than them: a reason.
inline void expect_refused(Result<BuiltEngine> built, std::string_view code, const std::vector<std::string>& texts) {
  ASSERT_FALSE(built.ok()) << "expected " << code;
  const Error& error = built.status().error();
  EXPECT_EQ(error.code, code) << error.message;
  for (const auto& text : texts) EXPECT_NE(error.message.find(text), std::string::npos) << error.message;
}

}  // namespace foveate::tensorrt
