#include "metrics/sparse_pairing.h"

#include <algorithm>
#include <numeric>

namespace foveate {

void SparsePairing::begin(std::size_t rows, std::size_t columns) {
  rows_ = rows;
  columns_ = columns;
  candidates_.clear();
  parents_.resize(rows + columns);
  std::iota(parents_.begin(), parents_.end(), 0);
}

void SparsePairing::add(std::int32_t row, std::int32_t column, double cost) {
  candidates_.push_back({row, column, cost});
  const std::int32_t of_row = group_of(row);
  const std::int32_t of_column = group_of(static_cast<std::int32_t>(rows_) + column);
  if (of_row != of_column) parents_[std::max(of_row, of_column)] = std::min(of_row, of_column);
}

std::int32_t SparsePairing::group_of(std::int32_t member) {
  while (parents_[member] != member) member = parents_[member] = parents_[parents_[member]];
  return member;
}

bool SparsePairing::solve(const CancelToken* cancel) {
  column_of_row_.assign(rows_, -1);
  find_groups();
  for (std::size_t begin = 0; begin < grouped_.size();) {
    const std::int32_t root = group_of(grouped_[begin].row);
    std::size_t end = begin + 1;
    while (end < grouped_.size() && group_of(grouped_[end].row) == root) ++end;
    const std::span<const Candidate> group{grouped_.data() + begin, end - begin};
    if (!is_clear(group, sorted_)) return solve_whole(cancel);
    if (group.size() == 1) {
      column_of_row_[group[0].row] = group[0].column;
    } else if (!solve_group(group, cancel)) {
      return false;
    }
    begin = end;
  }
  return true;
}

// Sorts the candidates by group, those of one in the order that they came in.
void SparsePairing::find_groups() {
  begins_.assign(rows_ + 1, 0);
  for (const Candidate& candidate : candidates_) ++begins_[group_of(candidate.row) + 1];
  std::partial_sum(begins_.begin(), begins_.end(), begins_.begin());
  grouped_.resize(candidates_.size());
  for (const Candidate& candidate : candidates_) grouped_[begins_[group_of(candidate.row)]++] = candidate;
}

// Whether all costs are gains, and no two are equal.
bool SparsePairing::is_clear(std::span<const Candidate> group, std::vector<double>& sorted) {
  sorted.clear();
  for (const Candidate& candidate : group) sorted.push_back(candidate.cost);
  std::sort(sorted.begin(), sorted.end());
  return sorted.back() < 0 && std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end();
}

bool SparsePairing::solve_group(std::span<const Candidate> group, const CancelToken* cancel) {
  group_columns_.clear();
  for (const Candidate& candidate : group) group_columns_.push_back(candidate.column);
  std::sort(group_columns_.begin(), group_columns_.end());
  group_columns_.erase(std::unique(group_columns_.begin(), group_columns_.end()), group_columns_.end());
  places_.resize(columns_);
  for (std::size_t place = 0; place < group_columns_.size(); ++place) {
    places_[group_columns_[place]] = static_cast<std::int32_t>(place);
  }
  group_rows_.clear();
  costs_.clear();
  for (const Candidate& candidate : group) {
    if (group_rows_.empty() || group_rows_.back() != candidate.row) {
      group_rows_.push_back(candidate.row);
      costs_.resize(costs_.size() + group_columns_.size(), 0.0);
    }
    costs_[costs_.size() - group_columns_.size() + static_cast<std::size_t>(places_[candidate.column])] =
        candidate.cost;
  }
  if (!assignment_.solve(costs_, group_rows_.size(), group_columns_.size(), cancel)) return false;
  for (std::size_t place = 0; place < group_rows_.size(); ++place) {
    const std::int32_t column = assignment_.columns()[place];
    if (column >= 0) column_of_row_[group_rows_[place]] = group_columns_[column];
  }
  return true;
}

bool SparsePairing::solve_whole(const CancelToken* cancel) {
  costs_.assign(rows_ * columns_, 0.0);
  for (const Candidate& candidate : candidates_) {
    costs_[static_cast<std::size_t>(candidate.row) * columns_ + static_cast<std::size_t>(candidate.column)] =
        candidate.cost;
  }
  if (!assignment_.solve(costs_, rows_, columns_, cancel)) return false;
  column_of_row_.assign(assignment_.columns().begin(), assignment_.columns().end());
  return true;
}

}  // namespace foveate
