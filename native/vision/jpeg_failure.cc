#include "vision/jpeg_failure.h"

#include <cstddef>
#include <cstdio>

// After what it needs but does not include, and before jerror.h, whose codes depend on how the library was configured.
#include <jpeglib.h>

#include <jerror.h>

#include <string>

#include "core/cancel.h"

namespace foveate {
namespace {

std::string size_text(PictureSize size) { return std::to_string(size.width) + " x " + std::to_string(size.height); }

}  // namespace

Status jpeg_failure(const JpegFailure& failure) {
  constexpr const char* kFetchAgain =
      "Check the file, and where it was written or downloaded; fetch or export it again.";
  switch (failure.code) {
    case kJpegAborted:
      return aborted();
    case kJpegTooManyScans:
      return Status(error_code::kMediaInvalid,
                    "The JPEG data has more than " + std::to_string(kMaxJpegScans) + " scans, expected about ten",
                    "Save the picture again with another program.");
    case JERR_OUT_OF_MEMORY:
      return Status(error_code::kOutOfMemory, "Could not decode a JPEG picture of " + size_text(failure.size) +
                                                  " pixels: the system has no more memory");
    case JERR_IMAGE_TOO_BIG:
      return Status(error_code::kMediaTooLarge,
                    "The JPEG picture is too large, expected at most " + std::to_string(JPEG_MAX_DIMENSION) +
                        " pixels a side, received " + size_text(failure.size),
                    "Make the picture smaller first.");
    case JERR_BAD_PRECISION:
    case JERR_CCIR601_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_NOTIMPL:
    case JERR_SOF_UNSUPPORTED:
      return Status(error_code::kMediaUnsupported,
                    std::string("The JPEG data is of a kind that is not decoded here: ") + failure.text,
                    "Save the picture as a baseline or progressive JPEG with 8 bits a channel.");
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
      if (failure.size.height == 0) break;  // not even the header is complete
      return Status(error_code::kMediaInvalid,
                    "The JPEG data ends early: expected " + std::to_string(failure.size.height) +
                        " rows, received data up to row " + std::to_string(failure.row),
                    kFetchAgain);
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
      return Status(error_code::kMediaInvalid,
                    "The JPEG data is damaged near row " + std::to_string(failure.row) + " of " +
                        std::to_string(failure.size.height) + ": " + failure.text,
                    kFetchAgain);
    default:
      break;
  }
  return Status(error_code::kMediaInvalid, std::string("The data is not a complete JPEG picture: ") + failure.text,
                kFetchAgain);
}

}  // namespace foveate
