// A device over the stand-in driver, for tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "runtime/cuda/device.h"
#include "runtime/cuda/graph.h"
#include "runtime/cuda/memory.h"
#include "runtime/cuda/stream.h"
#include "standin/cuda/standin.h"

namespace foveate::cuda {

inline constexpr std::size_t kMiB = std::size_t{1} << 20;
inline constexpr std::size_t kDeviceBytes = 64 * kMiB;
inline constexpr std::byte kFresh{0xcd};  // what memory holds that nobody wrote

// The code of what failed; "" where nothing did.
inline std::string code_of(const Status& status) { return status.ok() ? "" : std::string(status.error().code); }
template <typename T>
std::string code_of(const Result<T>& result) {
  return result.ok() ? "" : std::string(const_cast<Result<T>&>(result).status().error().code);
}

// Two GPUs of 64 MiB, which work; nothing lives on them before a test, and nothing may after it.
class CudaTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    static const bool configured =
        standin_configure(("devices=2,memory=" + std::to_string(kDeviceBytes)).c_str());  // read once, at the start
    ASSERT_TRUE(configured);
  }

  void SetUp() override {
    configure("clear");
    device_ = open(0);
    ASSERT_NE(device_, nullptr);
  }

  void TearDown() override {
    configure("clear");
    if (!device_) return;
    for (const int ordinal : {0, 1}) standin_pause(ordinal, false);
    for (const int ordinal : {0, 1}) {
      const auto device = open(ordinal);  // recovers it
      ASSERT_NE(device, nullptr);
      device->device_pool().trim();
      device->pinned_pool().trim();
      const DeviceStatistics statistics = device->statistics();
      EXPECT_EQ(statistics.device.live_bytes, 0u);
      EXPECT_EQ(statistics.pinned.live_bytes, 0u);
    }
    for (const char* const kind :
         {"streams", "events", "graphs", "executables", "allocations", "pinned", "registrations"})
      EXPECT_EQ(standin_count(kind), 0) << kind;
  }

  static void configure(const std::string& settings) { ASSERT_TRUE(standin_configure(settings.c_str())) << settings; }

  static std::shared_ptr<Device> open(int ordinal) {
    auto opened = Device::open(ordinal);
    EXPECT_TRUE(opened.ok()) << opened.status().error().message;
    return opened.ok() ? std::move(opened).value() : nullptr;
  }

  template <typename T>
  static T made(Result<T> result) {
    EXPECT_TRUE(result.ok()) << result.status().error().message;
    return std::move(result).value();
  }

  static void ok(const Status& status) { EXPECT_TRUE(status.ok()) << status.error().message; }

  BlockPtr on_device(std::size_t bytes) { return made(device_->device_pool().allocate(bytes)); }
  BlockPtr pinned(std::size_t bytes, int value = 0) {
    BlockPtr block = made(device_->pinned_pool().allocate(bytes));
    std::memset(block->data(), value, bytes);
    return block;
  }

  static bool all(const BlockPtr& block, int value) {
    return std::all_of(block->data(), block->data() + block->bytes(),
                       [value](std::byte byte) { return byte == static_cast<std::byte>(value); });
  }

  std::shared_ptr<Device> device_;
};

}  // namespace foveate::cuda
