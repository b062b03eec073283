// Drawing results: into a picture that lies in a lease, and masks as pictures of their own.
#include "vision/draw.h"

#include <algorithm>

#include "napi/arguments.h"
#include "napi/environment.h"
#include "napi/lease.h"
#include "napi/vision.h"
#include "vision/dense_map.h"

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
  std::vector<InstanceMark> instances;
  std::vector<HeldBytes> instance_masks;  // what the instances look at
  std::vector<LineMark> lines;
  std::vector<PointMark> points;
  std::vector<std::string> caption;
  HeldBytes mask;
  std::vector<Color> palette;
  float opacity = 0;
  int transparent = -1;
  bool outlined = true;

  Status execute(std::size_t) override {
    if (mask.block) {
      draw_mask(picture, {reinterpret_cast<const std::uint8_t*>(mask.data()), mask.bytes}, palette, opacity,
                transparent, outlined);
    }
    draw_instances(picture, instances);
    draw_lines(picture, lines);
    draw_points(picture, points);
    if (!boxes.empty()) draw_boxes(picture, boxes);
    if (!caption.empty()) draw_caption(picture, caption);
    return {};
  }

  Napi::Value result(Napi::Env env) override { return env.Undefined(); }
};

float real_of(const Napi::Object& object, const char* name) { return object.Get(name).As<Napi::Number>().FloatValue(); }

int integer_of(const Napi::Object& object, const char* name) {
  return object.Get(name).As<Napi::Number>().Int32Value();
}

// Calls `read` with each element of an array that may be missing.
template <typename Read>
void each_of(const Napi::Value& value, Read&& read) {
  if (value.IsUndefined()) return;
  auto array = value.As<Napi::Array>();
  for (std::uint32_t i = 0; i < array.Length(); ++i) read(array.Get(i).As<Napi::Object>());
}

void read_objects(const Napi::Object& marks, PictureDraw& draw) {
  each_of(marks.Get("boxes"), [&](const Napi::Object& mark) {
    auto corners = mark.Get("box").As<Napi::Array>();
    BoxMark& box = draw.boxes.emplace_back();
    for (std::uint32_t c = 0; c < 4; ++c) box.box[c] = corners.Get(c).As<Napi::Number>().FloatValue();
    box.color = color_of(mark.Get("color"));
    box.text = string_of(mark.Get("text"));
    box.outlined = mark.Get("outlined").As<Napi::Boolean>().Value();
  });
  each_of(marks.Get("instances"), [&](const Napi::Object& mark) {
    const HeldBytes& mask = draw.instance_masks.emplace_back(mask_of(mark));
    draw.instances.push_back({integer_of(mark, "x"),
                              integer_of(mark, "y"),
                              integer_of(mark, "width"),
                              integer_of(mark, "height"),
                              {reinterpret_cast<const std::uint8_t*>(mask.data()), mask.bytes},
                              color_of(mark.Get("color"))});
  });
  each_of(marks.Get("lines"), [&](const Napi::Object& mark) {
    LineMark& line = draw.lines.emplace_back();
    auto points = mark.Get("points").As<Napi::Array>();
    for (std::uint32_t i = 0; i + 1 < points.Length(); i += 2) {
      line.points.push_back(
          {points.Get(i).As<Napi::Number>().FloatValue(), points.Get(i + 1).As<Napi::Number>().FloatValue()});
    }
    line.closed = mark.Get("closed").As<Napi::Boolean>().Value();
    line.color = color_of(mark.Get("color"));
  });
  each_of(marks.Get("points"), [&](const Napi::Object& mark) {
    draw.points.push_back({real_of(mark, "x"), real_of(mark, "y"), color_of(mark.Get("color"))});
  });
}

// pictureDraw(picture: { lease, data, width, height }, marks: { boxes: {box, color, text, outlined}[], instances?,
//   lines?, points?, caption: string[], mask?: { data, lease?, palette, opacity, transparent, outlined } },
//   operation?): Promise<void>. Draws in place; the picture is RGB.
Napi::Value picture_draw(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto& environment = Environment::of(env);
  auto operation = std::make_unique<PictureDraw>();

  auto picture = info[0].As<Napi::Object>();
  const HeldBytes pixels = leased_bytes_of(picture.Get("lease"), picture.Get("data"));
  operation->picture = {pixels.block, integer_of(picture, "width"), integer_of(picture, "height"), PixelFormat::kRgb};
  const std::int64_t dims[] = {operation->picture.height, operation->picture.width, 3};
  if (pixels.offset != 0 || byte_count(dims, DType::kUint8) != pixels.bytes) {
    throw Napi::RangeError::New(env, "A picture's pixels do not have the size of its width and height");
  }

  auto marks = info[1].As<Napi::Object>();
  read_objects(marks, *operation);
  auto caption = marks.Get("caption").As<Napi::Array>();
  for (std::uint32_t i = 0; i < caption.Length(); ++i) operation->caption.push_back(string_of(caption.Get(i)));
  if (const auto value = marks.Get("mask"); !value.IsUndefined()) {
    auto mask = value.As<Napi::Object>();
    operation->mask = mask_of(mask);
    if (operation->mask.bytes * 3 != pixels.bytes)
      throw Napi::RangeError::New(env, "A mask does not have the size of its picture");
    auto palette = mask.Get("palette").As<Napi::Array>();
    for (std::uint32_t i = 0; i < palette.Length(); ++i) operation->palette.push_back(color_of(palette.Get(i)));
    operation->opacity = real_of(mask, "opacity");
    operation->transparent = integer_of(mask, "transparent");
    operation->outlined = mask.Get("outlined").As<Napi::Boolean>().Value();
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

class DenseMapLevels final : public Operation {
 public:
  HeldBytes values;
  ValueRange range;
  std::shared_ptr<MemoryPool> pool;

  Status execute(std::size_t) override {
    const std::size_t pixels = values.bytes / sizeof(float);
    levels_ = pool->allocate(pixels);
    if (!levels_)
      return {error_code::kOutOfMemory, "Cannot allocate a picture of " + std::to_string(pixels) + " bytes"};
    grey_map({reinterpret_cast<const float*>(values.data()), pixels}, range,
             {reinterpret_cast<std::uint8_t*>(levels_->data()), pixels});
    values = {};
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    const std::size_t bytes = levels_->bytes();
    return make_lease(env, std::move(levels_), 0, bytes);
  }

 private:
  BlockPtr levels_;
};

// denseMapLevels(values: { data, lease }, min, max, operation?): Promise<{ handle, buffer }>, a byte for each value.
Napi::Value dense_map_levels(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<DenseMapLevels>();
  auto values = info[0].As<Napi::Object>();
  operation->values = leased_bytes_of(values.Get("lease"), values.Get("data"));
  operation->range = {info[1].As<Napi::Number>().FloatValue(), info[2].As<Napi::Number>().FloatValue()};
  operation->pool = environment.memory();
  operation->cancel = cancel_token_of(info[3]);
  return environment.launch(environment.vision(), std::move(operation));
}

}  // namespace

void register_draw(Napi::Env env, Napi::Object exports) {
  exports.Set("pictureDraw", Napi::Function::New(env, picture_draw));
  exports.Set("denseMapLevels", Napi::Function::New(env, dense_map_levels));
  exports.Set("maskColor", Napi::Function::New(env, mask_color));
}

}  // namespace foveate
