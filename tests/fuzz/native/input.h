// Numbers out of a fuzzer's bytes. Where the bytes are used up, everything is 0.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>

namespace foveate::fuzz {

// How compilers spell a value of an enum tells whether it has a name: Fit::kCrop, but (Fit)99.
template <auto kValue>
constexpr bool has_name() {
  const std::string_view spelt = __PRETTY_FUNCTION__;
  return spelt.find("= (") == std::string_view::npos;
}

// How many names an enum has that counts from 0. Counted by the compiler, so that no fuzzer leaves out a new one.
template <typename Enum, std::uint8_t kCount = 0>
constexpr std::uint8_t enumerators() {
  if constexpr (has_name<static_cast<Enum>(kCount)>()) {
    return enumerators<Enum, kCount + 1>();
  } else {
    return kCount;
  }
}

class Input {
 public:
  explicit Input(std::span<const std::byte> data) : data_(data) {}

  // A number of any value, of floats also NaN and the infinities.
  template <typename Number>
  Number any() {
    Number number{};
    const std::size_t bytes = std::min(sizeof number, data_.size());
    std::memcpy(&number, data_.data(), bytes);
    data_ = data_.subspan(bytes);
    return number;
  }

  bool flag() { return (any<std::uint8_t>() & 1) != 0; }

  // In [low, high].
  int between(int low, int high) {
    return low + static_cast<int>(any<std::uint32_t>() % (static_cast<std::uint32_t>(high - low) + 1));
  }

  template <typename Enum>
  Enum one_of() {
    static_assert(enumerators<Enum>() > 1, "an enum that counts from 0");
    return static_cast<Enum>(any<std::uint8_t>() % enumerators<Enum>());
  }

  // A size as sizes are, or at the edges of what an int can be.
  int size() {
    constexpr int kEdges[] = {0, -1, 1, 65535, 65536, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()};
    const auto kind = any<std::uint8_t>();
    if (kind < std::size(kEdges)) return kEdges[kind];
    return kind < 16 ? any<int>() : between(1, kind < 64 ? 4096 : 64);
  }

  // A score, coordinate or weight as models give them, or any number at all.
  float value() {
    constexpr float kEdges[] = {0.0f,
                                -0.0f,
                                1.0f,
                                std::numeric_limits<float>::quiet_NaN(),
                                std::numeric_limits<float>::infinity(),
                                -std::numeric_limits<float>::infinity(),
                                std::numeric_limits<float>::denorm_min(),
                                std::numeric_limits<float>::max(),
                                std::numeric_limits<float>::lowest(),
                                0.5f,
                                90.0f,
                                -90.0f};
    const auto kind = any<std::uint8_t>();
    if (kind < std::size(kEdges)) return kEdges[kind];
    if (kind < 32) return any<float>();
    return static_cast<float>(any<std::int8_t>()) / (kind < 128 ? 128.0f : 1.0f);
  }

  std::span<const std::byte> rest() const { return data_; }

 private:
  std::span<const std::byte> data_;
};

}  // namespace foveate::fuzz
