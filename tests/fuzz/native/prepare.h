// A picture on its way into a model's input.
#pragma once

#include "vision/preprocess.h"

namespace foveate::fuzz {

// Plans the input and writes it where it has at most a million values, twice, and expects that each value was written.
void prepare(const PictureView& picture, const PreprocessSpec& spec);

// As it was planned.
void prepare(const PictureView& picture, const PreprocessSpec& spec, const Geometry& geometry);

}  // namespace foveate::fuzz
