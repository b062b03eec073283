#include "vision/jpeg.h"

#include <csetjmp>
#include <cstddef>
#include <cstdio>

// After what it needs but does not include, and before jerror.h, whose codes depend on how the library was configured.
#include <jpeglib.h>

#include <jerror.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "vision/cmyk.h"
#include "vision/exif.h"
#include "vision/icc.h"
#include "vision/jpeg_failure.h"
#include "vision/orientation.h"

namespace foveate {
namespace {

// What libjpeg and its callbacks reach. libjpeg leaves a failed call by longjmp, which skips destructors: this struct,
// and every function between setjmp and longjmp, holds nothing that has one.
struct Session {
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  jpeg_progress_mgr progress;
  std::jmp_buf escape;
  // Data without its end marker can still hold every row: one scan holds all, and its decoder tells when it runs dry.
  bool end_marker_optional;
  const CancelToken* cancel;
  // Set on failure.
  int code;
  char text[JMSG_LENGTH_MAX];
  JDIMENSION row;
};

Session& session_of(j_common_ptr common) { return *static_cast<Session*>(common->client_data); }

[[noreturn]] void fail(Session& session, int code) {
  session.code = code;
  const auto rows_per_unit = static_cast<JDIMENSION>(session.info.max_v_samp_factor * DCTSIZE);
  session.row = std::min(session.info.input_iMCU_row * rows_per_unit, session.info.image_height);
  std::longjmp(session.escape, 1);
}

[[noreturn]] void on_error(j_common_ptr common) {
  Session& session = session_of(common);
  session.errors.format_message(common, session.text);
  fail(session, session.errors.msg_code);
}

// libjpeg goes on after a warning, with grey or garbage where data is missing. We do not where pixels are affected.
bool loses_pixels(const Session& session, int warning) {
  switch (warning) {
    case JWRN_JPEG_EOF:
      return !session.end_marker_optional;  // where it is, JWRN_HIT_MARKER follows if a row needs what is missing
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
      return true;
    default:
      return false;
  }
}

void on_message(j_common_ptr common, int level) {
  constexpr int kWarning = -1;  // above: traces
  Session& session = session_of(common);
  if (level == kWarning && loses_pixels(session, session.errors.msg_code)) on_error(common);
}

void on_output(j_common_ptr) {}  // nothing of libjpeg's reaches stderr

void on_progress(j_common_ptr common) {
  Session& session = session_of(common);
  if (session.info.input_scan_number > kMaxJpegScans) fail(session, kJpegTooManyScans);
  if (session.cancel != nullptr && session.cancel->cancelled()) fail(session, kJpegAborted);
}

constexpr int kExifMarker = JPEG_APP0 + 1;
constexpr int kIccMarker = JPEG_APP0 + 2;

bool read_header(Session& session, std::span<const std::byte> data, bool with_profile) {
  session.info.err = jpeg_std_error(&session.errors);
  session.info.client_data = &session;
  session.errors.error_exit = on_error;
  session.errors.emit_message = on_message;
  session.errors.output_message = on_output;
  if (setjmp(session.escape) != 0) return false;

  jpeg_create_decompress(&session.info);
  session.progress.progress_monitor = on_progress;
  session.info.progress = &session.progress;
  jpeg_mem_src(&session.info, reinterpret_cast<const unsigned char*>(data.data()), data.size());
  jpeg_save_markers(&session.info, kExifMarker, 0xffff);
  if (with_profile) jpeg_save_markers(&session.info, kIccMarker, 0xffff);
  jpeg_read_header(&session.info, TRUE);
  session.end_marker_optional = !session.info.arith_code && !jpeg_has_multiple_scans(&session.info);
  return true;
}

// Settles what comes out: info.output_width and output_height are the picture's, 1/factor in size, rounded up.
bool plan_output(Session& session, int factor) {
  if (setjmp(session.escape) != 0) return false;

  jpeg_decompress_struct& info = session.info;
  switch (info.jpeg_color_space) {
    case JCS_GRAYSCALE:
      info.out_color_space = JCS_GRAYSCALE;
      break;
    case JCS_CMYK:
    case JCS_YCCK:
      info.out_color_space = JCS_CMYK;
      break;
    default:
      info.out_color_space = JCS_RGB;
      break;
  }
  info.dct_method = JDCT_ISLOW;
  info.do_fancy_upsampling = TRUE;
  info.scale_num = 1;
  info.scale_denom = static_cast<unsigned>(factor);
  jpeg_calc_output_dimensions(&info);
  return true;
}

// Rows of inverted CMYK as RGB.
void write_rgb(JSAMPARRAY rows, JDIMENSION count, JDIMENSION width, std::uint8_t* pixels, std::size_t stride) {
  for (JDIMENSION i = 0; i < count; ++i, pixels += stride) {
    for (std::size_t x = 0; x < std::size_t{width} * 4; ++x) rows[i][x] = static_cast<JSAMPLE>(255 - rows[i][x]);
    cmyk_to_rgb(rows[i], static_cast<int>(width), pixels);
  }
}

// Begins to decode, and widens the columns of `region` to whole blocks.
bool start(Session& session, Region& region) {
  if (setjmp(session.escape) != 0) return false;

  jpeg_decompress_struct& info = session.info;
  jpeg_start_decompress(&info);
  if (region.width == static_cast<int>(info.output_width)) return true;
  auto left = static_cast<JDIMENSION>(region.left);
  auto width = static_cast<JDIMENSION>(region.width);
  jpeg_crop_scanline(&info, &left, &width);
  region.left = static_cast<int>(left);
  region.width = static_cast<int>(width);
  return true;
}

// Whether libjpeg-turbo (3.1) can leave out parts of this picture. With several scans it smooths coefficients across
// the crop's edge where the last scans are missing, and does not return from some skips; with a vertical sampling
// factor above 2 it skips too much. Pictures with several scans are read as a whole before the first row anyway.
bool can_leave_out(jpeg_decompress_struct& info) {
  return jpeg_has_multiple_scans(&info) == FALSE && info.max_v_samp_factor <= 2;
}

// Passes over rows, whose data are still read: damage in them is found.
void skip_rows(Session& session, JDIMENSION until) {
  jpeg_decompress_struct& info = session.info;
  // Between two looks at whether the caller has given up. Each skip but the last ends with a row of blocks, of which
  // this is a multiple: libjpeg loses count where one begins in the middle of what another passed over.
  constexpr JDIMENSION kRows = 256;
  while (info.output_scanline < until) {
    const JDIMENSION next = std::min((info.output_scanline / kRows + 1) * kRows, until);
    jpeg_skip_scanlines(&info, next - info.output_scanline);
    on_progress(reinterpret_cast<j_common_ptr>(&info));
  }
}

bool read_rows(Session& session, const Region& region, std::uint8_t* pixels, std::size_t stride) {
  if (setjmp(session.escape) != 0) return false;

  jpeg_decompress_struct& info = session.info;
  constexpr JDIMENSION kRows = 16;  // at least as many as libjpeg makes at a time
  JSAMPARRAY inks = nullptr;
  if (info.out_color_space == JCS_CMYK) {
    auto* common = reinterpret_cast<j_common_ptr>(&info);
    inks = info.mem->alloc_sarray(common, JPOOL_IMAGE, info.output_width * 4, kRows);
  }
  const auto top = static_cast<JDIMENSION>(region.top);
  const JDIMENSION bottom = top + static_cast<JDIMENSION>(region.height);
  skip_rows(session, top);
  while (info.output_scanline < bottom) {
    std::uint8_t* next = pixels + (info.output_scanline - top) * stride;
    const JDIMENSION left = std::min(kRows, bottom - info.output_scanline);
    if (inks != nullptr) {
      const JDIMENSION count = jpeg_read_scanlines(&info, inks, left);
      write_rgb(inks, count, info.output_width, next, stride);
      continue;
    }
    JSAMPROW rows[kRows];
    for (JDIMENSION i = 0; i < left; ++i) rows[i] = next + i * stride;
    jpeg_read_scanlines(&info, rows, left);
  }
  if (bottom < info.output_height) {
    // libjpeg does not read what is skipped up to the end: the last row is asked for.
    skip_rows(session, info.output_height - 1);
    auto* common = reinterpret_cast<j_common_ptr>(&info);
    const JDIMENSION components = static_cast<JDIMENSION>(info.out_color_components);
    jpeg_read_scanlines(&info, info.mem->alloc_sarray(common, JPOOL_IMAGE, info.output_width * components, 1), 1);
  }
  // The rest of the data, an end marker at best, is of no interest: jpeg_finish_decompress is left out.
  return true;
}

// Owns what libjpeg allocated.
class Decoder {
 public:
  Decoder() = default;
  ~Decoder() { jpeg_destroy_decompress(&session_.info); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  Session& session() { return session_; }

 private:
  Session session_{};
};

std::string size_text(const jpeg_decompress_struct& info) {
  return std::to_string(info.image_width) + " x " + std::to_string(info.image_height);
}

// The error for whatever made read_header or read_rows return false.
Status failure(const Session& session) {
  const PictureSize size{static_cast<int>(session.info.image_width), static_cast<int>(session.info.image_height)};
  return jpeg_failure({session.code, session.text, size, session.row});
}

// The APP1 segments come in the order of the file; XMP uses the same marker.
int orientation_of(const jpeg_decompress_struct& info) {
  for (jpeg_saved_marker_ptr marker = info.marker_list; marker != nullptr; marker = marker->next) {
    const std::span segment(reinterpret_cast<const std::byte*>(marker->data), marker->data_length);
    if (const int orientation = exif_orientation(segment); orientation != 1) return orientation;
  }
  return 1;
}

bool has_foreign_profile(const jpeg_decompress_struct& info) {
  constexpr std::string_view kIcc{"ICC_PROFILE\0", 12};
  for (jpeg_saved_marker_ptr marker = info.marker_list; marker != nullptr; marker = marker->next) {
    const std::string_view segment(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (marker->marker != kIccMarker || !segment.starts_with(kIcc)) continue;
    // Then the number of the segment and how many there are. A profile of several is too large to be that of sRGB.
    constexpr std::string_view kOnly{"\1\1", 2};
    if (segment.substr(kIcc.size(), kOnly.size()) != kOnly) return true;
    const std::span data(reinterpret_cast<const std::byte*>(marker->data), marker->data_length);
    return !is_srgb_profile(data.subspan(kIcc.size() + kOnly.size()));
  }
  return false;
}

bool lies_within(const Region& region, PictureSize whole) {
  return region.left >= 0 && region.top >= 0 && region.width >= 1 && region.height >= 1 &&
         region.width <= whole.width - region.left && region.height <= whole.height - region.top;
}

// With the pixels around it that those at its edges are smoothed from, where chrominance was stored at half the size.
Region with_margin(const Region& region, PictureSize whole) {
  constexpr int kMargin = 16;
  const int left = std::max(region.left - kMargin, 0);
  const int top = std::max(region.top - kMargin, 0);
  return {left, top, std::min(region.left + region.width + kMargin, whole.width) - left,
          std::min(region.top + region.height + kMargin, whole.height) - top};
}

Status check_header(const jpeg_decompress_struct& info, const JpegOptions& options) {
  const std::uint64_t pixels = std::uint64_t{info.image_width} * info.image_height;
  if (options.pixel_limit != 0 && pixels > options.pixel_limit) {
    return Status(error_code::kMediaTooLarge,
                  "The JPEG picture is too large, expected at most " + std::to_string(options.pixel_limit) +
                      " pixels, received " + size_text(info) + " = " + std::to_string(pixels),
                  "Raise the option pixelLimit if the picture can be trusted, or make it smaller first.");
  }
  if (info.data_precision != 8) {
    return Status(error_code::kMediaUnsupported,
                  "The JPEG data has " + std::to_string(info.data_precision) + " bits a channel, expected 8",
                  "Save the picture with 8 bits a channel.");
  }
  switch (info.jpeg_color_space) {
    case JCS_GRAYSCALE:
    case JCS_YCbCr:
    case JCS_RGB:
      if (!options.convert_colors || !has_foreign_profile(info)) return {};
      return Status(error_code::kMediaUnsupported, "The JPEG data has an ICC profile other than sRGB",
                    "Save the picture in sRGB.");
    case JCS_CMYK:
    case JCS_YCCK:
      if (!options.convert_colors) return {};
      return Status(error_code::kMediaUnsupported, "The JPEG data is in CMYK", "Save the picture as RGB.");
    default:
      return Status(error_code::kMediaUnsupported,
                    "The JPEG data has " + std::to_string(info.num_components) +
                        " colour components that are neither grey, YCbCr, RGB nor CMYK",
                    "Save the picture as RGB.");
  }
}

}  // namespace

bool is_jpeg(std::span<const std::byte> data) {
  return data.size() >= 2 && data[0] == std::byte{0xff} && data[1] == std::byte{0xd8};
}

namespace {

// `all`: nothing is left out, whatever is needed. Nothing where this turns out to be what it takes.
std::optional<Result<Picture>> decode(std::span<const std::byte> data, const JpegOptions& options, bool all,
                                      MemoryPool& pool) {
  Decoder decoder;
  Session& session = decoder.session();
  session.cancel = options.cancel;
  if (!read_header(session, data, options.convert_colors)) return failure(session);
  const jpeg_decompress_struct& info = session.info;
  FOVEATE_RETURN_IF_ERROR(check_header(info, options));

  const PictureSize size{static_cast<int>(info.image_width), static_cast<int>(info.image_height)};
  const int orientation = orientation_of(info);
  std::optional<JpegPart> part;
  if (options.part) {
    auto chosen = options.part(upright_size(size, orientation));
    if (!chosen.ok()) return chosen.take_status();
    part = chosen.value();
  }
  const int factor = part ? part->factor : 1;
  if (!plan_output(session, factor)) return failure(session);
  const PictureSize whole{static_cast<int>(info.output_width), static_cast<int>(info.output_height)};
  Region region{0, 0, whole.width, whole.height};
  if (part && !lies_within(part->needed, upright_size(whole, orientation)))
    return Status(error_code::kInternal, "The part of a JPEG picture that is needed lies outside it");
  if (part && !all && can_leave_out(session.info))
    region = with_margin(stored_region(part->needed, whole, orientation), whole);
  // Lossless JPEGs, which the header does not tell apart, know no parts.
  const auto failed = [&]() -> std::optional<Result<Picture>> {
    if (session.code == JERR_NOTIMPL && !all) return std::nullopt;
    return failure(session);
  };
  if (!start(session, region)) return failed();

  auto picture = allocate_picture(region.width, region.height,
                                  info.out_color_space == JCS_GRAYSCALE ? PixelFormat::kGrey : PixelFormat::kRgb, pool);
  if (!picture.ok()) return picture;
  if (!read_rows(session, region, picture.value().data(), picture.value().stride())) return failed();
  if (orientation != 1) {
    picture = turn_upright(picture.value(), orientation, pool);
    if (!picture.ok()) return picture;
  }
  picture.value().reduction = upright_reduction(size, factor, orientation);
  const Region upright = upright_region(region, whole, orientation);
  picture.value().origin = {upright_size(whole, orientation), upright.left, upright.top};
  return picture;
}

}  // namespace

Result<Picture> decode_jpeg(std::span<const std::byte> data, const JpegOptions& options, MemoryPool& pool) {
  auto decoded = decode(data, options, false, pool);
  if (!decoded) decoded = decode(data, options, true, pool);
  return *std::move(decoded);
}

}  // namespace foveate
