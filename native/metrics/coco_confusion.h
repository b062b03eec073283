// Which categories are taken for which.
#pragma once

#include <cstdint>
#include <vector>

#include "core/cancel.h"
#include "metrics/coco_matching.h"

namespace foveate {

// (categories + 1)^2 counts, row by row. A row is what an object is, a column what it was found to be; the last row is
// what was found where nothing is, the last column what was not found. Of each picture the highest score first,
// whatever its category, takes the free truth that it overlaps most and by no less than `overlap`, of equal ones that
// of its own category, then the first. What takes none and lies by `overlap` on a truth that does not count (a crowd)
// is left out. `spec`: of its kind, pictures, categories and sigmas. Both lists were checked. DATASET_INVALID: a
// damaged mask. ABORTED.
Result<std::vector<std::uint32_t>> count_confusions(const ObjectList& truth, const ObjectList& found,
                                                    const MatchSpec& spec, double overlap, double least_score,
                                                    const CancelToken* cancel = nullptr);

}  // namespace foveate
