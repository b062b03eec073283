// Memory of the host that runs out in the midst of a run, at each allocation in turn: the run says so, and the GPU is
// done with its memory by then.
#include <cstdlib>
#include <new>

#include "native/tensorrt_run_fixture.h"

// Of the linker: where the code of this program begins and ends.
extern "C" const char __executable_start, etext;

namespace {

// How many allocations go well until one fails, once; -1: all do. Those by code of this program alone: the stand-ins of
// the driver and of TensorRT are libraries, and what is in noexcept functions of theirs cannot fail.
thread_local long allocations_left = -1;

void* allocate(std::size_t bytes, const void* caller) {
  const auto* const code = static_cast<const char*>(caller);
  const bool counts = allocations_left >= 0 && code >= &__executable_start && code < &etext;
  if (counts && allocations_left-- == 0) return nullptr;
  return std::malloc(bytes == 0 ? 1 : bytes);
}

}  // namespace

// Not inlined, or the compiler sees what new is made of, and that delete is not made of the same.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  if (void* const made = allocate(bytes, __builtin_return_address(0))) return made;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return allocate(bytes, __builtin_return_address(0));
}
[[gnu::noinline]] void operator delete(void* data) noexcept { std::free(data); }
[[gnu::noinline]] void operator delete(void* data, std::size_t) noexcept { std::free(data); }

namespace foveate::tensorrt {
namespace {

class TensorRtAllocations : public TensorRtRun {
 protected:
  // A run whose n-th allocation fails; whether there was such a one.
  static bool fails_at(long n, const std::function<void()>& run) {
    allocations_left = n;
    run();
    return std::exchange(allocations_left, -1) == -1;
  }

  // Runs again and again, a later allocation fails each time, until none is left that could. How many failed.
  int runs_with_each_failing(Context& lane, const std::vector<TensorView>& inputs, bool layer_times) {
    const std::vector<RunRequest::Output> outputs{{0, std::nullopt}};
    int failed = 0;
    for (long n = 0;; ++n) {
      RunRequest request{inputs, outputs, nullptr, std::nullopt};
      request.layer_times = layer_times;
      RunResult result;
      Status status;
      const bool failing = fails_at(n, [&] { status = lane.run(request, result); });
      EXPECT_EQ(standin_count("busy-streams"), 0) << n;
      if (status.ok()) {
        expect_right(result);
      } else {
        expect_error(status, error_code::kOutOfMemory);
        EXPECT_TRUE(result.outputs.empty());
        ++failed;
      }
      if (!failing) return failed;
    }
  }

  std::function<void(const RunResult& result)> expect_right;
};

TEST_P(TensorRtAllocations, OfARunFailOneByOne) {
  const Bytes engine = engine_of("dynamic");
  HostTensor images = ones(3);
  expect_right = [](const RunResult& result) { EXPECT_EQ(values_of<float>(result.outputs[0]), scores_of_ones(3)); };
  standin_->configure("latency-us=1000");
  for (const bool graphs : {false, true}) {
    ModelOptions options;
    options.graphs = graphs;
    const auto lane = lane_of(TensorRtRun::open(engine, options));
    ASSERT_NE(lane, nullptr);
    EXPECT_GT(runs_with_each_failing(*lane, {images.view()}, false), 5);
    EXPECT_GT(runs_with_each_failing(*lane, {images.view()}, true), 5);
  }
}

TEST_P(TensorRtAllocations, OfARunWithAnOutputOfFreeSizeFailOneByOne) {
  const auto lane = lane_of(TensorRtRun::open(engine_of("nonzero")));
  ASSERT_NE(lane, nullptr);
  HostTensor x = floats({2, 2}, {0, 5, 0, 6});
  expect_right = [](const RunResult& result) { EXPECT_EQ(result.outputs[0].dims, (Dims{2, 2})); };
  EXPECT_GT(runs_with_each_failing(*lane, {x.view()}, false), 5);
}

std::string name_of(const testing::TestParamInfo<const char*>& info) { return info.param; }

INSTANTIATE_TEST_SUITE_P(Layouts, TensorRtAllocations, testing::ValuesIn(kLayouts), name_of);

}  // namespace
}  // namespace foveate::tensorrt
