// Pairing rows with columns at the least total cost: truth with what was found, tracks with detections.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/cancel.h"

namespace foveate {

// Solves the rectangular assignment problem by shortest augmenting paths (D. F. Crouse, "On implementing 2D rectangular
// assignment algorithms", 2016), in O(shorter^2 * longer). Which of several best pairings is found, and how sums are
// rounded, is part of the contract: rows, columns and ties are visited in the order of SciPy's linear_sum_assignment.
// Keeps its memory from one problem to the next. Not thread-safe.
class Assignment {
 public:
  // Pairs every member of the shorter side with one of the longer. `costs` is rows * columns, row by row; infinity
  // keeps a pair apart, NaN and -infinity must not occur. False where no such pairing exists, or when cancelled.
  bool solve(std::span<const double> costs, std::size_t rows, std::size_t columns, const CancelToken* cancel = nullptr);

  // Pairs as many as can be without a pair of infinite cost, and of all such pairings the cheapest: infinity is
  // replaced by a cost that no gain elsewhere makes up for. False when cancelled.
  bool solve_gated(std::span<const double> costs, std::size_t rows, std::size_t columns,
                   const CancelToken* cancel = nullptr);

  // Of each row its column, or -1. Valid until the next problem, and only where the last one was solved.
  std::span<const std::int32_t> columns() const { return column_of_row_; }

 private:
  bool augment(std::size_t row);
  std::size_t shortest_path(std::size_t row);
  std::size_t nearest_free(std::size_t row);

  const double* costs_ = nullptr;  // shorter * longer
  std::size_t shorter_ = 0;
  std::size_t longer_ = 0;
  std::vector<double> turned_;  // the costs by columns, where there are fewer of them
  std::vector<double> gated_;
  std::vector<std::int32_t> column_of_row_;

  // Of the shorter side ("left") and the longer ("right").
  std::vector<double> left_price_;
  std::vector<double> right_price_;
  std::vector<std::int32_t> right_of_left_;
  std::vector<std::int32_t> left_of_right_;

  // Of one search.
  double path_cost_ = 0;
  std::vector<double> distance_;
  std::vector<std::int32_t> previous_;  // of each right, the left before it on the shortest path
  std::vector<std::int32_t> open_;      // rights that were not reached for good
  std::vector<std::int32_t> reached_left_;
  std::vector<std::int32_t> reached_right_;
};

}  // namespace foveate
