// From the raw output of a segmenter to a mask in the picture's own size.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/cancel.h"
#include "core/status.h"
#include "vision/classification.h"
#include "vision/preprocess.h"

namespace foveate {

struct MaskSpec {
  int channels = 1;  // 1: binary, foreground by `threshold`; more: argmax
  int height = 0;    // of the output's map
  int width = 0;
  Layout layout = Layout::kChannelsFirst;
  ScoreActivation activation = ScoreActivation::kNone;  // kSigmoid for one channel of logits; argmax needs none
  float threshold = 0.5f;                               // on the activated value; one channel only
};

// How many pixels of a mask are of each class. No mask within the edges of 65,535 that pictures may have overflows it.
using ClassCounts = std::array<std::uint32_t, 256>;

// Every source pixel is mapped into the output map by `placement` (whose input size the map covers), the scores are
// interpolated there bilinearly (half-pixel centres), and the highest channel, or 0/1 by the threshold (1 from it on),
// is written: source_height rows of source_width bytes. Of equal channels the lowest wins; NaN never does; where
// nothing can, it is 0. Equals resizing the part of the map that shows the picture as cv::INTER_LINEAR does: edges are
// repeated, padding has no say, and what the input does not show (a centre crop cut it off) continues the edge.
// Scores are interpolated, not classes: edges come out smooth, and no score is materialised at the picture's size. One
// channel is activated before it is interpolated, as the reference packages do; of several the raw values are
// interpolated. `counts` is overwritten. INVALID_ARGUMENT: a spec that makes no mask. ENGINE_FAILED: no score is
// finite. ABORTED. INTERNAL: spans of another size than spec and placement say.
Status decode_mask(std::span<const float> output, const MaskSpec& spec, const Placement& placement,
                   std::span<std::uint8_t> mask, ClassCounts& counts, const CancelToken* cancel = nullptr);

}  // namespace foveate
