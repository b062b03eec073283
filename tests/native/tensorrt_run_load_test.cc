// All of it at once, for some seconds: lanes on two devices, several profiles and shapes, graphs, aborts, new weights,
// a device that is lost. Every run gives the right values or a typed error, and nothing is left at the end.
#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "native/tensorrt_run_fixture.h"

namespace foveate::tensorrt {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::size_t kLanes = 4;
constexpr seconds kDuration{2};  // at least, of each part
constexpr std::chrono::milliseconds kLong{120'000};

// A lane as a session has it: one whose device was lost goes on with another context, while there is one.
class Lanes {
 public:
  explicit Lanes(std::shared_ptr<Model> model) : model_(std::move(model)) {
    for (auto& context : contexts_) context = made();
  }

  Status run(std::size_t lane, const RunRequest& request, RunResult& result) {
    for (;;) {
      Status status = contexts_[lane]->run(request, result);
      if (status.ok() || status.error().code != error_code::kDeviceLost) return status;
      auto other = model_->create_context();
      if (!other.ok()) return status;
      contexts_[lane] = std::move(other).value();
    }
  }

 private:
  std::unique_ptr<Context> made() {
    auto context = model_->create_context();
    EXPECT_TRUE(context.ok());
    return std::move(context).value();
  }

  const std::shared_ptr<Model> model_;
  std::unique_ptr<Context> contexts_[kLanes];
};

class TensorRtLoad : public TensorRtRun {
 protected:
  struct Counts {
    std::atomic<int> right{0}, wrong{0}, aborted{0}, lost{0}, failed{0};
  };

  // What the first score of ones may be: before new weights, and after.
  struct Expected {
    float before, after;
  };

  static constexpr Expected kScores[] = {{3.25f, 12.25f}, {4.75f, 22.75f}, {6.25f, 33.25f}};

  // One after the other runs on each lane, of batches of all profiles, one in four is aborted at some moment.
  void submit_runs(Executor& executor, Lanes& lanes, Counts& counts, int number) {
    for (int i = 0; i < number; ++i) {
      executor.submit([&, i](std::size_t lane) {
        std::minstd_rand random(static_cast<unsigned>(i + 1));
        const std::int64_t batch = std::int64_t{1} + static_cast<std::int64_t>(random() % 16);
        HostTensor images = ones(batch);
        CancelToken token;
        std::thread canceller;
        if (random() % 4 == 0) {
          canceller = std::thread([&token, wait = microseconds(random() % 2000)] {
            std::this_thread::sleep_for(wait);
            token.cancel();
          });
        }
        const std::vector<TensorView> inputs{images.view()};
        const std::vector<RunRequest::Output> outputs{{0, std::nullopt}};
        RunRequest request{inputs, outputs, &token, std::nullopt};
        request.layer_times = random() % 20 == 0;
        RunResult result;
        const Status status = lanes.run(lane, request, result);
        if (canceller.joinable()) canceller.join();
        count(status, result, batch, counts);
      });
    }
  }

  static void count(const Status& status, const RunResult& result, std::int64_t batch, Counts& counts) {
    if (status.ok()) {
      ++(is_right(values_of<float>(result.outputs[0]), batch) ? counts.right : counts.wrong);
    } else if (status.error().code == error_code::kAborted) {
      ++counts.aborted;
    } else if (status.error().code == error_code::kDeviceLost) {
      ++counts.lost;
    } else {
      ++counts.failed;
      ADD_FAILURE() << status.error().code << ": " << status.error().message;
    }
  }

  // All of one run with the same weights.
  static bool is_right(const std::vector<float>& scores, std::int64_t batch) {
    if (scores.size() != static_cast<std::size_t>(batch) * 3) return false;
    const bool changed = scores[0] == kScores[0].after;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const Expected& expected = kScores[i % 3];
      if (scores[i] != (changed ? expected.after : expected.before)) return false;
    }
    return true;
  }

  std::shared_ptr<Model> open_on_both(const Bytes& engine) {
    ModelOptions options;
    options.devices = {0, 1};
    options.graphs = true;
    return TensorRtRun::open(engine, options);
  }

  // As many equal ones as there are lanes: TensorRT 8 wants one for each.
  static std::vector<std::vector<InputRange>> profiles() {
    std::vector<std::vector<InputRange>> all;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      all.push_back(batches(1, 2, 4));
      all.push_back(batches(3, 8, 16));
    }
    return all;
  }
};

TEST_P(TensorRtLoad, OfLanesWithAbortsNewWeightsAndALostDevice) {
  const Bytes engine = engine_of("dynamic", profiles(), true);
  const std::vector<float> bias{10, 20, 30};
  const NamedWeights weights{"bias", DType::kFloat32, std::as_bytes(std::span(bias))};
  const auto other = cuda::CudaTest::open(1);
  Counts counts;
  int submitted = 0;
  for (int life = 0; life < 2; ++life) {
    SCOPED_TRACE(life);
    const auto model = open_on_both(engine);  // recovers the device that the life before lost
    ASSERT_NE(model, nullptr);
    EXPECT_FALSE(device_->lost() || other->lost());
    Lanes lanes(model);
    Executor executor(kLanes, "load");
    standin_->configure("latency-us=300");
    const auto load = [&](seconds duration) {
      for (const auto end = steady_clock::now() + duration; steady_clock::now() < end;) {
        submit_runs(executor, lanes, counts, 20);
        submitted += 20;
        while (executor.queued() > 8) std::this_thread::sleep_for(microseconds(500));
      }
    };
    load(kDuration / 2);
    EXPECT_OK(model->refit({&weights, 1}));
    load(kDuration / 2);
    EXPECT_EQ(counts.lost, 0);
    standin_->configure("lose-enqueue=5");
    load(kDuration / 2);
    EXPECT_OK(model->refit({&weights, 1}));  // of the one that is left
    ASSERT_TRUE(executor.stop(kLong));
    EXPECT_NE(device_->lost(), other->lost());
    EXPECT_EQ(counts.lost, 0);  // each went on with the other device
    standin_->configure("clear");
  }
  EXPECT_EQ(counts.wrong, 0);
  EXPECT_EQ(counts.failed, 0);
  EXPECT_GT(counts.right, submitted / 4);
  EXPECT_GT(counts.aborted, 0);
  EXPECT_EQ(counts.right + counts.aborted, submitted);
}

std::string name_of(const testing::TestParamInfo<const char*>& info) { return info.param; }

// The layouts that differ most: they share all that has threads.
INSTANTIATE_TEST_SUITE_P(Layouts, TensorRtLoad, testing::Values("trt8", "trt10"), name_of);

}  // namespace
}  // namespace foveate::tensorrt
