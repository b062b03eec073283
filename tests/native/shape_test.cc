#include "core/shape.h"

#include <gtest/gtest.h>

#include <limits>

namespace foveate {
namespace {

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

TEST(Shape, CountsElements) {
  EXPECT_EQ(element_count(Dims{}), 1u);
  EXPECT_EQ(element_count(Dims{2, 3, 4}), 24u);
  EXPECT_EQ(element_count(Dims{2, 0, 4}), 0u);
}

TEST(Shape, RefusesNegativeDimensionsAndOverflow) {
  EXPECT_EQ(element_count(Dims{2, kDynamic}), std::nullopt);
  EXPECT_EQ(element_count(Dims{0, -2}), std::nullopt);
  EXPECT_EQ(element_count(Dims{kHuge, kHuge}), std::nullopt);
  EXPECT_EQ(byte_count(Dims{kHuge}, DType::kFloat32), std::nullopt);
}

TEST(Shape, CountsBytes) {
  EXPECT_EQ(byte_count(Dims{3}, DType::kFloat16), 6u);
  EXPECT_EQ(byte_count(Dims{3}, DType::kInt64), 24u);
}

TEST(Shape, WritesDims) {
  EXPECT_EQ(dims_text(Dims{}), "[]");
  EXPECT_EQ(dims_text(Dims{1, kDynamic, 3}), "[1, ?, 3]");
}

TEST(DType, NamesAreFoundAgain) {
  for (std::size_t i = 0; i < kDTypes.size(); ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(dtype_from_name(dtype_name(dtype)), dtype);
  }
  EXPECT_EQ(dtype_from_name("float8"), std::nullopt);
}

}  // namespace
}  // namespace foveate
