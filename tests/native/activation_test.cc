// Activations are what their corners say of them.
#include "calibration/activation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "activation_fixture.h"

namespace foveate {
namespace {

TEST(Activation, IsStraightOrCurvedBetweenItsCornersAsTold) {
  for (const Activation& activation : all_activations()) {
    SCOPED_TRACE(static_cast<int>(activation.kind));
    std::vector<double> ends{-12};
    for (const double corner : activation.corners()) ends.push_back(corner);
    ends.push_back(12);
    ASSERT_TRUE(std::is_sorted(ends.begin(), ends.end()));
    for (std::size_t i = 0; i + 1 < ends.size(); ++i) {
      bool rises = false;
      bool falls = false;
      bool bends = false;
      double before = activation(ends[i]);
      const double step = (ends[i + 1] - ends[i]) / 400;
      for (int k = 1; k <= 400; ++k) {
        const double here = activation(ends[i] + k * step);
        rises = rises || here > before + 1e-12;
        falls = falls || here < before - 1e-12;
        const double straight = activation(ends[i]) + (activation(ends[i + 1]) - activation(ends[i])) * k / 400.0;
        bends = bends || std::abs(here - straight) > 1e-9;
        before = here;
      }
      EXPECT_FALSE(rises && falls);
      EXPECT_TRUE(activation.curved() || !bends);
    }
  }
}

}  // namespace
}  // namespace foveate
