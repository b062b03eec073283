// Pictures for the tests, and the fixtures that tests/reference/pictures.py writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "vision/picture.h"

namespace foveate::testing {

// The linear congruential generator of the fixtures.
class Noise {
 public:
  std::uint32_t next() { return state_ = state_ * 1664525u + 1013904223u; }
  std::uint8_t next_byte() { return static_cast<std::uint8_t>(next() >> 24); }
  // In [0, bound).
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() >> 8) % bound; }

 private:
  std::uint32_t state_ = 1;
};

// A picture of noise whose rows may stand apart.
class NoisePicture {
 public:
  NoisePicture(int width, int height, PixelFormat format, std::size_t gap = 0)
      : stride_(static_cast<std::size_t>(width * pixel_channels(format)) + gap),
        pixels_(stride_ * static_cast<std::size_t>(height)),
        view_{pixels_.data(), width, height, stride_, format} {
    Noise noise;
    for (int y = 0; y < height; ++y) {
      for (std::size_t x = 0; x < stride_ - gap; ++x)
        pixels_[static_cast<std::size_t>(y) * stride_ + x] = noise.next_byte();
    }
  }
  NoisePicture(const NoisePicture&) = delete;
  NoisePicture& operator=(const NoisePicture&) = delete;

  const PictureView& view() const { return view_; }

 private:
  std::size_t stride_;
  std::vector<std::uint8_t> pixels_;
  PictureView view_;
};

template <typename Byte>
std::uint64_t fnv1a(std::span<const Byte> data) {
  std::uint64_t value = 0xcbf29ce484222325u;
  for (const Byte byte : data) value = (value ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3u;
  return value;
}

inline std::filesystem::path picture_fixtures() {
  return std::filesystem::path(__FILE__).parent_path() / "../reference/fixtures/pictures";
}

inline std::vector<std::byte> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("Cannot read the fixture " + path.string());
  const std::string content((std::istreambuf_iterator<char>(file)), {});
  const auto* bytes = reinterpret_cast<const std::byte*>(content.data());
  return {bytes, bytes + content.size()};
}

// The lines of a fixture made of numbers and words.
inline std::vector<std::istringstream> read_lines(const std::string& name) {
  std::ifstream file(picture_fixtures() / name);
  std::vector<std::istringstream> lines;
  for (std::string line; std::getline(file, line);) lines.emplace_back(line);
  if (lines.empty()) throw std::runtime_error("No lines in the fixture " + name);
  return lines;
}

// One line of resample.txt.
struct ResampleCase {
  std::string method;
  int channels, source_width, source_height, width, height;
  std::uint64_t hash;

  std::string name() const {
    std::ostringstream text;
    text << method << ' ' << channels << " channels, " << source_width << " x " << source_height << " to " << width
         << " x " << height;
    return text.str();
  }
};

inline std::vector<ResampleCase> read_resample_cases() {
  std::vector<ResampleCase> cases;
  for (auto& line : read_lines("resample.txt")) {
    ResampleCase& found = cases.emplace_back();
    line >> found.method >> found.channels >> found.source_width >> found.source_height >> found.width >>
        found.height >> std::hex >> found.hash;
    if (!line) throw std::runtime_error("A line of resample.txt is damaged: " + line.str());
  }
  return cases;
}

inline PixelFormat format_with(int channels) {
  return channels == 1 ? PixelFormat::kGrey : channels == 3 ? PixelFormat::kRgb : PixelFormat::kRgba;
}

}  // namespace foveate::testing
