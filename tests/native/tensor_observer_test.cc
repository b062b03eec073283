// What observers keep, whoever adds in whatever order; per channel against plain sums.
#include "calibration/tensor_observer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <thread>

#include "core/half.h"
#include "core/instructions.h"

namespace foveate {
namespace {

std::vector<float> values_of(std::size_t count, unsigned seed, float scale = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution;
  std::vector<float> values(count);
  for (float& value : values) value = distribution(random) * scale;
  return values;
}

void expect_equal(const TensorStatistics& one, const TensorStatistics& other) {
  EXPECT_EQ(one.count, other.count);
  EXPECT_EQ(one.non_finite, other.non_finite);
  EXPECT_EQ(one.min, other.min);
  EXPECT_EQ(one.max, other.max);
  EXPECT_EQ(one.picture_min, other.picture_min);
  EXPECT_EQ(one.picture_max, other.picture_max);
  EXPECT_EQ(one.exponent, other.exponent);
  EXPECT_EQ(one.first, other.first);
  EXPECT_EQ(one.counts, other.counts);
  EXPECT_EQ(one.channel_min, other.channel_min);
  EXPECT_EQ(one.channel_max, other.channel_max);
  EXPECT_EQ(one.channel_mean, other.channel_mean);
  EXPECT_EQ(one.channel_mean_square, other.channel_mean_square);
}

TEST(TensorObserver, KeepsChannelsOfAnyAxis) {
  const Dims dims{2, 5, 3, 37};
  auto values = values_of(2 * 5 * 3 * 37, 1, 4);
  values[3] = std::nanf("");
  values[700] = INFINITY;
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    SCOPED_TRACE(axis);
    ObservedTensor tensor("x", axis);
    tensor.add(0, DType::kFloat32, dims, values.data());
    const TensorStatistics statistics = tensor.statistics();
    const auto channels = static_cast<std::size_t>(dims[axis]);
    ASSERT_EQ(statistics.channel_min.size(), channels);
    std::size_t inner = 1;
    for (std::size_t i = axis + 1; i < dims.size(); ++i) inner *= static_cast<std::size_t>(dims[i]);
    for (std::size_t channel = 0; channel < channels; ++channel) {
      float least = INFINITY;
      float greatest = -INFINITY;
      long double sum = 0;
      long double square = 0;
      int count = 0;
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (i / inner % channels != channel || !std::isfinite(values[i])) continue;
        least = std::min(least, values[i]);
        greatest = std::max(greatest, values[i]);
        sum += values[i];
        square += static_cast<long double>(values[i]) * values[i];
        ++count;
      }
      EXPECT_EQ(statistics.channel_min[channel], least);
      EXPECT_EQ(statistics.channel_max[channel], greatest);
      EXPECT_NEAR(statistics.channel_mean[channel], static_cast<double>(sum / count), 1e-13);
      EXPECT_NEAR(statistics.channel_mean_square[channel], static_cast<double>(square / count), 1e-12);
    }
  }
}

TEST(TensorObserver, SumsAlikeWithAllInstructions) {
  const Dims dims{3, 7, 1031};
  const auto values = values_of(3 * 7 * 1031, 2);
  const auto observed = [&](Instructions limit, std::size_t axis) {
    limit_instructions(limit);
    ObservedTensor tensor("x", axis);
    tensor.add(0, DType::kFloat32, dims, values.data());
    limit_instructions(Instructions::kAvx512);
    return tensor.statistics();
  };
  for (const std::size_t axis : {0U, 1U, 2U}) {
    expect_equal(observed(Instructions::kBaseline, axis), observed(Instructions::kAvx2, axis));
    expect_equal(observed(Instructions::kBaseline, axis), observed(Instructions::kAvx512, axis));
  }
}

TEST(TensorObserver, DoesNotDependOnLanesOrOrder) {
  constexpr unsigned kPictures = 24;
  const Dims dims{1, 8, 20, 20};
  std::vector<std::vector<float>> pictures;
  for (unsigned i = 0; i < kPictures; ++i)
    pictures.push_back(values_of(3200, i, std::ldexp(1.0F, static_cast<int>(i % 7))));
  const auto add = [&](TensorObserver& observer, unsigned picture) {
    std::vector<ObservedOutput> outputs;
    for (ObservedTensor& tensor : observer.tensors()) {
      outputs.push_back({&tensor, DType::kFloat32, dims, pictures[picture].data()});
    }
    ASSERT_TRUE(TensorObserver::add(picture, outputs).ok());
  };
  const auto prepare = [](TensorObserver& observer) {
    observer.add_tensor("a", std::nullopt);
    observer.add_tensor("b", 1);
    observer.add_tensor("c", 3);
  };
  TensorObserver alone;
  prepare(alone);
  for (unsigned i = 0; i < kPictures; ++i) add(alone, i);
  TensorObserver together;
  prepare(together);
  std::vector<std::thread> lanes;
  for (unsigned lane = 0; lane < 4; ++lane) {
    lanes.emplace_back([&, lane] {
      for (unsigned i = lane; i < kPictures; i += 4) add(together, kPictures - 1 - i);
    });
  }
  for (std::thread& lane : lanes) lane.join();
  for (std::size_t i = 0; i < 3; ++i) {
    expect_equal(together.tensors()[i].statistics(), alone.tensors()[i].statistics());
  }
  EXPECT_EQ(alone.tensors()[0].statistics().picture_min.size(), kPictures);
}

TEST(TensorObserver, MergesToTheSameAsOneObserver) {
  const Dims dims{1, 4, 500};
  ObservedTensor whole("x", 1);
  ObservedTensor first("x", 1);
  ObservedTensor second("x", 1);
  for (unsigned i = 0; i < 6; ++i) {
    const auto values = values_of(2000, i, 1.0F + static_cast<float>(i));
    whole.add(i, DType::kFloat32, dims, values.data());
    (i < 4 ? first : second).add(i, DType::kFloat32, dims, values.data());
  }
  ObservedTensor merged("x", 1);
  ASSERT_TRUE(merged.merge(first.statistics()).ok());
  ASSERT_TRUE(merged.merge(second.statistics()).ok());
  TensorStatistics wanted = whole.statistics();
  TensorStatistics found = merged.statistics();
  for (std::size_t i = 0; i < 4; ++i) {  // means are rounded once more
    EXPECT_NEAR(found.channel_mean[i], wanted.channel_mean[i], 1e-15);
    EXPECT_NEAR(found.channel_mean_square[i], wanted.channel_mean_square[i], 1e-13);
  }
  found.channel_mean = wanted.channel_mean;
  found.channel_mean_square = wanted.channel_mean_square;
  expect_equal(found, wanted);
}

TEST(TensorObserver, RefusesStatisticsThatCannotBe) {
  const Dims dims{1, 4, 50};
  const auto values = values_of(200, 1);
  ObservedTensor source("x", 1);
  source.add(0, DType::kFloat32, dims, values.data());
  const TensorStatistics sound = source.statistics();
  const auto refused = [&](const auto& spoil) {
    TensorStatistics statistics = sound;
    spoil(statistics);
    ObservedTensor tensor("x", 1);
    const Status status = tensor.merge(statistics);
    EXPECT_EQ(tensor.statistics().count, 0U);
    return !status.ok() && status.error().code == error_code::kInvalidArgument;
  };
  EXPECT_TRUE(refused([](TensorStatistics& s) { s.counts[0] = 0.5; }));
  EXPECT_TRUE(refused([](TensorStatistics& s) { s.counts[0] = -1; }));
  EXPECT_TRUE(refused([](TensorStatistics& s) { s.counts[0] = std::nan(""); }));
  EXPECT_TRUE(refused([](TensorStatistics& s) { s.counts[0] += 1; }));
  EXPECT_TRUE(refused([](TensorStatistics& s) { s.exponent = 2147483647; }));
  EXPECT_TRUE(refused([](TensorStatistics& s) { s.picture_min[0] = std::nanf(""); }));
  EXPECT_TRUE(refused([](TensorStatistics& s) { s.picture_max.clear(); }));
  EXPECT_TRUE(refused([](TensorStatistics& s) { s.channel_max.pop_back(); }));
  EXPECT_TRUE(refused([](TensorStatistics& s) { s.channel_min[1] = std::nanf(""); }));
  EXPECT_TRUE(refused([](TensorStatistics& s) { s.channel_mean[1] = INFINITY; }));
  EXPECT_TRUE(refused([](TensorStatistics& s) { s.channel_mean_square[1] = std::nan(""); }));
  EXPECT_TRUE(refused([](TensorStatistics& s) { s.channel_mean_square[1] = -1; }));
  EXPECT_TRUE(refused([](TensorStatistics& s) { s.non_finite = ~std::uint64_t{0}; }));
  EXPECT_TRUE(refused([](TensorStatistics& s) {
    s.channel_min.clear();
    s.channel_max.clear();
    s.channel_mean.clear();
    s.channel_mean_square.clear();
  }));
}

TEST(TensorObserver, RefusesCountsThatNoDoubleHolds) {
  TensorStatistics statistics;
  statistics.max = 1;
  statistics.exponent = -12;
  statistics.counts.assign(4097, 0);
  statistics.counts.front() = statistics.counts.back() = 0x1p51;
  statistics.count = std::uint64_t{1} << 52;
  ObservedTensor tensor("x", std::nullopt);
  ASSERT_TRUE(tensor.merge(statistics).ok());
  ASSERT_TRUE(tensor.merge(statistics).ok());
  EXPECT_EQ(tensor.merge(statistics).error().code, error_code::kInvalidArgument);
  EXPECT_EQ(tensor.statistics().count, std::uint64_t{1} << 53);
  // Their sum wraps around to 0.
  std::fill_n(statistics.counts.begin(), 2047, 0x1p53);
  statistics.counts.back() = 0x1p53;
  statistics.count = 0;
  EXPECT_EQ(histogram_of(statistics).take_status().error().code, error_code::kInvalidArgument);
}

TEST(TensorObserver, TakesStatisticsOfAllTensorsOrNone) {
  const auto values = values_of(12, 1);
  TensorObserver source;
  TensorObserver observer;
  for (TensorObserver* each : {&source, &observer}) {
    each->add_tensor("a", std::nullopt);
    each->add_tensor("b", 1);
  }
  std::vector<TensorStatistics> statistics;
  for (ObservedTensor& tensor : source.tensors()) {
    tensor.add(0, DType::kFloat32, Dims{1, 3, 4}, values.data());
    statistics.push_back(tensor.statistics());
  }
  ASSERT_TRUE(observer.merge(statistics).ok());
  const auto spoilt = [&](const auto& spoil) {
    auto odd = statistics;
    spoil(odd[1]);
    EXPECT_EQ(observer.merge(odd).error().code, error_code::kInvalidArgument);
    EXPECT_EQ(observer.tensors()[0].statistics().count, 12U);
    EXPECT_EQ(observer.tensors()[1].statistics().count, 12U);
  };
  spoilt([](TensorStatistics& s) { s.counts[0] += 1; });
  spoilt([](TensorStatistics& s) {
    s.channel_min.pop_back();
    s.channel_max.pop_back();
    s.channel_mean.pop_back();
    s.channel_mean_square.pop_back();
  });
}

TEST(TensorObserver, TakesAPictureInAllTensorsOrNone) {
  TensorObserver observer;
  observer.add_tensor("a", std::nullopt);
  observer.add_tensor("b", 1);
  const auto values = values_of(12, 1);
  const Dims three{1, 3, 4};
  const Dims four{1, 4, 3};
  auto& tensors = observer.tensors();
  const auto add = [&](const Dims& dims, DType dtype) {
    const std::vector<ObservedOutput> outputs{{&tensors[0], DType::kFloat32, three, values.data()},
                                              {&tensors[1], dtype, dims, values.data()}};
    return TensorObserver::add(0, outputs);
  };
  ASSERT_TRUE(add(three, DType::kFloat32).ok());
  EXPECT_FALSE(add(four, DType::kFloat32).ok());  // another number of channels
  EXPECT_FALSE(add({12}, DType::kFloat32).ok());  // no such axis
  EXPECT_FALSE(add(three, DType::kInt32).ok());   // no floats
  EXPECT_EQ(tensors[0].statistics().count, 12U);
  EXPECT_EQ(tensors[1].statistics().count, 12U);
}

TEST(TensorObserver, TakesEmptyTensorsAndScalars) {
  ObservedTensor tensor("x", std::nullopt);
  tensor.add(0, DType::kFloat32, Dims{1, 0, 4}, nullptr);
  EXPECT_EQ(tensor.statistics().count, 0U);
  const float value = 3;
  tensor.add(1, DType::kFloat32, Dims{}, &value);
  EXPECT_EQ(tensor.statistics().count, 1U);
  // A place for each picture, so that they can be told apart.
  ASSERT_EQ(tensor.statistics().picture_min.size(), 2U);
  EXPECT_EQ(tensor.statistics().picture_min[0], INFINITY);
  EXPECT_EQ(tensor.statistics().picture_max[0], -INFINITY);
  EXPECT_EQ(tensor.statistics().picture_max[1], 3.0F);
  ObservedTensor merged("x", std::nullopt);
  ASSERT_TRUE(merged.merge(tensor.statistics()).ok());
  EXPECT_EQ(merged.statistics().picture_min.size(), 2U);
  tensor.add(0, DType::kFloat32, Dims{1}, &value);  // of the same picture
  EXPECT_EQ(tensor.statistics().picture_min[0], 3.0F);
  ObservedTensor channels("y", 1);
  channels.add(0, DType::kFloat16, Dims{1, 2, 0}, nullptr);
  const std::vector<std::uint16_t> halves{float_to_half(1), float_to_half(-2)};
  channels.add(1, DType::kFloat16, Dims{1, 2, 1}, halves.data());
  EXPECT_EQ(channels.statistics().channel_min, (std::vector<float>{1, -2}));
  ObservedTensor endless("z", 1);
  endless.add(0, DType::kFloat32, Dims{0, std::int64_t{1} << 60}, nullptr);
  EXPECT_TRUE(endless.statistics().channel_min.empty());
}

}  // namespace
}  // namespace foveate
