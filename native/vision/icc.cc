#include "vision/icc.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>

namespace foveate {
namespace {

// ICC.1:2010. Numbers are big-endian; nothing that the profile names can be trusted.
class ProfileReader {
 public:
  explicit ProfileReader(std::span<const std::byte> data) : data_(data) {}

  std::optional<std::uint16_t> read16(std::size_t offset) const {
    if (offset > data_.size() || data_.size() - offset < 2) return std::nullopt;
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(data_[offset]) << 8 |
                                      std::to_integer<unsigned>(data_[offset + 1]));
  }

  std::optional<std::uint32_t> read32(std::size_t offset) const {
    const auto high = read16(offset);
    const auto low = read16(offset + 2);
    if (!high || !low) return std::nullopt;
    return std::uint32_t{*high} << 16 | *low;
  }

  std::optional<double> read_fixed(std::size_t offset) const {  // s15Fixed16Number
    const auto bits = read32(offset);
    if (!bits) return std::nullopt;
    return static_cast<std::int32_t>(*bits) / 65536.0;
  }

  // The data of a tag.
  std::optional<ProfileReader> tag(std::uint32_t signature) const {
    constexpr std::size_t kTable = 128;
    constexpr std::uint32_t kMaxTags = 100;  // profiles in use have ten to twenty
    const std::uint32_t count = std::min(read32(kTable).value_or(0), kMaxTags);
    for (std::size_t entry = kTable + 4; entry < kTable + 4 + count * std::size_t{12}; entry += 12) {
      if (read32(entry) != signature) continue;
      const auto offset = read32(entry + 4);
      const auto bytes = read32(entry + 8);
      if (!offset || !bytes || *offset > data_.size() || data_.size() - *offset < *bytes) return std::nullopt;
      return ProfileReader(data_.subspan(*offset, *bytes));
    }
    return std::nullopt;
  }

 private:
  std::span<const std::byte> data_;
};

constexpr std::uint32_t code(const char (&text)[5]) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(text[i]);
  return value;
}

double srgb_to_linear(double x) { return x <= 0.04045 ? x / 12.92 : std::pow((x + 0.055) / 1.055, 2.4); }

// A parametricCurveType of the form that sRGB has: Y = (a X + b)^g from d on, c X below. The other forms have no
// straight part.
std::optional<double> parametric(const ProfileReader& curve, double x) {
  constexpr std::uint16_t kWithStraightPart = 3;
  if (curve.read16(8) != kWithStraightPart) return std::nullopt;
  std::array<double, 5> parameters{};
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto value = curve.read_fixed(12 + i * 4);
    if (!value) return std::nullopt;
    parameters[i] = *value;
  }
  const auto [g, a, b, c, d] = parameters;
  return x >= d ? std::pow(a * x + b, g) : c * x;
}

// A curveType with a table; one of less than two entries is a plain power, which sRGB is not.
std::optional<double> sampled(const ProfileReader& curve, double x) {
  const auto count = curve.read32(8);
  if (!count || *count < 2) return std::nullopt;
  const double position = x * (*count - 1);
  const auto index = std::min(static_cast<std::size_t>(position), std::size_t{*count} - 2);
  const auto before = curve.read16(12 + index * 2);
  const auto after = curve.read16(12 + (index + 1) * 2);
  if (!before || !after) return std::nullopt;
  return (*before + (*after - *before) * (position - static_cast<double>(index))) / 65535.0;
}

bool is_srgb_curve(const ProfileReader& curve) {
  constexpr double kTolerance = 0.0003;  // of linear light: a level of 255 in the darkest part, where it counts most
  const auto type = curve.read32(0);
  for (int i = 0; i <= 64; ++i) {
    const double x = i / 64.0;
    const auto y = type == code("para")   ? parametric(curve, x)
                   : type == code("curv") ? sampled(curve, x)
                                          : std::nullopt;
    if (!y || !(std::fabs(*y - srgb_to_linear(x)) <= kTolerance)) return false;
  }
  return true;
}

// XYZ, adapted to D50 as profiles have them.
bool is_primary(const ProfileReader& tag, const std::array<double, 3>& expected) {
  constexpr double kTolerance = 0.001;  // programs differ in the last digits
  if (tag.read32(0) != code("XYZ ")) return false;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto value = tag.read_fixed(8 + i * 4);
    if (!value || std::fabs(*value - expected[i]) > kTolerance) return false;
  }
  return true;
}

}  // namespace

bool is_srgb_profile(std::span<const std::byte> profile) {
  constexpr std::size_t kDeviceClass = 12;
  constexpr std::size_t kColorSpace = 16;
  constexpr std::size_t kConnectionSpace = 20;
  const ProfileReader reader(profile);
  if (reader.read32(kDeviceClass) != code("mntr") || reader.read32(kColorSpace) != code("RGB ") ||
      reader.read32(kConnectionSpace) != code("XYZ ")) {
    return false;
  }
  // Lookup tables win over primaries and curves.
  for (const auto table : {code("A2B0"), code("A2B1"), code("D2B0"), code("D2B1")}) {
    if (reader.tag(table)) return false;
  }
  struct Channel {
    std::uint32_t primary;
    std::uint32_t curve;
    std::array<double, 3> xyz;
  };
  static constexpr std::array<Channel, 3> kChannels = {{
      {code("rXYZ"), code("rTRC"), {0.4361, 0.2225, 0.0139}},
      {code("gXYZ"), code("gTRC"), {0.3851, 0.7169, 0.0971}},
      {code("bXYZ"), code("bTRC"), {0.1431, 0.0606, 0.7141}},
  }};
  return std::all_of(kChannels.begin(), kChannels.end(), [&](const Channel& channel) {
    const auto primary = reader.tag(channel.primary);
    const auto curve = reader.tag(channel.curve);
    return primary && curve && is_primary(*primary, channel.xyz) && is_srgb_curve(*curve);
  });
}

}  // namespace foveate
