#include "napi/picture_source.h"

#include "vision/file.h"
#include "vision/jpeg.h"

namespace foveate {
namespace {

PixelFormat pixel_format_of(const Napi::Value& value) {
  const std::string name = string_of(value);
  if (name == "grey") return PixelFormat::kGrey;
  if (name == "rgb") return PixelFormat::kRgb;
  if (name == "bgr") return PixelFormat::kBgr;
  if (name == "rgba") return PixelFormat::kRgba;
  throw Napi::TypeError::New(value.Env(), "Unknown pixel format " + name);
}

Result<PictureView> decode(std::span<const std::byte> data, const JpegOptions& options, MemoryPool& pool,
                           Picture& storage) {
  if (!is_jpeg(data)) return Status(error_code::kMediaUnsupported, "Not a JPEG");
  auto picture = decode_jpeg(data, options, pool);
  if (!picture.ok()) return picture.take_status();
  storage = std::move(picture).value();
  return storage.view();
}

}  // namespace

PictureSource PictureSource::of(const Napi::Value& value) {
  PictureSource source;
  auto object = value.As<Napi::Object>();
  if (const auto path = object.Get("path"); path.IsString()) {
    source.source_ = string_of(path);
  } else if (const auto bytes = object.Get("bytes"); !bytes.IsUndefined()) {
    source.source_ = held_bytes_of(value.Env().Undefined(), bytes, source.copied_bytes_);
  } else {
    RawFrame frame;
    frame.pixels = held_bytes_of(object.Get("lease"), object.Get("pixels"), source.copied_bytes_);
    frame.width = object.Get("width").As<Napi::Number>().Int32Value();
    frame.height = object.Get("height").As<Napi::Number>().Int32Value();
    frame.format = pixel_format_of(object.Get("format"));
    const std::size_t row = static_cast<std::size_t>(frame.width) * pixel_channels(frame.format);
    frame.stride = static_cast<std::size_t>(object.Get("stride").As<Napi::Number>().Int64Value());
    if (frame.width <= 0 || frame.height <= 0 || frame.stride < row || frame.pixels.bytes < row ||
        (frame.pixels.bytes - row) / frame.stride < static_cast<std::size_t>(frame.height - 1)) {
      throw Napi::RangeError::New(value.Env(), "A frame's pixels do not cover its width, height and stride");
    }
    source.source_ = std::move(frame);
  }
  return source;
}

Result<PictureView> PictureSource::read(const JpegOptions& options, MemoryPool& pool, Picture& storage) const {
  if (const auto* frame = std::get_if<RawFrame>(&source_)) {
    return PictureView{reinterpret_cast<const std::uint8_t*>(frame->pixels.data()), frame->width, frame->height,
                       frame->stride, frame->format};
  }
  if (const auto* bytes = std::get_if<HeldBytes>(&source_)) return decode(bytes->span(), options, pool, storage);

  auto file = read_picture_file(std::get<std::string>(source_), pool, options.cancel);
  if (!file.ok()) return file.take_status();
  const BlockPtr& block = file.value();
  return decode({block->data(), block->bytes()}, options, pool, storage);
}

}  // namespace foveate
