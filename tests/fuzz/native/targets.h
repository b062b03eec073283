// What the fuzzers feed, one function per target: any bytes in, no crash, no report of a sanitizer, and what the
// headers promise holds. Throws std::logic_error where a promise is broken.
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

namespace foveate::fuzz {

using Target = void (*)(std::span<const std::byte> data);

// The data is a JPEG file, and an EXIF segment too; what is decoded becomes inputs of models.
void jpeg(std::span<const std::byte> data);
// The data says how large a frame is, what is in it, and how it is to become an input.
void frames(std::span<const std::byte> data);
// The data says which decoder runs, with which specification, on which output.
void heads(std::span<const std::byte> data);

inline void expect(bool held, const std::string& promise) {
  if (!held) throw std::logic_error("not so: " + promise);
}

}  // namespace foveate::fuzz
