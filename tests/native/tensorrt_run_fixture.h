// Engines of a stand-in, on the devices of the stand-in driver.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "native/standin_tensorrt.h"

namespace foveate::tensorrt {

using contract::expect_error;
using contract::fixture;
using contract::floats;
using contract::HostTensor;
using contract::values_of;

class TensorRtRun : public cuda::CudaTest, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    CudaTest::SetUp();
    if (!std::filesystem::exists(standin_path(GetParam())))
      GTEST_SKIP() << "NVIDIA's headers, from which the stand-in derives, are not here";
    auto opened = Standin::open(GetParam());
    ASSERT_TRUE(opened.ok()) << opened.status().error().message;
    standin_ = std::make_unique<Standin>(std::move(opened).value());
    standin_->configure("clear");
  }

  void TearDown() override {
    if (standin_ != nullptr) {
      standin_->configure("clear");
      for (const char* const kind : {"builders", "networks", "configs", "parsers", "memories", "runtimes", "engines",
                                     "contexts", "inspectors", "refitters"})
        EXPECT_EQ(standin_->count(kind), 0) << kind;
    }
    CudaTest::TearDown();
  }

  Bytes engine_of(const std::string& model, std::vector<std::vector<InputRange>> profiles = {}, bool refit = false) {
    auto built = standin_->build(fixture(model + ".onnx"), std::move(profiles), refit);
    EXPECT_TRUE(built.ok()) << built.status().error().message;
    return built.ok() ? std::move(built).value() : Bytes();
  }

  std::shared_ptr<Model> open(const Bytes& engine, const ModelOptions& options = {}) {
    auto opened = standin_->runtime()->open(std::span<const std::byte>(engine), options);
    EXPECT_TRUE(opened.ok()) << opened.status().error().message;
    return opened.ok() ? std::move(opened).value() : nullptr;
  }

  Status refusal(const Bytes& engine) {
    auto opened = standin_->runtime()->open(std::span<const std::byte>(engine), {});
    EXPECT_FALSE(opened.ok());
    return opened.ok() ? Status() : opened.take_status();
  }

  static std::unique_ptr<Context> lane_of(const std::shared_ptr<Model>& model) {
    auto made = model->create_context();
    EXPECT_TRUE(made.ok()) << made.status().error().message;
    return made.ok() ? std::move(made).value() : nullptr;
  }

  // Of the model "dynamic": images [batch, ?, 4] times weights [4, 3] plus the bias; of ones.
  static std::vector<float> scores_of_ones(std::int64_t batch) {
    std::vector<float> scores;
    for (std::int64_t i = 0; i < batch; ++i) scores.insert(scores.end(), {3.25f, 4.75f, 6.25f});
    return scores;
  }
  static HostTensor ones(std::int64_t batch) {
    return floats({batch, 1, 4}, std::vector<float>(static_cast<std::size_t>(batch) * 4, 1.0f));
  }
  static std::vector<InputRange> batches(std::int64_t min, std::int64_t opt, std::int64_t max) {
    return {{"images", {min, 1, 4}, {opt, 1, 4}, {max, 1, 4}}};
  }

  std::unique_ptr<Standin> standin_;
};

}  // namespace foveate::tensorrt
