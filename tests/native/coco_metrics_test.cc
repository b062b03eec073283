#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "metrics/coco_confusion.h"
#include "metrics/coco_curves.h"
#include "metrics/coco_matching.h"
#include "metrics/coco_results.h"
#include "metrics/json_text.h"

namespace foveate {
namespace {

struct Objects {
  std::vector<std::int32_t> images, categories;
  std::vector<double> boxes, scores;
  std::vector<std::uint8_t> crowd;

  void add(std::int32_t image, std::int32_t category, std::vector<double> box, double score = 0,
           bool is_crowd = false) {
    images.push_back(image);
    categories.push_back(category);
    boxes.insert(boxes.end(), box.begin(), box.end());
    scores.push_back(score);
    crowd.push_back(is_crowd);
  }

  ObjectList list() const {
    ObjectList list;
    list.images = images;
    list.categories = categories;
    list.boxes = boxes;
    list.scores = scores;
    list.crowd = crowd;
    return list;
  }
};

MatchSpec spec_of(std::int32_t images, std::int32_t categories) {
  MatchSpec spec;
  spec.images = images;
  spec.categories = categories;
  for (int i = 0; i < 10; ++i) spec.thresholds.push_back(0.5 + 0.05 * i);
  spec.areas = coco_areas(ObjectKind::kBox);
  spec.max_detections = {1, 10, 100};
  return spec;
}

TEST(CocoMatching, TakesTheBestFreeTruthInOrderOfScores) {
  Objects truth, found;
  truth.add(0, 0, {0, 0, 10, 10});
  truth.add(0, 0, {2, 0, 10, 10});
  found.add(0, 0, {1, 0, 10, 10}, 0.5);  // as far from both: the last of equal ones, were it free
  found.add(0, 0, {2, 0, 10, 10}, 0.9);
  found.add(0, 0, {0, 0, 10, 10}, 0.4);  // comes too late
  found.add(0, 0, {50, 50, 10, 10}, 0.99);
  const Matching matching = match_objects(truth.list(), found.list(), spec_of(1, 1)).value();
  EXPECT_EQ(matching.matched_truth, (std::vector<std::int32_t>{0, 1, -1, -1}));
  EXPECT_EQ(matching.best_overlap[1], 1);
  EXPECT_EQ(matching.best_overlap[3], 0);
  EXPECT_EQ(matching.neither, (std::vector<std::uint8_t>{0, 0, 0, 0}));
}

TEST(CocoMatching, LetsManyLieOnACrowdAndCountsNone) {
  Objects truth, found;
  truth.add(0, 0, {0, 0, 100, 100}, 0, true);
  found.add(0, 0, {0, 0, 10, 10}, 0.5);
  found.add(0, 0, {50, 50, 10, 10}, 0.4);
  const MatchSpec spec = spec_of(1, 1);
  const Matching matching = match_objects(truth.list(), found.list(), spec).value();
  EXPECT_EQ(matching.matched_truth, (std::vector<std::int32_t>{0, 0}));
  EXPECT_EQ(matching.neither, (std::vector<std::uint8_t>{1, 1}));
  const auto summary = summarize(accumulate(matching, spec).value(), spec);
  EXPECT_TRUE(std::all_of(summary.begin(), summary.end(), [](double value) { return value == -1; }));
}

TEST(CocoMatching, RefusesListsThatDoNotFit) {
  Objects objects;
  objects.add(0, 0, {0, 0, 10, 10}, 0.5);
  const auto refused = [](const ObjectList& list, std::size_t images = 1, ObjectKind kind = ObjectKind::kBox) {
    const Status status = check_objects(list, kind, 17, static_cast<std::int64_t>(images), 1, "Objects");
    return !status.ok() && status.error().code == error_code::kInvalidArgument;
  };
  EXPECT_FALSE(refused(objects.list()));
  EXPECT_TRUE(refused(objects.list(), 0));
  EXPECT_TRUE(refused(objects.list(), 1, ObjectKind::kMask));
  EXPECT_TRUE(refused(objects.list(), 1, ObjectKind::kKeypoints));
  ObjectList shorter = objects.list();
  shorter.boxes = shorter.boxes.first(3);
  EXPECT_TRUE(refused(shorter));
  objects.images[0] = -1;
  EXPECT_TRUE(refused(objects.list()));

  objects.images[0] = 0;
  objects.scores[0] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(refused(objects.list()));
  objects.scores[0] = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(refused(objects.list()));
  ObjectList masks = objects.list();
  const std::vector<std::int32_t> sizes{2, 2};
  const std::vector<std::uint32_t> ends{5};
  masks.masks = {sizes, {"4", 1}, ends};
  EXPECT_TRUE(refused(masks, 1, ObjectKind::kMask));
}

TEST(CocoMatching, TakesTruthsWhereNothingWasFound) {
  Objects truth;
  truth.add(0, 0, {0, 0, 10, 10});
  const MatchSpec spec = spec_of(1, 1);
  const Matching matching = match_objects(truth.list(), ObjectList{}, spec).value();
  EXPECT_EQ(matching.truths.size(), 1u);
  EXPECT_EQ(summarize(accumulate(matching, spec).value(), spec)[0], 0);
}

TEST(CocoMatching, StopsWhenItIsCancelled) {
  Objects objects;
  objects.add(0, 0, {0, 0, 10, 10}, 0.5);
  CancelToken cancel;
  cancel.cancel();
  const ObjectList list = objects.list();
  EXPECT_EQ(match_objects(list, list, spec_of(1, 1), &cancel).take_status().error().code, error_code::kAborted);
  OverlapMeasure measure(ObjectKind::kBox, list, list, {});
  const std::vector<std::int32_t> first{0};
  std::vector<double> overlaps;
  EXPECT_FALSE(measure.measure(first, first, overlaps, &cancel).ok());
}

TEST(CocoMatching, RefusesMasksOfOtherSizes) {
  Objects truth, found;
  truth.add(0, 0, {0, 0, 1, 1});
  found.add(0, 0, {0, 0, 1, 1}, 1);
  MatchSpec spec = spec_of(1, 1);
  spec.kind = ObjectKind::kMask;
  const std::vector<std::int32_t> two{2, 2}, one{1, 4};
  const std::vector<std::uint32_t> ends{2};
  ObjectList truths = truth.list(), founds = found.list();
  truths.masks = {two, {"04", 2}, ends};
  founds.masks = {one, {"04", 2}, ends};
  auto matched = match_objects(truths, founds, spec);
  ASSERT_FALSE(matched.ok());
  EXPECT_EQ(matched.status().error().code, error_code::kDatasetInvalid);
  founds.masks.sizes = two;
  EXPECT_EQ(match_objects(truths, founds, spec).value().best_overlap[0], 1);
}

// A resample counts what a data set would, in which each picture stands as often as it was drawn.
TEST(CocoCurves, ResamplesAsIfPicturesWereRepeated) {
  constexpr std::int32_t kImages = 30;
  std::mt19937 random(11);
  std::uniform_real_distribution<double> unit(0, 1);
  Objects truth, found;
  for (std::int32_t image = 0; image < kImages; ++image) {
    for (std::int32_t category = 0; category < 3; ++category) {
      for (unsigned i = random() % 4; i > 0; --i) {
        const std::vector<double> box{unit(random) * 100, unit(random) * 100, 5 + unit(random) * 120,
                                      5 + unit(random) * 120};
        truth.add(image, category, box, 0, random() % 8 == 0);
        found.add(image, category, {box[0] + unit(random) * 8, box[1], box[2], box[3]}, unit(random));
      }
      found.add(image, category, {unit(random) * 100, 0, 30, 30}, unit(random));
    }
  }
  const MatchSpec spec = spec_of(kImages, 3);
  const Matching matching = match_objects(truth.list(), found.list(), spec).value();
  const std::vector<double> all = resample(matching, spec, 42, 0, 20).value();
  ASSERT_EQ(all.size(), 20u * 12);
  EXPECT_EQ(resample(matching, spec, 42, 7, 1).value(), std::vector<double>(all.begin() + 84, all.begin() + 96));
  EXPECT_NE(resample(matching, spec, 43, 0, 20).value(), all);

  for (std::uint32_t number = 0; number < 20; ++number) {
    const auto counts = draw_pictures(42, number, kImages);
    Objects repeated_truth, repeated_found;
    std::int32_t place = 0;
    for (std::int32_t image = 0; image < kImages; ++image) {
      for (std::uint32_t copy = 0; copy < counts[static_cast<std::size_t>(image)]; ++copy, ++place) {
        const auto repeat = [&](const Objects& from, Objects& to) {
          for (std::size_t i = 0; i < from.images.size(); ++i) {
            if (from.images[i] != image) continue;
            to.add(place, from.categories[i], {from.boxes.begin() + 4 * i, from.boxes.begin() + 4 * i + 4},
                   from.scores[i], from.crowd[i] != 0);
          }
        };
        repeat(truth, repeated_truth);
        repeat(found, repeated_found);
      }
    }
    ASSERT_EQ(place, kImages);
    const Matching again = match_objects(repeated_truth.list(), repeated_found.list(), spec).value();
    const auto expected = summarize(accumulate(again, spec).value(), spec);
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(all[number * 12 + i], expected[i], 1e-12) << i;
  }
}

TEST(CocoConfusion, CountsWhatIsTakenForWhat) {
  Objects truth, found;
  truth.add(0, 0, {0, 0, 10, 10});
  truth.add(0, 1, {100, 0, 10, 10});
  truth.add(0, 1, {200, 0, 50, 50}, 0, true);
  truth.add(1, 2, {0, 0, 10, 10});
  found.add(0, 0, {0, 0, 10, 10}, 0.9);
  found.add(0, 2, {100, 0, 10, 10}, 0.8);   // taken for another
  found.add(0, 1, {100, 1, 10, 10}, 0.7);   // comes too late: where nothing is left
  found.add(0, 1, {210, 10, 10, 10}, 0.6);  // on the crowd
  found.add(1, 2, {0, 0, 10, 10}, 0.2);     // below the score
  MatchSpec spec;
  spec.images = 2;
  spec.categories = 3;
  const auto counts = count_confusions(truth.list(), found.list(), spec, 0.5, 0.25).value();
  EXPECT_EQ(counts, (std::vector<std::uint32_t>{1, 0, 0, 0,  //
                                                0, 0, 1, 0,  //
                                                0, 0, 0, 1,  //
                                                0, 1, 0, 0}));
}

TEST(CocoConfusion, PrefersItsOwnCategoryWhereTruthsLieOnOneAnother) {
  Objects truth, found;
  truth.add(0, 0, {0, 0, 10, 10});
  truth.add(0, 1, {0, 0, 10, 10});
  found.add(0, 1, {0, 0, 10, 10}, 0.9);
  found.add(0, 0, {0, 0, 10, 10}, 0.8);
  MatchSpec spec;
  spec.images = 1;
  spec.categories = 2;
  const auto counts = count_confusions(truth.list(), found.list(), spec, 0.5, 0).value();
  EXPECT_EQ(counts, (std::vector<std::uint32_t>{1, 0, 0, 0, 1, 0, 0, 0, 0}));
}

TEST(CocoConfusion, TakesACrowdedPictureInParts) {
  Objects truth, found;
  constexpr std::int32_t kObjects = 2500;
  for (std::int32_t i = 0; i < kObjects; ++i) {
    const double x = 20.0 * (i % 50);
    const double y = 20.0 * (i / 50);
    truth.add(0, i % 3, {x, y, 10, 10});
    found.add(0, (i / 3) % 3, {x + 1, y, 10, 10}, (i * 7919) % kObjects);
  }
  MatchSpec spec;
  spec.images = 1;
  spec.categories = 3;
  std::vector<std::uint32_t> expected(16);
  for (std::int32_t i = 0; i < kObjects; ++i) ++expected[static_cast<std::size_t>(4 * (i % 3) + i / 3 % 3)];
  EXPECT_EQ(count_confusions(truth.list(), found.list(), spec, 0.5, 0).value(), expected);
}

TEST(JsonText, StopsInALongValueWhenItIsCancelled) {
  std::string text = "[0";
  for (int i = 0; i < 10'000; ++i) text += ",0";
  text += "]";
  CancelToken cancel;
  EXPECT_TRUE(JsonText(text, &cancel).skip_value().ok());
  cancel.cancel();
  const Status status = JsonText(text, &cancel).skip_value();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, error_code::kAborted);
}

class CocoResultsTest : public testing::Test {
 protected:
  Result<CocoResults> read(std::string_view text, ObjectKind kind = ObjectKind::kBox) {
    return read_coco_results(text, {kind, 2, images_, categories_});
  }

  std::string message(std::string_view text, ObjectKind kind = ObjectKind::kBox) {
    auto results = read(text, kind);
    if (results.ok()) return "";
    EXPECT_EQ(results.status().error().code, error_code::kDatasetInvalid);
    return results.status().error().message;
  }

 private:
  std::vector<double> images_{42, 7};
  std::vector<double> categories_{1, 90};
};

TEST_F(CocoResultsTest, ReadsFieldsInAnyOrderAndSkipsOthers) {
  const auto results =
      read(
          R"( [ {"score": 1e-3, "bbox": [1, -2.5, 3, 4E1], "x": {"a": [null, "\u20ac\n", {}]}, "category_id": 90, "image_id": 7.0},
    {"image_id":42,"category_id":1,"score":0.87345123456789012,"bbox":[0,0,0,0],"segmentation":[]}] )")
          .value();
  EXPECT_EQ(results.images, (std::vector<std::int32_t>{1, 0}));
  EXPECT_EQ(results.categories, (std::vector<std::int32_t>{1, 0}));
  EXPECT_EQ(results.boxes, (std::vector<double>{1, -2.5, 3, 40, 0, 0, 0, 0}));
  EXPECT_EQ(results.scores, (std::vector<double>{0.001, 0.87345123456789012}));
  EXPECT_TRUE(read("[]").value().images.empty());
}

TEST_F(CocoResultsTest, NamesWhatIsWrong) {
  const std::string good = R"({"image_id":42,"category_id":1,"score":0.5,"bbox":[0,0,1,1]})";
  const auto with = [&](std::string from, std::string to) {
    std::string text = good;
    return "[" + good + "," + text.replace(text.find(from), from.size(), to) + "]";
  };
  EXPECT_EQ(message(with("0.5", "NaN")), "[1].score: expected a finite number but received NaN");
  EXPECT_EQ(message(with("0.5", "-Infinity")), "[1].score: expected a finite number but received -Infinity");
  EXPECT_EQ(message(with("0.5", "1e999")), "[1].score: expected a finite number but received 1e999");
  EXPECT_EQ(message(with("0.5", "\"a\"")), "[1].score: expected a finite number but received \"a\"");
  EXPECT_EQ(message(with(",\"score\":0.5", "")), "[1].score: expected a finite number but received nothing");
  EXPECT_EQ(message(with("42", "43")), "[1].image_id: expected a picture of the data set but received 43");
  EXPECT_EQ(message(with("id\":1", "id\":0")), "[1].category_id: expected a category of the data set but received 0");
  EXPECT_EQ(message(with("[0,0,1,1]", "[0,0,1]")), "[1].bbox: expected x, y, width and height but received 3 numbers");
  EXPECT_EQ(message(with("[0,0,1,1]", "[0,0,null,1]")), "[1].bbox[2]: expected a finite number but received null");
  EXPECT_EQ(message(with("[0,0,1,1]", "[5,0,-1,1]")),
            "[1].bbox: expected a width and height of at least 0 but received -1 and 1");
  EXPECT_EQ(message("[3]"), "[0]: expected an object but received 3]");
  EXPECT_EQ(message("{}"), "at byte 0: expected an array of results but received {}");
  EXPECT_EQ(message(""), "at byte 0: expected an array of results but received the end");
  for (std::size_t length = 0; length <= good.size(); ++length) EXPECT_NE(message("[" + good.substr(0, length)), "");
  EXPECT_NE(message("[" + good + "] 1"), "");
  EXPECT_NE(message("[" + good + ",]"), "");
  EXPECT_NE(message("[{\"a\":" + std::string(100'000, '[')), "");
  EXPECT_NE(message("[{\"a\":\"\\ud800\\u0041\"}]"), "");
}

TEST_F(CocoResultsTest, TakesNothingAfterTheResults) {
  using namespace std::string_literals;
  EXPECT_EQ(message("[] \n"), "");
  EXPECT_NE(message("[]\0"s), "");
  EXPECT_NE(message("[]\0[]"s), "");
}

TEST_F(CocoResultsTest, CountsKeypointsThatAreTooMany) {
  std::string many = "0";
  for (int i = 1; i < 1000; ++i) many += ",0";
  EXPECT_NE(
      message(R"([{"image_id":42,"category_id":1,"score":0.5,"keypoints":[)" + many + "]}]", ObjectKind::kKeypoints)
          .find("but received 1000"),
      std::string::npos);
}

TEST_F(CocoResultsTest, ReadsMasksAndKeypoints) {
  const std::string ids = R"("image_id":42,"category_id":1,"score":0.5,)";
  const auto masks = read("[{" + ids + R"("segmentation":{"size":[2,3],"counts":[1,2,3]}},{)" + ids +
                              R"("segmentation":{"counts":"123","size":[2,3]}}])",
                          ObjectKind::kMask)
                         .value();
  EXPECT_EQ(masks.mask_text, "123123");
  EXPECT_EQ(masks.boxes, (std::vector<double>{0, 0, 2, 2, 0, 0, 2, 2}));
  EXPECT_TRUE(masks.areas.empty());
  const auto mask_message = [&](std::string value) {
    return message("[{" + ids + "\"segmentation\":" + value + "}]", ObjectKind::kMask);
  };
  EXPECT_NE(mask_message("[[1,2,3,4,5,6]]"), "");
  EXPECT_NE(mask_message(R"({"size":[2,3],"counts":[1,2,4]})"), "");
  EXPECT_NE(mask_message(R"({"size":[2,3],"counts":[1,-2,7]})"), "");
  EXPECT_NE(mask_message(R"({"size":[2,3],"counts":[4294967295,1,6]})"), "");
  EXPECT_NE(mask_message(R"({"size":[1e9,1e9],"counts":"1"})"), "");
  EXPECT_NE(mask_message(R"({"size":[2],"counts":"1"})"), "");
  EXPECT_NE(mask_message(R"({"size":[2,3]})"), "");

  const auto points = read("[{" + ids + R"("keypoints":[1,2,0.5,4,8,0.5]}])", ObjectKind::kKeypoints).value();
  EXPECT_EQ(points.boxes, (std::vector<double>{1, 2, 3, 6}));
  EXPECT_EQ(message("[{" + ids + R"("keypoints":[1,2,0.5]}])", ObjectKind::kKeypoints),
            "[0].keypoints: expected 6 numbers, x, y and score of each keypoint but received 3");
}

}  // namespace
}  // namespace foveate
