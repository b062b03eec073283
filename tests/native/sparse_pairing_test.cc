// Pairings of sparse problems, held against the assignment of the whole matrix.
#include "metrics/sparse_pairing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "metrics/assignment.h"

namespace foveate {
namespace {

struct Problem {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<double> costs;
};

// Each pair is a candidate with this probability; `levels`: how many costs there are, 0 for any.
Problem made(std::mt19937& random, double density, int levels) {
  std::uniform_int_distribution<std::size_t> size(0, 12);
  std::uniform_real_distribution<double> share(0, 1);
  Problem problem{size(random), size(random), {}};
  for (std::size_t i = 0; i < problem.rows * problem.columns; ++i) {
    const double cost = levels == 0 ? share(random) : std::floor(share(random) * levels) / levels;
    problem.costs.push_back(share(random) < density ? -cost : 0.0);
  }
  return problem;
}

// Of each row its column, or -1 where that is no gain.
std::vector<std::int32_t> gains(const Problem& problem, std::span<const std::int32_t> columns) {
  std::vector<std::int32_t> found(problem.rows, -1);
  for (std::size_t row = 0; row < problem.rows; ++row) {
    const std::int32_t column = columns.empty() ? -1 : columns[row];
    if (column >= 0 && problem.costs[row * problem.columns + static_cast<std::size_t>(column)] < 0) found[row] = column;
  }
  return found;
}

class SparsePairingTest : public testing::TestWithParam<std::pair<double, int>> {};

TEST_P(SparsePairingTest, FindsWhatTheWholeMatrixGives) {
  const auto [density, levels] = GetParam();
  std::mt19937 random(7);
  SparsePairing pairing;
  Assignment assignment;
  for (int round = 0; round < 500; ++round) {
    const Problem problem = made(random, density, levels);
    pairing.begin(problem.rows, problem.columns);
    for (std::size_t row = 0; row < problem.rows; ++row) {
      for (std::size_t column = 0; column < problem.columns; ++column) {
        const double cost = problem.costs[row * problem.columns + column];
        if (cost < 0) pairing.add(static_cast<std::int32_t>(row), static_cast<std::int32_t>(column), cost);
      }
    }
    ASSERT_TRUE(assignment.solve(problem.costs, problem.rows, problem.columns));
    ASSERT_TRUE(pairing.solve());
    const auto columns = pairing.columns();
    ASSERT_EQ(columns.size(), problem.rows);
    EXPECT_EQ(gains(problem, columns), gains(problem, assignment.columns())) << "round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Densities, SparsePairingTest,
                         testing::Values(std::pair{0.05, 0}, std::pair{0.2, 0}, std::pair{0.6, 0}, std::pair{1.0, 0},
                                         std::pair{0.1, 3}, std::pair{0.4, 2}, std::pair{1.0, 1}));

TEST(SparsePairing, TakesACandidateOfNoGainForNone) {
  SparsePairing pairing;
  pairing.begin(2, 2);
  pairing.add(0, 1, -0.0);
  ASSERT_TRUE(pairing.solve());
  const auto columns = pairing.columns();
  EXPECT_EQ(std::vector<std::int32_t>(columns.begin(), columns.end()), (std::vector<std::int32_t>{0, 1}));
}

TEST(SparsePairing, HasNothingToPairInAnEmptyFrame) {
  SparsePairing pairing;
  pairing.begin(0, 3);
  EXPECT_TRUE(pairing.solve());
  EXPECT_TRUE(pairing.columns().empty());
  pairing.begin(3, 0);
  EXPECT_TRUE(pairing.solve());
  EXPECT_EQ(pairing.columns().size(), 3u);
}

}  // namespace
}  // namespace foveate
