// Drawing results into a picture that lies in a lease.
#include "vision/draw.h"

#include "napi/arguments.h"
#include "napi/environment.h"
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
//   mask?: { data, palette, opacity, transparent } }, operation?): Promise<void>. Draws in place; the picture is RGB.
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
    operation->mask = copied_bytes_of(mask.Get("data"));
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

}  // namespace

void register_draw(Napi::Env env, Napi::Object exports) {
  exports.Set("pictureDraw", Napi::Function::New(env, picture_draw));
}

}  // namespace foveate
