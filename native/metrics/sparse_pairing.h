// Pairs the rows of one frame where few can be pairs at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "metrics/assignment.h"

namespace foveate {

// Finds the pairing that Assignment::solve finds of a matrix that is 0 but for some candidates of negative cost, at a
// part of the work: groups of rows and columns that no candidate joins are solved one by one, and a candidate without
// rivals is no problem at all. The best pairing of all is that of each group. Where costs within a group are equal,
// which of several best pairings is found may depend on the whole: then the whole is solved. Keeps its memory from one
// frame to the next. Not thread-safe.
class SparsePairing {
 public:
  void begin(std::size_t rows, std::size_t columns);
  // Each pair once, in the order of rows.
  void add(std::int32_t row, std::int32_t column, double cost);
  // False when cancelled.
  bool solve(const CancelToken* cancel = nullptr);
  // Of each row its column, or one that is no candidate, or -1. Valid until the next begin, and only where it was
  // solved.
  std::span<const std::int32_t> columns() const { return column_of_row_; }

 private:
  struct Candidate {
    std::int32_t row, column;
    double cost;
  };

  std::int32_t group_of(std::int32_t member);
  void find_groups();
  static bool is_clear(std::span<const Candidate> group, std::vector<double>& sorted);
  bool solve_group(std::span<const Candidate> group, const CancelToken* cancel);
  bool solve_whole(const CancelToken* cancel);

  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  std::vector<Candidate> candidates_;
  std::vector<std::int32_t> parents_;  // of rows, then of columns
  std::vector<std::int32_t> begins_;   // of each group, by its root; then where its next candidate goes
  std::vector<Candidate> grouped_;
  std::vector<std::int32_t> column_of_row_;

  // Of one group.
  Assignment assignment_;
  std::vector<double> costs_;
  std::vector<double> sorted_;
  std::vector<std::int32_t> group_rows_;
  std::vector<std::int32_t> group_columns_;
  std::vector<std::int32_t> places_;  // of columns in the group
};

}  // namespace foveate
