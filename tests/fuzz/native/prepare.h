// A picture on its way into a model's input.
#pragma once

#include "vision/preprocess.h"

namespace foveate::fuzz {

// Plans and writes the input where it has at most a million values, twice, and expects that each value was written.
void prepare(const PictureView& picture, const PreprocessSpec& spec);

}  // namespace foveate::fuzz
