// The one thing that the core asks of an ICC profile: does it say what is assumed without one?
#pragma once

#include <cstddef>
#include <span>

namespace foveate {

// A profile for screens whose primaries and tone curves are those of sRGB, to less than a level of 255. Anything else,
// be it sRGB by way of lookup tables or damaged, is not: whoever can read profiles then converts, to the same pixels.
bool is_srgb_profile(std::span<const std::byte> profile);

}  // namespace foveate
