// The driver of this machine, which most machines that run this do not have.
#include "runtime/cuda/driver.h"

#include <gtest/gtest.h>

#include "runtime/cuda/device.h"
#include "runtime/cuda/functions.h"

namespace foveate::cuda {
namespace {

TEST(Driver, WhereThereIsNoneThatIsSaidInAllPlaces) {
  const Machine& found = machine();
  EXPECT_EQ(found.obstacle.has_value(), found.gpus.empty());
  if (!found.obstacle) GTEST_SKIP() << "This machine has a GPU";
  auto opened = functions();
  if (!opened.ok()) {
    EXPECT_EQ(opened.status().error().message, *found.obstacle);
    EXPECT_TRUE(opened.status().error().code.starts_with("BACKEND_"));
    EXPECT_FALSE(opened.status().error().hint.empty());
  }
  auto device = Device::open(0);
  ASSERT_FALSE(device.ok());
  EXPECT_EQ(device.status().error().code, error_code::kBackendUnavailable);
  EXPECT_EQ(device.status().error().message, "No GPU can be used: " + *found.obstacle);
}

}  // namespace
}  // namespace foveate::cuda
