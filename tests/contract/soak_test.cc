#include <malloc.h>

#include <fstream>
#include <string>

#include "contract/contract.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// Of the sanitizer's allocator; gcc 12 comes without the header.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace foveate::contract {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kCycles = 200;
constexpr int kRuns = 1000;

long heap_bytes() { return static_cast<long>(__sanitizer_get_current_allocated_bytes()); }
// A sanitizer keeps freed memory for a while, so resident memory tells nothing.
long resident_bytes() { return 0; }
#else
constexpr int kCycles = 1000;
constexpr int kRuns = 5000;

long heap_bytes() {
  const auto heap = mallinfo2();
  return static_cast<long>(heap.uordblks + heap.hblkhd);
}

long resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6)) * 1024;
  }
  ADD_FAILURE() << "no VmRSS";
  return 0;
}
#endif

constexpr long kHeapGrowth = 4 * 1024;  // fewer bytes than runs or cycles counted: not one object is kept by each
constexpr long kResidentGrowth = 8 * 1024 * 1024;

// Does `step` this many times; what is in use at the end may exceed what was in use at half time by little.
template <typename Step>
void expect_flat(int times, Step step) {
  for (int i = 0; i < times / 2; ++i) step(i);
  const long heap = heap_bytes();
  const long resident = resident_bytes();
  for (int i = times / 2; i < times; ++i) step(i);
  EXPECT_LT(heap_bytes() - heap, kHeapGrowth);
  EXPECT_LT(resident_bytes() - resident, kResidentGrowth);
}

// One cycle in ten fails to load.
TEST_P(RuntimeContract, LoadingAndDisposingKeepsNoMemory) {
  HostTensor images = floats({8, 16, 4}, std::vector<float>(512, 1.0f));
  expect_flat(kCycles, [&](int i) {
    if (i % 10 == 0) {
      const char* const broken[] = {"unknown_operator", "opset_99", "string_input", "type_error", "absent"};
      EXPECT_FALSE(open(broken[i / 10 % 5]).ok());
      return;
    }
    const auto lane = context(model("dynamic"));
    ASSERT_NE(lane, nullptr);
    RunResult result;
    ASSERT_OK(run(*lane, {images.view()}, {0}, result));
  });
}

TEST_P(RuntimeContract, RunningKeepsNoMemory) {
  const auto lane = context(model("dynamic"));
  ASSERT_NE(lane, nullptr);
  HostTensor images = floats({64, 64, 4}, std::vector<float>(16384, 1.0f));
  expect_flat(kRuns, [&](int i) {
    images.dims = i % 2 == 0 ? Dims{64, 64, 4} : Dims{16, 256, 4};
    RunResult result;
    ASSERT_OK(run(*lane, {images.view()}, {0}, result));
  });
}

TEST_P(RuntimeContract, FailingRunsKeepNoMemory) {
  const auto lane = context(model("gather"));
  ASSERT_NE(lane, nullptr);
  HostTensor x = floats({4}, {1, 2, 3, 4});
  const auto fail = GetParam().fail_next_run;
  HostTensor outside = indices({1}, {fail == nullptr ? 99 : 1});
  expect_flat(kRuns, [&](int) {
    if (fail != nullptr) fail();
    RunResult result;
    expect_error(run(*lane, {x.view(), outside.view()}, {0}, result), error_code::kEngineFailed);
  });
}

}  // namespace
}  // namespace foveate::contract
