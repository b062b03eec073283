// Drawing results: into a picture that lies in a lease, and masks as pictures of their own.
#include "vision/draw.h"

#include <algorithm>

#include "napi/arguments.h"
#include "napi/environment.h"
#include "napi/lease.h"
#include "napi/vision.h"

namespace foveate {
namespace {

Color color_of(const Napi::Value& value) {
  auto array = value.As<Napi::Array>();
  Color color;
  for (std::uint32_t c = 0; c < 3; ++c)
    color[c] = static_cast<std::uint8_t>(array.Get(c).As<Napi::Number>().Uint32Value());
  return color;
}

// { data, lease? }: read in place where it lies in a lease, else copied.
HeldBytes mask_of(const Napi::Object& value) {
  std::size_t copied = 0;
  return held_bytes_of(value.Get("lease"), value.Get("data"), copied);
}

class PictureDraw final : public Operation {
 public:
  Picture picture;
  std::vector<BoxMark> boxes;
  std::vector<std::string> caption;
  HeldBytes mask;
  std::vector<Color> palette;
  float opacity = 0;
  int transparent = -1;

  Status execute(std::size_t) override {
    if (mask.block) {
      draw_mask(picture, {reinterpret_cast<const std::uint8_t*>(mask.data()), mask.bytes}, palette, opacity,
                transparent);
    }
    if (!boxes.empty()) draw_boxes(picture, boxes);
    if (!caption.empty()) draw_caption(picture, caption);
    return {};
  }

  Napi::Value result(Napi::Env env) override { return env.Undefined(); }
};

// pictureDraw(picture: { lease, data, width, height }, marks: { boxes: {box, color, text}[], caption: string[],
//   mask?: { data, lease?, palette, opacity, transparent } }, operation?): Promise<void>. Draws in place; the picture
//   is RGB.
Napi::Value picture_draw(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto& environment = Environment::of(env);
  auto operation = std::make_unique<PictureDraw>();

  auto picture = info[0].As<Napi::Object>();
  const HeldBytes pixels = leased_bytes_of(picture.Get("lease"), picture.Get("data"));
  operation->picture = {pixels.block, picture.Get("width").As<Napi::Number>().Int32Value(),
                        picture.Get("height").As<Napi::Number>().Int32Value(), PixelFormat::kRgb};
  const std::int64_t dims[] = {operation->picture.height, operation->picture.width, 3};
  if (pixels.offset != 0 || byte_count(dims, DType::kUint8) != pixels.bytes) {
    throw Napi::RangeError::New(env, "A picture's pixels do not have the size of its width and height");
  }

  auto marks = info[1].As<Napi::Object>();
  auto boxes = marks.Get("boxes").As<Napi::Array>();
  for (std::uint32_t i = 0; i < boxes.Length(); ++i) {
    auto mark = boxes.Get(i).As<Napi::Object>();
    auto corners = mark.Get("box").As<Napi::Array>();
    BoxMark box{{}, color_of(mark.Get("color")), string_of(mark.Get("text"))};
    for (std::uint32_t c = 0; c < 4; ++c) box.box[c] = corners.Get(c).As<Napi::Number>().FloatValue();
    operation->boxes.push_back(std::move(box));
  }
  auto caption = marks.Get("caption").As<Napi::Array>();
  for (std::uint32_t i = 0; i < caption.Length(); ++i) operation->caption.push_back(string_of(caption.Get(i)));
  if (const auto value = marks.Get("mask"); !value.IsUndefined()) {
    auto mask = value.As<Napi::Object>();
    operation->mask = mask_of(mask);
    if (operation->mask.bytes * 3 != pixels.bytes)
      throw Napi::RangeError::New(env, "A mask does not have the size of its picture");
    auto palette = mask.Get("palette").As<Napi::Array>();
    for (std::uint32_t i = 0; i < palette.Length(); ++i) operation->palette.push_back(color_of(palette.Get(i)));
    operation->opacity = mask.Get("opacity").As<Napi::Number>().FloatValue();
    operation->transparent = mask.Get("transparent").As<Napi::Number>().Int32Value();
  }
  operation->cancel = cancel_token_of(info[2]);
  return environment.launch(environment.vision(), std::move(operation));
}

class MaskColor final : public Operation {
 public:
  HeldBytes mask;
  std::array<Color, 256> palette{};
  std::shared_ptr<MemoryPool> pool;

  Status execute(std::size_t) override {
    const std::size_t bytes = mask.bytes * 3;
    rgb_ = pool->allocate(bytes);
    if (!rgb_) return {error_code::kOutOfMemory, "Cannot allocate a picture of " + std::to_string(bytes) + " bytes"};
    color_mask({reinterpret_cast<const std::uint8_t*>(mask.data()), mask.bytes}, palette,
               {reinterpret_cast<std::uint8_t*>(rgb_->data()), bytes});
    mask = {};
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    const std::size_t bytes = rgb_->bytes();
    return make_lease(env, std::move(rgb_), 0, bytes);
  }

 private:
  BlockPtr rgb_;
};

// maskColor(mask: { data, lease? }, palette: color[], operation?): Promise<{ handle, buffer }>, three bytes for each of
// the mask. Classes beyond the palette are black.
Napi::Value mask_color(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<MaskColor>();
  operation->mask = mask_of(info[0].As<Napi::Object>());
  auto palette = info[1].As<Napi::Array>();
  const std::uint32_t classes = std::min<std::uint32_t>(palette.Length(), 256);
  for (std::uint32_t i = 0; i < classes; ++i) operation->palette[i] = color_of(palette.Get(i));
  operation->pool = environment.memory();
  operation->cancel = cancel_token_of(info[2]);
  return environment.launch(environment.vision(), std::move(operation));
}

}  // namespace

void register_draw(Napi::Env env, Napi::Object exports) {
  exports.Set("pictureDraw", Napi::Function::New(env, picture_draw));
  exports.Set("maskColor", Napi::Function::New(env, mask_color));
}

}  // namespace foveate
