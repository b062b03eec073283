// TensorRT as the contract is run on it: engines that a stand-in builds and runs, in five layouts. What runs them is
// all ours but for the library and the driver.
#include <array>
#include <map>
#include <mutex>

#include "native/standin_tensorrt.h"

namespace foveate::contract {
namespace {

constexpr std::size_t kLayouts = std::size(tensorrt::kLayouts);

template <std::size_t Layout>
Result<tensorrt::Standin> standin() {
  return tensorrt::Standin::open(tensorrt::kLayouts[Layout]);
}

template <std::size_t Layout>
Result<std::shared_ptr<Runtime>> open() {
  auto opened = standin<Layout>();
  if (!opened.ok()) return opened.take_status();
  return opened.value().runtime();
}

// Each model is built once.
template <std::size_t Layout>
Result<std::vector<std::byte>> convert(const std::filesystem::path& model) {
  static std::mutex mutex;
  static auto* const known = new std::map<std::filesystem::path, std::vector<std::byte>>;
  std::lock_guard lock(mutex);
  if (const auto found = known->find(model); found != known->end()) return found->second;
  auto opened = standin<Layout>();
  if (!opened.ok()) return opened.take_status();
  auto built = opened.value().build(model);
  if (built.ok()) (*known)[model] = built.value();
  return built;
}

template <std::size_t Layout>
void fail_next_run() {
  auto opened = standin<Layout>();
  if (opened.ok()) opened.value().configure("fail-enqueue=1");
}

template <std::size_t Layout>
RuntimeUnderTest under_test() {
  RuntimeUnderTest made{.name = tensorrt::kLayouts[Layout],
                        .open = open<Layout>,
                        .convert = convert<Layout>,
                        .fail_next_run = fail_next_run<Layout>,
                        .names_dimensions = false,
                        .takes_any_rank = false,
                        .on_device = true,
                        .stops_runs = false};
  made.dtypes = {DType::kFloat32, DType::kFloat16, DType::kInt8, DType::kUint8, DType::kInt32, DType::kBool};
  if (made.name == "trt8") {  // has no integers of 64 bits: its parser makes 32 of them
    made.index_dtype = DType::kInt32;
  } else {
    made.dtypes.push_back(DType::kInt64);
    made.dtypes.push_back(DType::kBFloat16);
  }
  return made;
}

// The layouts whose libraries were built.
std::vector<RuntimeUnderTest> runtimes() {
  const std::array<RuntimeUnderTest, kLayouts> all{under_test<0>(), under_test<1>(), under_test<2>(), under_test<3>(),
                                                   under_test<4>()};
  std::vector<RuntimeUnderTest> built;
  for (const RuntimeUnderTest& each : all) {
    if (std::filesystem::exists(tensorrt::standin_path(each.name))) built.push_back(each);
  }
  return built;
}

std::string name_of(const ::testing::TestParamInfo<RuntimeUnderTest>& info) { return info.param.name; }

TEST(StandinLayouts, AreFive) {
  for (const char* layout : tensorrt::kLayouts) {
    if (!std::filesystem::exists(tensorrt::standin_path(layout)))
      GTEST_SKIP() << "The contract was not run on " << layout
                   << ": NVIDIA's headers, from which it derives, are not here";
  }
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Standins, RuntimeContract, ::testing::ValuesIn(runtimes()), name_of);
INSTANTIATE_TEST_SUITE_P(Standins, LoopContract, ::testing::ValuesIn(runtimes()), name_of);

}  // namespace foveate::contract
