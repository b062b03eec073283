#include "napi/picture_source.h"

#include <optional>

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
  if (name == "cmyk") return PixelFormat::kCmyk;
  throw Napi::TypeError::New(value.Env(), "Unknown pixel format " + name);
}

std::optional<YuvFormat> yuv_format_of(const Napi::Value& value) {
  const std::string name = string_of(value);
  if (name == "nv12") return YuvFormat::kNv12;
  if (name == "i420") return YuvFormat::kI420;
  if (name == "yuyv") return YuvFormat::kYuyv;
  return std::nullopt;
}

RawYuvFrame yuv_frame_of(const Napi::Object& object, HeldBytes pixels, YuvFormat format) {
  RawYuvFrame raw{std::move(pixels), {}};
  YuvFrame& frame = raw.frame;
  frame.width = object.Get("width").As<Napi::Number>().Int32Value();
  frame.height = object.Get("height").As<Napi::Number>().Int32Value();
  frame.stride = static_cast<std::size_t>(object.Get("stride").As<Napi::Number>().Int64Value());
  frame.format = format;
  frame.matrix = string_of(object.Get("colorMatrix")) == "bt709" ? YuvMatrix::kBt709 : YuvMatrix::kBt601;
  frame.range = string_of(object.Get("colorRange")) == "full" ? YuvRange::kFull : YuvRange::kLimited;
  const auto needed = yuv_bytes(frame);
  if (!needed || raw.pixels.bytes < *needed) {
    throw Napi::RangeError::New(object.Env(), "A frame's pixels do not cover its width, height and stride");
  }
  frame.data = reinterpret_cast<const std::uint8_t*>(raw.pixels.data());
  return raw;
}

Result<PictureView> keep(Result<Picture> made, Picture& storage) {
  if (!made.ok()) return made.take_status();
  storage = std::move(made).value();
  return storage.view();
}

Result<PictureView> decode(std::span<const std::byte> data, const JpegOptions& options, MemoryPool& pool,
                           Picture& storage) {
  if (!is_jpeg(data)) return Status(error_code::kMediaUnsupported, "Not a JPEG");
  return keep(decode_jpeg(data, options, pool), storage);
}

}  // namespace

PictureSource PictureSource::of(const Napi::Value& value) {
  PictureSource source;
  auto object = value.As<Napi::Object>();
  if (const auto path = object.Get("path"); path.IsString()) {
    source.source_ = string_of(path);
  } else if (const auto bytes = object.Get("bytes"); !bytes.IsUndefined()) {
    source.source_ = held_bytes_of(value.Env().Undefined(), bytes, source.copied_bytes_);
  } else if (const auto yuv = yuv_format_of(object.Get("format"))) {
    auto pixels = held_bytes_of(object.Get("lease"), object.Get("pixels"), source.copied_bytes_);
    source.source_ = yuv_frame_of(object, std::move(pixels), *yuv);
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
    const PictureView view{reinterpret_cast<const std::uint8_t*>(frame->pixels.data()), frame->width, frame->height,
                           frame->stride, frame->format};
    if (frame->format != PixelFormat::kCmyk) return view;
    return keep(convert_to_rgb(view, pool), storage);
  }
  if (const auto* yuv = std::get_if<RawYuvFrame>(&source_)) return keep(convert_to_rgb(yuv->frame, pool), storage);
  if (const auto* bytes = std::get_if<HeldBytes>(&source_)) return decode(bytes->span(), options, pool, storage);

  auto file = read_picture_file(std::get<std::string>(source_), pool, options.cancel);
  if (!file.ok()) return file.take_status();
  const BlockPtr& block = file.value();
  return decode({block->data(), block->bytes()}, options, pool, storage);
}

}  // namespace foveate
