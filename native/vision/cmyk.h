// CMYK without a profile, as Pillow and OpenCV read it: inks that only take light away.
#pragma once

#include <cstddef>
#include <cstdint>

namespace foveate {

// A row of `width` pixels of four inks, 0 none to 255 full, as RGB: Pillow's convert("RGB") to the bit.
void cmyk_to_rgb(const std::uint8_t* inks, int width, std::uint8_t* rgb);

}  // namespace foveate
