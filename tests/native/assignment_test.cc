#include "metrics/assignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace foveate {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Best {
  std::size_t pairs = 0;  // of finite cost
  double cost = 0;
};

// Tries every pairing of all of the shorter side, and counts what is finite: most pairs first, then the least cost.
Best best_by_trial(const std::vector<double>& costs, std::size_t rows, std::size_t columns) {
  const bool turn = columns < rows;
  const std::size_t shorter = std::min(rows, columns);
  std::vector<std::size_t> longer(std::max(rows, columns));
  std::iota(longer.begin(), longer.end(), 0);
  Best best{0, kInfinity};
  do {
    Best tried;
    for (std::size_t i = 0; i < shorter; ++i) {
      const double cost = turn ? costs[longer[i] * columns + i] : costs[i * columns + longer[i]];
      if (std::isinf(cost)) continue;
      ++tried.pairs;
      tried.cost += cost;
    }
    if (tried.pairs > best.pairs || (tried.pairs == best.pairs && tried.cost < best.cost)) best = tried;
  } while (std::next_permutation(longer.begin(), longer.end()));
  return best;
}

// What the pairing costs; that it is one to one is expected.
Best cost_of(const Assignment& assignment, const std::vector<double>& costs, std::size_t columns) {
  Best found;
  std::vector<bool> taken(columns, false);
  for (std::size_t row = 0; row < assignment.columns().size(); ++row) {
    const std::int32_t column = assignment.columns()[row];
    if (column < 0) continue;
    EXPECT_FALSE(taken[column]);
    taken[column] = true;
    ++found.pairs;
    found.cost += costs[row * columns + column];
  }
  return found;
}

TEST(Assignment, IsTheBestOfAllPairings) {
  std::mt19937 random(7);
  Assignment assignment;  // one for all: nothing may stay from the problem before
  for (int round = 0; round < 600; ++round) {
    const std::size_t rows = 1 + random() % 6;
    const std::size_t columns = 1 + random() % 6;
    const std::size_t apart = round % 3 == 0 ? 0 : random() % 101;
    std::vector<double> costs(rows * columns);
    for (double& cost : costs) cost = random() % 100 < apart ? kInfinity : static_cast<double>(random() % 9) - 4;
    const Best best = best_by_trial(costs, rows, columns);
    const bool feasible = best.pairs == std::min(rows, columns);
    EXPECT_EQ(assignment.solve(costs, rows, columns), feasible) << "round " << round;
    if (feasible) {
      const Best found = cost_of(assignment, costs, columns);
      EXPECT_EQ(found.pairs, best.pairs);
      EXPECT_EQ(found.cost, best.cost) << "round " << round;
    }
    ASSERT_TRUE(assignment.solve_gated(costs, rows, columns));
    const Best gated = cost_of(assignment, costs, columns);
    EXPECT_EQ(gated.pairs, best.pairs) << "round " << round;
    EXPECT_EQ(gated.cost, best.pairs == 0 ? 0 : best.cost) << "round " << round;
  }
}

// The generator of tests/reference/metrics/tracks.py.
class Lcg {
 public:
  explicit Lcg(std::uint32_t seed) : state_(seed) {}

  std::uint32_t below(std::uint32_t n) {
    state_ = state_ * 1664525u + 1013904223u;
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(state_ >> 8) * n >> 24);
  }

 private:
  std::uint32_t state_;
};

std::string text_of(std::span<const std::int32_t> columns) {
  std::string text;
  for (const std::int32_t column : columns) text += (text.empty() ? "" : " ") + std::to_string(column);
  return text;
}

TEST(Assignment, ChoosesAmongEqualsAsSciPyDoes) {
  std::ifstream file(std::filesystem::path(FOVEATE_FIXTURES) / "../../reference/fixtures/metrics/assignment.txt");
  ASSERT_TRUE(file.is_open());
  Assignment assignment;
  int problems = 0;
  for (std::string line; std::getline(file, line); ++problems) {
    std::istringstream fields(line);
    std::uint32_t seed, rows, columns, levels, apart;
    fields >> seed >> rows >> columns >> levels >> apart;
    std::string bar, plain, gated;
    std::getline(fields, bar, '|');
    std::getline(fields, plain, '|');
    std::getline(fields, gated);
    Lcg random(seed);
    std::vector<double> costs(static_cast<std::size_t>(rows) * columns);
    for (double& cost : costs) {
      const bool is_apart = random.below(100) < apart;
      cost = is_apart ? kInfinity : levels > 0 ? random.below(levels) : random.below(1u << 24) / 16777216.0;
    }
    const bool solved = assignment.solve(costs, rows, columns);
    EXPECT_EQ(" " + (solved ? text_of(assignment.columns()) : "infeasible") + " ", plain) << line;
    ASSERT_TRUE(assignment.solve_gated(costs, rows, columns));
    EXPECT_EQ(" " + text_of(assignment.columns()), gated) << line;
  }
  EXPECT_GT(problems, 200);
}

TEST(Assignment, NothingIsPairedWithNothing) {
  Assignment assignment;
  EXPECT_TRUE(assignment.solve({}, 0, 0));
  EXPECT_TRUE(assignment.columns().empty());
  EXPECT_TRUE(assignment.solve({}, 3, 0));
  EXPECT_EQ(text_of(assignment.columns()), "-1 -1 -1");
  EXPECT_TRUE(assignment.solve({}, 0, 3));
  EXPECT_TRUE(assignment.columns().empty());
  EXPECT_TRUE(assignment.solve_gated({}, 2, 0));
  EXPECT_EQ(text_of(assignment.columns()), "-1 -1");
}

TEST(Assignment, NumbersThatAreNoneDoNoHarm) {
  Assignment assignment;
  EXPECT_FALSE(assignment.solve(std::vector<double>{NAN, NAN, NAN, NAN}, 2, 2));
  EXPECT_TRUE(assignment.solve_gated(std::vector<double>{NAN, 1, 1, NAN}, 2, 2));
  EXPECT_EQ(text_of(assignment.columns()), "1 0");
}

TEST(Assignment, StopsWhenItIsCancelled) {
  CancelToken cancel;
  Assignment assignment;
  EXPECT_TRUE(assignment.solve(std::vector<double>{1, 2, 3, 4}, 2, 2, &cancel));
  cancel.cancel();
  EXPECT_FALSE(assignment.solve(std::vector<double>{1, 2, 3, 4}, 2, 2, &cancel));
  EXPECT_FALSE(assignment.solve_gated(std::vector<double>{1, 2, 3, 4}, 2, 2, &cancel));
}

}  // namespace
}  // namespace foveate
