// What it means to a user that libjpeg gave up.
#pragma once

#include "core/status.h"
#include "vision/picture.h"

namespace foveate {

// A progressive JPEG may claim any number of scans, each of which visits every block for a few bytes of data. Encoders
// in use write about ten.
inline constexpr int kMaxJpegScans = 100;
// Codes of ours, beyond libjpeg's.
inline constexpr int kJpegTooManyScans = 10'000;
inline constexpr int kJpegAborted = 10'001;

struct JpegFailure {
  int code;          // libjpeg's, or one of ours
  const char* text;  // libjpeg's own words
  PictureSize size;  // 0 x 0 where the header was not read to its end
  unsigned row;      // how far it came
};

// ABORTED, OUT_OF_MEMORY, MEDIA_TOO_LARGE, MEDIA_UNSUPPORTED, else MEDIA_INVALID.
Status jpeg_failure(const JpegFailure& failure);

}  // namespace foveate
