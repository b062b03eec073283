#include "metrics/assignment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "core/instructions.h"

namespace foveate {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

}  // namespace

bool Assignment::solve(std::span<const double> costs, std::size_t rows, std::size_t columns,
                       const CancelToken* cancel) {
  const bool turn = columns < rows;
  shorter_ = turn ? columns : rows;
  longer_ = turn ? rows : columns;
  costs_ = costs.data();
  if (turn) {
    turned_.resize(rows * columns);
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t column = 0; column < columns; ++column) {
        turned_[column * rows + row] = costs[row * columns + column];
      }
    }
    costs_ = turned_.data();
  }
  left_price_.assign(shorter_, 0.0);
  right_price_.assign(longer_, 0.0);
  right_of_left_.assign(shorter_, -1);
  left_of_right_.assign(longer_, -1);
  distance_.resize(longer_);
  previous_.resize(longer_);
  open_.resize(longer_);
  for (std::size_t left = 0; left < shorter_; ++left) {
    if (cancel != nullptr && cancel->cancelled()) return false;
    if (!augment(left)) return false;
  }
  column_of_row_ = turn ? left_of_right_ : right_of_left_;
  return true;
}

bool Assignment::solve_gated(std::span<const double> costs, std::size_t rows, std::size_t columns,
                             const CancelToken* cancel) {
  double largest = 0;
  for (const double cost : costs) {
    if (std::isfinite(cost)) largest = std::max(largest, std::abs(cost));
  }
  // With costs within [-c, c] and r pairs, one that is kept apart must cost more than (2r - 1)c.
  const double apart = 2.0 * static_cast<double>(std::min(rows, columns)) * (largest + 1) + 1;
  gated_.assign(costs.begin(), costs.end());
  std::replace_if(gated_.begin(), gated_.end(), [](double cost) { return !std::isfinite(cost); }, apart);
  if (!solve(gated_, rows, columns, cancel)) return false;
  for (std::size_t row = 0; row < rows; ++row) {
    std::int32_t& column = column_of_row_[row];
    if (column >= 0 && !std::isfinite(costs[row * columns + static_cast<std::size_t>(column)])) column = -1;
  }
  return true;
}

// Pairs one more left, at which others may move on to another right.
bool Assignment::augment(std::size_t row) {
  std::size_t right = shortest_path(row);
  if (right == kNone) return false;
  left_price_[row] += path_cost_;
  for (const std::int32_t left : reached_left_) {
    if (static_cast<std::size_t>(left) != row) left_price_[left] += path_cost_ - distance_[right_of_left_[left]];
  }
  for (const std::int32_t reached : reached_right_) right_price_[reached] -= path_cost_ - distance_[reached];
  for (;;) {
    const std::int32_t left = previous_[right];
    left_of_right_[right] = left;
    const std::int32_t given_up = std::exchange(right_of_left_[left], static_cast<std::int32_t>(right));
    if (static_cast<std::size_t>(left) == row) return true;
    right = static_cast<std::size_t>(given_up);
  }
}

// Most lefts find their nearest right free: then there is no path to keep. Of equally near ones that is the first.
std::size_t Assignment::nearest_free(std::size_t row) {
  constexpr std::size_t kLanes = 8;
  std::array<double, kLanes> least;
  with_best_instructions([count = longer_, costs = costs_ + row * longer_, right_price = right_price_.data(),
                          distance = distance_.data(), into = least.data()]() FOVEATE_HOT {
    std::array<double, kLanes> lanes;
    lanes.fill(kInfinity);
    std::size_t right = 0;
    for (; right + kLanes <= count; right += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const double through = costs[right + lane] - right_price[right + lane];
        distance[right + lane] = through;
        lanes[lane] = through < lanes[lane] ? through : lanes[lane];
      }
    }
    for (; right < count; ++right) {
      distance[right] = costs[right] - right_price[right];
      lanes[0] = distance[right] < lanes[0] ? distance[right] : lanes[0];
    }
    std::copy(lanes.begin(), lanes.end(), into);
  });
  path_cost_ = *std::min_element(least.begin(), least.end());
  if (path_cost_ == kInfinity) return kNone;
  for (std::size_t right = 0; right < longer_; ++right) {
    if (distance_[right] == path_cost_ && left_of_right_[right] < 0) return right;
  }
  return kNone;
}

// Dijkstra's search from a left to the nearest right that is free, which is returned; kNone where none can be reached.
std::size_t Assignment::shortest_path(std::size_t row) {
  reached_left_.assign(1, static_cast<std::int32_t>(row));
  reached_right_.clear();
  if (const std::size_t right = nearest_free(row); right != kNone) {
    previous_[right] = static_cast<std::int32_t>(row);
    return right;
  }
  std::fill(distance_.begin(), distance_.end(), kInfinity);
  reached_left_.clear();
  // From the last to the first: with all costs equal, left i is paired with right i.
  for (std::size_t place = 0; place < longer_; ++place) open_[place] = static_cast<std::int32_t>(longer_ - place - 1);

  const double* right_price = right_price_.data();
  const std::int32_t* left_of_right = left_of_right_.data();
  std::int32_t* open = open_.data();
  double* distance = distance_.data();
  std::size_t open_count = longer_;
  std::size_t left = row;
  path_cost_ = 0;
  while (open_count > 0) {
    reached_left_.push_back(static_cast<std::int32_t>(left));
    const double* costs = costs_ + left * longer_;
    const double left_price = left_price_[left];
    double nearest = kInfinity;
    std::size_t nearest_place = kNone;
    for (std::size_t place = 0; place < open_count; ++place) {
      const std::int32_t right = open[place];
      const double through = path_cost_ + costs[right] - left_price - right_price[right];
      if (through < distance[right]) {
        distance[right] = through;
        previous_[right] = static_cast<std::int32_t>(left);
      }
      // Of equally near ones a free one ends the search.
      const double candidate = distance[right];
      if (candidate < nearest || (candidate == nearest && left_of_right[right] < 0)) {
        nearest = candidate;
        nearest_place = place;
      }
    }
    if (nearest == kInfinity) return kNone;
    path_cost_ = nearest;
    const std::int32_t right = open[nearest_place];
    reached_right_.push_back(right);
    if (left_of_right[right] < 0) return static_cast<std::size_t>(right);
    left = static_cast<std::size_t>(left_of_right[right]);
    open[nearest_place] = open[--open_count];
  }
  return kNone;
}

}  // namespace foveate
