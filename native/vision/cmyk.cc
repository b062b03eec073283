#include "vision/cmyk.h"

namespace foveate {
namespace {

// a * b / 255, rounded.
unsigned scaled(unsigned a, unsigned b) {
  const unsigned product = a * b + 128;
  return (product + (product >> 8)) >> 8;
}

}  // namespace

void cmyk_to_rgb(const std::uint8_t* inks, int width, std::uint8_t* rgb) {
  for (int x = 0; x < width; ++x, inks += 4, rgb += 3) {
    const unsigned light = 255u - inks[3];
    for (int c = 0; c < 3; ++c) rgb[c] = static_cast<std::uint8_t>(light - scaled(inks[c], light));
  }
}

}  // namespace foveate
