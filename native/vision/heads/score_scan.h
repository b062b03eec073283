// Looking for the anchors that pass: the loops over all scores of an output.
#pragma once

#include <cstddef>
#include <span>

#include "vision/heads/head.h"

namespace foveate {

// `scores` holds a row of `anchors` values for each class. Offers each anchor with its best class (ties: lowest id).
void scan_score_rows(std::span<const float> scores, std::size_t anchors, CandidateList& list);

// `scores` are those of one anchor. Offers its best class with factor * score, if that passes.
void offer_best_score(std::span<const float> scores, float factor, std::size_t anchor, CandidateList& list);

}  // namespace foveate
