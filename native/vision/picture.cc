#include "vision/picture.h"

#include <string>

#include "vision/cmyk.h"

namespace foveate {

Result<Picture> allocate_picture(int width, int height, PixelFormat format, MemoryPool& pool) {
  Picture picture{nullptr, width, height, format, {}, {{width, height}, 0, 0}};
  picture.block = pool.allocate(picture.stride() * static_cast<std::size_t>(height));
  if (!picture.block) {
    return Status(error_code::kOutOfMemory,
                  "Cannot allocate a picture of " + std::to_string(width) + " x " + std::to_string(height) + " pixels");
  }
  return picture;
}

Result<Picture> convert_to_rgb(const PictureView& source, MemoryPool& pool) {
  auto allocated = allocate_picture(source.width, source.height, PixelFormat::kRgb, pool);
  if (!allocated.ok()) return allocated;
  Picture& picture = allocated.value();
  const auto step = static_cast<std::size_t>(pixel_channels(source.format));
  const std::size_t red = source.format == PixelFormat::kBgr ? 2 : 0;
  const std::size_t green = source.format == PixelFormat::kGrey ? 0 : 1;
  const std::size_t blue = source.format == PixelFormat::kGrey || source.format == PixelFormat::kBgr ? 0 : 2;
  for (int y = 0; y < source.height; ++y) {
    const std::uint8_t* from = source.data + static_cast<std::size_t>(y) * source.stride;
    std::uint8_t* to = picture.data() + static_cast<std::size_t>(y) * picture.stride();
    if (source.format == PixelFormat::kCmyk) {
      cmyk_to_rgb(from, source.width, to);
      continue;
    }
    for (int x = 0; x < source.width; ++x, from += step, to += 3) {
      to[0] = from[red];
      to[1] = from[green];
      to[2] = from[blue];
    }
  }
  return allocated;
}

}  // namespace foveate
