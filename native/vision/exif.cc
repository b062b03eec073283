#include "vision/exif.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace foveate {
namespace {

constexpr int kUpright = 1;

// Reads integers at offsets that the file names, none of which can be trusted.
class TiffReader {
 public:
  TiffReader(std::span<const std::byte> data, bool big_endian) : data_(data), big_endian_(big_endian) {}

  std::optional<std::uint16_t> read16(std::size_t offset) const {
    if (offset > data_.size() || data_.size() - offset < 2) return std::nullopt;
    const auto first = std::to_integer<unsigned>(data_[offset]);
    const auto second = std::to_integer<unsigned>(data_[offset + 1]);
    return static_cast<std::uint16_t>(big_endian_ ? first << 8 | second : second << 8 | first);
  }

  std::optional<std::uint32_t> read32(std::size_t offset) const {
    const auto first = read16(offset);
    const auto second = read16(offset + 2);
    if (!first || !second) return std::nullopt;
    const std::uint32_t high = big_endian_ ? *first : *second;
    const std::uint32_t low = big_endian_ ? *second : *first;
    return high << 16 | low;
  }

 private:
  std::span<const std::byte> data_;
  bool big_endian_;
};

bool starts_with(std::span<const std::byte> data, std::span<const unsigned char> prefix) {
  return data.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), data.begin(),
                    [](unsigned char expected, std::byte actual) { return std::byte{expected} == actual; });
}

}  // namespace

int exif_orientation(std::span<const std::byte> app1) {
  constexpr std::array<unsigned char, 6> kExif = {'E', 'x', 'i', 'f', 0, 0};
  constexpr std::array<unsigned char, 4> kLittleEndian = {'I', 'I', 42, 0};
  constexpr std::array<unsigned char, 4> kBigEndian = {'M', 'M', 0, 42};
  if (!starts_with(app1, kExif)) return kUpright;
  const auto tiff = app1.subspan(kExif.size());  // offsets count from here
  const bool big_endian = starts_with(tiff, kBigEndian);
  if (!big_endian && !starts_with(tiff, kLittleEndian)) return kUpright;

  const TiffReader reader(tiff, big_endian);
  const auto directory = reader.read32(4);
  if (!directory) return kUpright;
  const auto entries = reader.read16(*directory);
  if (!entries) return kUpright;

  constexpr std::size_t kEntryBytes = 12;  // tag, type, count, value or the offset of it
  constexpr std::uint16_t kOrientation = 0x0112;
  constexpr std::uint16_t kShort = 3;
  for (std::size_t i = 0; i < *entries; ++i) {
    const std::size_t entry = std::size_t{*directory} + 2 + i * kEntryBytes;
    const auto tag = reader.read16(entry);
    if (!tag) return kUpright;  // the directory claims more entries than there is data
    if (*tag != kOrientation) continue;
    const auto type = reader.read16(entry + 2);
    const auto value = reader.read16(entry + 8);
    const bool valid = type == kShort && value && *value >= 1 && *value <= 8;
    return valid ? *value : kUpright;
  }
  return kUpright;
}

}  // namespace foveate
