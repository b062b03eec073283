// Pictures and preprocessing.
#include "napi/vision.h"

#include <chrono>

#include "napi/environment.h"
#include "napi/lease.h"
#include "napi/picture_source.h"
#include "vision/preprocess.h"

namespace foveate {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

class PictureDecode final : public Operation {
 public:
  PictureDecode(PictureSource source, std::uint64_t pixel_limit, bool convert_colors, std::shared_ptr<MemoryPool> pool)
      : source_(std::move(source)),
        pixel_limit_(pixel_limit),
        convert_colors_(convert_colors),
        pool_(std::move(pool)) {}

  Status execute(std::size_t) override {
    Picture storage;
    auto view = source_.read({pixel_limit_, cancel.get(), convert_colors_}, *pool_, storage);
    if (!view.ok()) return view.take_status();
    if (storage.block && storage.format == PixelFormat::kRgb) {
      picture_ = std::move(storage);
      return {};
    }
    auto converted = convert_to_rgb(view.value(), *pool_);
    if (!converted.ok()) return converted.take_status();
    picture_ = std::move(converted).value();
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    auto value = Napi::Object::New(env);
    value.Set("width", picture_.width);
    value.Set("height", picture_.height);
    value.Set("lease",
              make_lease(env, picture_.block, 0, picture_.stride() * static_cast<std::size_t>(picture_.height)));
    value.Set("copiedBytes", static_cast<double>(source_.copied_bytes()));
    return value;
  }

 private:
  PictureSource source_;
  std::uint64_t pixel_limit_;
  bool convert_colors_;
  std::shared_ptr<MemoryPool> pool_;
  Picture picture_;
};

bool converts_colors(const Napi::Value& icc_profile) { return string_of(icc_profile) == "convert"; }

// pictureDecode(source, iccProfile, pixelLimit, operation?): Promise<{ width, height, lease, copiedBytes }>. The pixels
// are RGB,
// rows without gaps.
Napi::Value picture_decode(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<PictureDecode>(PictureSource::of(info[0]),
                                                   static_cast<std::uint64_t>(info[2].As<Napi::Number>().Int64Value()),
                                                   converts_colors(info[1]), environment.memory());
  operation->cancel = cancel_token_of(info[3]);
  return environment.launch(environment.vision(), std::move(operation));
}

class PreprocessRun final : public Operation {
 public:
  PreprocessRun(PictureSource source, PreprocessSpec spec, std::uint64_t pixel_limit, std::shared_ptr<MemoryPool> pool)
      : source_(std::move(source)), spec_(spec), pixel_limit_(pixel_limit), pool_(std::move(pool)) {}

  std::optional<HeldBytes> slot;  // where to write; made here when the size is known only from the picture

  Status execute(std::size_t) override {
    const auto started = Clock::now();
    Picture storage;
    JpegOptions options{pixel_limit_, cancel.get(), spec_.convert_colors};
    std::optional<Geometry> whole;  // of a JPEG, of which no more is decoded than the input shows
    options.part = [&](PictureSize size) -> Result<JpegPart> {
      auto planned = plan_decode(spec_, size.width, size.height);
      if (!planned.ok()) return planned.take_status();
      whole = planned.value().geometry;
      return JpegPart{planned.value().factor, planned.value().needed};
    };
    auto picture = source_.read(options, *pool_, storage);
    if (!picture.ok()) return picture.take_status();
    const auto decoded = Clock::now();
    decode_ = decoded - started;
    if (cancel->cancelled()) return aborted();

    auto geometry = whole ? Result<Geometry>(plan_decoded(*whole, storage))
                          : plan_geometry(spec_, picture.value().width, picture.value().height);
    if (!geometry.ok()) return geometry.take_status();
    placement_ = geometry.value().placement;
    const std::int64_t height = placement_.input_height;
    const std::int64_t width = placement_.input_width;
    const std::int64_t channels = spec_.channels();
    dims_ = spec_.layout == Layout::kChannelsFirst ? Dims{channels, height, width} : Dims{height, width, channels};
    const auto bytes = byte_count(dims_, spec_.dtype);
    if (!slot) {
      BlockPtr block = bytes ? pool_->allocate(*bytes) : nullptr;
      if (!block) return {error_code::kOutOfMemory, "Cannot allocate an input of shape " + dims_text(dims_)};
      slot = HeldBytes{std::move(block), 0, *bytes};
      made_here_ = true;
    } else if (slot->bytes != bytes) {
      return {error_code::kTensorShape, "The slot has " + std::to_string(slot->bytes) +
                                            " bytes, but the preprocessed picture has shape " + dims_text(dims_)};
    }
    FOVEATE_RETURN_IF_ERROR(preprocess(picture.value(), spec_, geometry.value(), slot->span()));
    preprocess_ = Clock::now() - decoded;
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    auto value = Napi::Object::New(env);
    value.Set("placement", placement_value(env, placement_));
    value.Set("dims", dims_value(env, dims_));
    value.Set("copiedBytes", static_cast<double>(source_.copied_bytes()));
    value.Set("decodeMs", milliseconds(decode_));
    value.Set("preprocessMs", milliseconds(preprocess_));
    if (made_here_) value.Set("lease", make_lease(env, slot->block, 0, slot->bytes));
    return value;
  }

 private:
  PictureSource source_;
  PreprocessSpec spec_;
  std::uint64_t pixel_limit_;
  std::shared_ptr<MemoryPool> pool_;
  Placement placement_;
  Dims dims_;
  bool made_here_ = false;
  Clock::duration decode_{};
  Clock::duration preprocess_{};
};

// preprocessRun(source, spec, slot: { lease, data } | undefined, pixelLimit, operation?)
//   : Promise<{ placement, dims, copiedBytes, decodeMs, preprocessMs, lease? }>
Napi::Value preprocess_run(const Napi::CallbackInfo& info) {
  auto& environment = Environment::of(info.Env());
  auto operation = std::make_unique<PreprocessRun>(
      PictureSource::of(info[0]), preprocess_spec_of(info[1].As<Napi::Object>()),
      static_cast<std::uint64_t>(info[3].As<Napi::Number>().Int64Value()), environment.memory());
  if (!info[2].IsUndefined()) {
    auto slot = info[2].As<Napi::Object>();
    operation->slot = leased_bytes_of(slot.Get("lease"), slot.Get("data"));
  }
  operation->cancel = cancel_token_of(info[4]);
  return environment.launch(environment.vision(), std::move(operation));
}

// visionLanes(): number
Napi::Value vision_lanes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(Environment::of(info.Env()).vision_lanes()));
}

}  // namespace

PreprocessSpec preprocess_spec_of(const Napi::Object& value) {
  const auto integer = [&](const char* name) { return value.Get(name).As<Napi::Number>().Int32Value(); };
  const auto real = [](const Napi::Value& number) { return number.As<Napi::Number>().DoubleValue(); };
  PreprocessSpec spec;
  spec.fit = enum_of<Fit>(value.Get("fit"), {{"letterbox", Fit::kLetterbox},
                                             {"stretch", Fit::kStretch},
                                             {"crop", Fit::kCrop},
                                             {"stretch-crop", Fit::kStretchCrop},
                                             {"shortest-edge", Fit::kShortestEdge},
                                             {"least-scale", Fit::kLeastScale},
                                             {"none", Fit::kNone}});
  spec.width = integer("width");
  spec.height = integer("height");
  spec.resize_edge = integer("resizeEdge");
  spec.longest_edge = integer("longestEdge");
  spec.multiple_of = integer("multipleOf");
  spec.interpolation =
      enum_of<Interpolation>(value.Get("interpolation"), {{"bilinear", Interpolation::kBilinear},
                                                          {"nearest", Interpolation::kNearest},
                                                          {"bilinear-antialias", Interpolation::kBilinearAntialias},
                                                          {"bicubic-antialias", Interpolation::kBicubicAntialias},
                                                          {"lanczos-antialias", Interpolation::kLanczosAntialias}});
  spec.anchor = enum_of<Anchor>(value.Get("anchor"), {{"center", Anchor::kCenter}, {"top-left", Anchor::kTopLeft}});
  spec.rounding =
      enum_of<Rounding>(value.Get("rounding"), {{"nearest", Rounding::kNearest}, {"floor", Rounding::kFloor}});
  spec.color = enum_of<ColorOrder>(value.Get("color"),
                                   {{"rgb", ColorOrder::kRgb}, {"bgr", ColorOrder::kBgr}, {"grey", ColorOrder::kGrey}});
  spec.layout =
      enum_of<Layout>(value.Get("layout"), {{"nchw", Layout::kChannelsFirst}, {"nhwc", Layout::kChannelsLast}});
  spec.dtype = dtype_of(value.Get("dtype"));
  spec.jpeg_decode =
      enum_of<JpegDecode>(value.Get("jpegDecode"), {{"exact", JpegDecode::kExact}, {"reduced", JpegDecode::kReduced}});
  spec.convert_colors = converts_colors(value.Get("iccProfile"));
  spec.scale = real(value.Get("scale"));
  auto pad = value.Get("pad").As<Napi::Array>();
  auto mean = value.Get("mean").As<Napi::Array>();
  auto deviation = value.Get("std").As<Napi::Array>();
  for (std::uint32_t c = 0; c < 3; ++c) {
    spec.pad[c] = real(pad.Get(c));
    spec.mean[c] = real(mean.Get(c));
    spec.std[c] = real(deviation.Get(c));
  }
  return spec;
}

Napi::Object placement_value(Napi::Env env, const Placement& placement) {
  auto value = Napi::Object::New(env);
  value.Set("sourceWidth", placement.source_width);
  value.Set("sourceHeight", placement.source_height);
  value.Set("inputWidth", placement.input_width);
  value.Set("inputHeight", placement.input_height);
  value.Set("scaleX", placement.scale_x);
  value.Set("scaleY", placement.scale_y);
  value.Set("offsetX", placement.offset_x);
  value.Set("offsetY", placement.offset_y);
  return value;
}

Placement placement_of(const Napi::Object& value) {
  const auto integer = [&](const char* name) { return value.Get(name).As<Napi::Number>().Int32Value(); };
  const auto real = [&](const char* name) { return value.Get(name).As<Napi::Number>().DoubleValue(); };
  return {integer("sourceWidth"), integer("sourceHeight"), integer("inputWidth"), integer("inputHeight"),
          real("scaleX"),         real("scaleY"),          real("offsetX"),       real("offsetY")};
}

void register_vision(Napi::Env env, Napi::Object exports) {
  exports.Set("pictureDecode", Napi::Function::New(env, picture_decode));
  exports.Set("preprocessRun", Napi::Function::New(env, preprocess_run));
  exports.Set("visionLanes", Napi::Function::New(env, vision_lanes));
}

}  // namespace foveate
