#include "core/status.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace foveate {
namespace {

Status half(int value, int& result) {
  if (value % 2 != 0) return Status(error_code::kInvalidArgument, "expected an even number", "add one");
  result = value / 2;
  return {};
}

Status quarter(int value, int& result) {
  int between = 0;
  FOVEATE_RETURN_IF_ERROR(half(value, between));
  return half(between, result);
}

Result<std::unique_ptr<std::string>> word(bool known) {
  if (!known) return Status(error_code::kModelNotFound, "no such word");
  return std::make_unique<std::string>("fovea");
}

TEST(Status, SuccessIsOnePointerWide) {
  EXPECT_TRUE(Status().ok());
  EXPECT_EQ(sizeof(Status), sizeof(void*));
}

TEST(Status, CarriesCodeMessageAndHint) {
  const Status status(error_code::kTensorShape, "message", "hint");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "TENSOR_SHAPE");
  EXPECT_EQ(status.error().message, "message");
  EXPECT_EQ(status.error().hint, "hint");
}

TEST(Status, ReturnIfErrorStopsAtTheFirstError) {
  int result = 0;
  EXPECT_TRUE(quarter(12, result).ok());
  EXPECT_EQ(result, 3);
  result = -1;
  const Status odd = quarter(6, result);
  ASSERT_FALSE(odd.ok());
  EXPECT_EQ(odd.error().hint, "add one");
  EXPECT_EQ(result, -1);
}

TEST(Result, HoldsAValueThatCanOnlyBeMoved) {
  auto result = word(true);
  ASSERT_TRUE(result.ok());
  const std::unique_ptr<std::string> value = std::move(result).value();
  EXPECT_EQ(*value, "fovea");
}

TEST(Result, HoldsTheErrorInstead) {
  auto result = word(false);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().error().code, error_code::kModelNotFound);
  const Status taken = result.take_status();
  EXPECT_EQ(taken.error().message, "no such word");
}

}  // namespace
}  // namespace foveate
