#include "metrics/tracking.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

#include "metrics/pairwise_sum.h"

namespace foveate {
namespace {

// Rows of one side.
struct Rows {
  std::vector<std::int32_t> frames, ids, classes;
  std::vector<double> boxes, confidences;

  Rows& add(std::int32_t frame, std::int32_t id, std::array<double, 4> box, std::int32_t class_id = 1,
            double confidence = 1) {
    frames.push_back(frame);
    ids.push_back(id);
    boxes.insert(boxes.end(), box.begin(), box.end());
    classes.push_back(class_id);
    confidences.push_back(confidence);
    return *this;
  }
  Rows& follow(std::int32_t id, std::int32_t first, std::int32_t last, std::array<double, 4> box) {
    for (std::int32_t frame = first; frame <= last; ++frame) add(frame, id, box);
    return *this;
  }
  TrackedObjects view() const { return {frames, ids, boxes, confidences, classes}; }
};

constexpr std::array<double, 4> kHere = {0, 0, 10, 10};
constexpr std::array<double, 4> kThere = {100, 0, 10, 10};

TrackingParts measure(const Rows& truth, const Rows& found, TrackingRules rules = TrackingRules::kTrackEval,
                      TrackingBenchmark benchmark = TrackingBenchmark::kNone) {
  auto parts = measure_tracking(truth.view(), found.view(), benchmark, rules);
  EXPECT_TRUE(parts.ok()) << parts.status().error().message;
  return parts.value();
}

Rows random_rows(std::mt19937& random, int tracks, int frames) {
  Rows rows;
  for (int frame = 0; frame < frames; ++frame) {
    for (int id = 0; id < tracks; ++id) {
      if (random() % 3 == 0) continue;
      const auto place = [&] { return static_cast<double>(random() % 6); };
      rows.add(frame, id, {place(), place(), 4 + place(), 4 + place()});
    }
  }
  return rows;
}

double overlap(const double* a, const double* b) {
  const double width = std::min(a[0] + a[2], b[0] + b[2]) - std::max(a[0], b[0]);
  const double height = std::min(a[1] + a[3], b[1] + b[3]) - std::max(a[1], b[1]);
  const double both = std::max(width, 0.0) * std::max(height, 0.0);
  return both / (a[2] * a[3] + b[2] * b[3] - both);
}

// The most boxes that any one-to-one pairing of tracks gets right, by trying all of them.
std::int64_t most_identities(const Rows& truth, const Rows& found, int truth_tracks, int found_tracks) {
  std::map<std::pair<int, int>, std::int64_t> matches;
  for (std::size_t i = 0; i < truth.ids.size(); ++i) {
    for (std::size_t j = 0; j < found.ids.size(); ++j) {
      if (truth.frames[i] != found.frames[j]) continue;
      if (overlap(&truth.boxes[i * 4], &found.boxes[j * 4]) >= 0.5) ++matches[{truth.ids[i], found.ids[j]}];
    }
  }
  std::vector<int> partners(std::max(truth_tracks, found_tracks));
  std::iota(partners.begin(), partners.end(), 0);
  std::int64_t most = 0;
  do {
    std::int64_t total = 0;
    for (int track = 0; track < truth_tracks; ++track) {
      const auto match = matches.find({track, partners[track]});
      if (match != matches.end()) total += match->second;
    }
    most = std::max(most, total);
  } while (std::next_permutation(partners.begin(), partners.end()));
  return most;
}

TEST(Tracking, IdentityIsTheBestPairingOfTracks) {
  std::mt19937 random(5);
  for (int round = 0; round < 60; ++round) {
    const int truth_tracks = 1 + static_cast<int>(random() % 5);
    const int found_tracks = 1 + static_cast<int>(random() % 6);
    const Rows truth = random_rows(random, truth_tracks, 8);
    const Rows found = random_rows(random, found_tracks, 8);
    const TrackingParts parts = measure(truth, found);
    EXPECT_EQ(parts.identity.true_positives, most_identities(truth, found, truth_tracks, found_tracks)) << round;
    EXPECT_EQ(parts.identity.true_positives + parts.identity.false_negatives, truth.ids.size());
    EXPECT_EQ(parts.identity.true_positives + parts.identity.false_positives, found.ids.size());
  }
}

TEST(Tracking, CountsAddUpUnderEitherRules) {
  std::mt19937 random(6);
  for (int round = 0; round < 40; ++round) {
    const Rows truth = random_rows(random, 1 + static_cast<int>(random() % 12), 10);
    const Rows found = random_rows(random, 1 + static_cast<int>(random() % 12), 10);
    for (const auto rules : {TrackingRules::kTrackEval, TrackingRules::kPyMotmetrics}) {
      const TrackingParts parts = measure(truth, found, rules);
      const ClearCounts& clear = parts.clear;
      EXPECT_EQ(clear.true_positives + clear.false_negatives, parts.truth_boxes);
      EXPECT_EQ(clear.true_positives + clear.false_positives, parts.found_boxes);
      EXPECT_EQ(clear.mostly_tracked + clear.partly_tracked + clear.mostly_lost, parts.truth_tracks);
      EXPECT_LE(clear.switches, clear.true_positives);
      EXPECT_LE(clear.iou_sum, static_cast<double>(clear.true_positives));
      for (std::size_t a = 0; a < kHotaThresholds; ++a) {
        EXPECT_EQ(parts.hota.true_positives[a] + parts.hota.false_negatives[a], parts.truth_boxes);
        EXPECT_LE(parts.hota.association[a], std::min(parts.hota.association_recall[a], 1.0));
        if (a > 0) {
          EXPECT_LE(parts.hota.true_positives[a], parts.hota.true_positives[a - 1]);
        }
      }
    }
  }
}

TEST(Tracking, WhatIsPerfectIsPerfect) {
  const Rows truth = Rows().follow(1, 1, 10, kHere).follow(2, 3, 8, kThere);
  const Rows found = Rows().follow(20, 3, 8, kThere).follow(-10, 1, 10, kHere);
  const TrackingParts parts = measure(truth, found);
  EXPECT_EQ(parts.clear.true_positives, 16);
  EXPECT_EQ(parts.clear.switches + parts.clear.fragmentations, 0);
  EXPECT_EQ(parts.clear.mostly_tracked, 2);
  EXPECT_EQ(parts.identity.true_positives, 16);
  for (std::size_t a = 0; a < kHotaThresholds; ++a) {
    EXPECT_EQ(parts.hota.true_positives[a], 16);
    EXPECT_EQ(parts.hota.association[a], 1);
    EXPECT_EQ(parts.hota.localisation[a], 1);
  }
}

TEST(Tracking, ASwapIsASwitchOfBoth) {
  const Rows truth = Rows().follow(1, 1, 6, kHere).follow(2, 1, 6, kThere);
  const Rows found =
      Rows().follow(5, 1, 3, kHere).follow(6, 1, 3, kThere).follow(6, 4, 6, kHere).follow(5, 4, 6, kThere);
  for (const auto rules : {TrackingRules::kTrackEval, TrackingRules::kPyMotmetrics}) {
    const TrackingParts parts = measure(truth, found, rules);
    EXPECT_EQ(parts.clear.switches, 2);
    EXPECT_EQ(parts.clear.true_positives, 12);
    EXPECT_EQ(parts.identity.true_positives, 6);
  }
}

TEST(Tracking, RulesDifferInWhatComesAfterAGap) {
  const std::array<double, 4> worse = {0, 0, 10, 8};
  const Rows truth = Rows().follow(1, 1, 3, kHere);
  // Frame 2 has nobody's box; in frame 3, the old track is back, beside a better box.
  const Rows found = Rows().add(1, 5, kHere).add(2, 9, kThere).add(3, 5, worse).add(3, 6, kHere);
  EXPECT_EQ(measure(truth, found, TrackingRules::kTrackEval).clear.switches, 1);
  EXPECT_EQ(measure(truth, found, TrackingRules::kPyMotmetrics).clear.switches, 0);
}

TEST(Tracking, DistractorsTakeOutWhatLiesOnThem) {
  constexpr std::int32_t kStaticPerson = 7, kVehicle = 6, kCar = 3;
  for (const auto& [class_id, benchmark, taken_out] : {std::tuple{kStaticPerson, TrackingBenchmark::kMot17, true},
                                                       {kVehicle, TrackingBenchmark::kMot17, false},
                                                       {kVehicle, TrackingBenchmark::kMot20, true},
                                                       {kCar, TrackingBenchmark::kMot20, false}}) {
    const Rows truth = Rows().add(1, 1, kHere).add(1, 2, kThere, class_id).add(2, 1, kHere, 1, 0.9);
    const Rows found = Rows().add(1, 3, kHere).add(1, 4, kThere).add(2, 3, kHere);
    const TrackingParts parts = measure(truth, found, TrackingRules::kTrackEval, benchmark);
    EXPECT_EQ(parts.truth_boxes, 1);  // the confidence of 0.9 is cut to 0
    EXPECT_EQ(parts.found_boxes, taken_out ? 2 : 3);
    EXPECT_EQ(parts.found_tracks, taken_out ? 1 : 2);
  }
}

TEST(Tracking, WhatCannotBeIsRefused) {
  const auto refusal = [](const Rows& truth, const Rows& found, TrackingBenchmark benchmark) {
    auto parts = measure_tracking(truth.view(), found.view(), benchmark, TrackingRules::kTrackEval);
    EXPECT_FALSE(parts.ok());
    EXPECT_EQ(parts.status().error().code, error_code::kInvalidArgument);
    return parts.status().error().message;
  };
  const Rows good = Rows().follow(1, 1, 3, kHere);
  Rows twice = good;
  twice.add(2, 1, kThere);
  EXPECT_EQ(refusal(twice, good, TrackingBenchmark::kNone), "Truth has id 1 twice in frame 2");
  EXPECT_EQ(refusal(good, twice, TrackingBenchmark::kNone), "What was found has id 1 twice in frame 2");
  const Rows endless = Rows().add(4, 2, {0, 0, std::numeric_limits<double>::infinity(), 1});
  EXPECT_EQ(refusal(good, endless, TrackingBenchmark::kNone),
            "What was found has a box with a number that is not finite: id 2 in frame 4");
  EXPECT_EQ(refusal(Rows().add(4, 2, kHere, 14), good, TrackingBenchmark::kMot17),
            "Truth has class 14 in frame 4, id 2, which the benchmark does not have");
  EXPECT_EQ(refusal(good, Rows().add(4, 2, kHere, 2), TrackingBenchmark::kMot20),
            "What was found has class 2 in frame 4, id 2, which the benchmark does not have");
}

TEST(Tracking, TakesAnyFrameAndId) {
  constexpr std::int32_t kLeast = std::numeric_limits<std::int32_t>::min();
  constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
  const Rows truth = Rows().add(kMost, kLeast, kHere).add(kLeast, kMost, kHere).add(0, 0, kHere).add(kLeast, 0, kThere);
  EXPECT_EQ(measure(truth, truth).identity.true_positives, 4);
  EXPECT_EQ(measure(truth, {}).clear.false_negatives, 4);
  EXPECT_EQ(measure({}, truth).clear.false_positives, 4);
  EXPECT_EQ(measure({}, {}).truth_boxes, 0);
}

TEST(Tracking, StopsWhenItIsCancelled) {
  const Rows rows = Rows().follow(1, 1, 3, kHere);
  CancelToken cancel;
  cancel.cancel();
  for (const auto benchmark : {TrackingBenchmark::kNone, TrackingBenchmark::kMot17}) {
    auto parts = measure_tracking(rows.view(), rows.view(), benchmark, TrackingRules::kTrackEval, &cancel);
    ASSERT_FALSE(parts.ok());
    EXPECT_EQ(parts.status().error().code, error_code::kAborted);
  }
  const TrackedSequence sequence = track_sequence(rows.view(), rows.view(), TrackingBenchmark::kNone).value();
  EXPECT_FALSE(count_clear(sequence, TrackingRules::kTrackEval, &cancel).ok());
  EXPECT_FALSE(count_clear(sequence, TrackingRules::kPyMotmetrics, &cancel).ok());
  EXPECT_FALSE(count_identity(sequence, TrackingRules::kTrackEval, &cancel).ok());
  EXPECT_FALSE(measure_hota(sequence, &cancel).ok());
}

TEST(PairwiseSum, OfFewValuesIsThatOfAll) {
  std::mt19937 random(9);
  std::uniform_real_distribution<double> unit(0, 1);
  for (const std::size_t length : {0u, 1u, 7u, 8u, 9u, 127u, 128u, 129u, 136u, 1000u, 5003u}) {
    for (const unsigned of_ten : {0u, 1u, 5u, 10u}) {
      std::vector<double> values(length, 0.0);
      std::vector<PlacedValue> placed;
      for (std::size_t place = 0; place < length; ++place) {
        if (random() % 10 >= of_ten) continue;
        values[place] = unit(random);
        placed.push_back({place, values[place]});
      }
      EXPECT_EQ(pairwise_sum(placed, length), pairwise_sum(values)) << length;
      EXPECT_NEAR(pairwise_sum(values), std::accumulate(values.begin(), values.end(), 0.0), 1e-9);
    }
  }
}

}  // namespace
}  // namespace foveate
