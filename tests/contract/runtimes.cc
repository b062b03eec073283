// The runtimes that the contract is run on.
#include <cstdlib>

#include "contract/contract.h"
#include "runtime/onnxruntime/library.h"

namespace foveate::contract {
namespace {

Result<std::shared_ptr<Runtime>> open_onnxruntime() {
  const char* path = std::getenv("FOVEATE_ONNXRUNTIME_PATH");
  if (path == nullptr) {
    return Status(error_code::kBackendNotFound,
                  "FOVEATE_ONNXRUNTIME_PATH is not set: it must name the ONNX Runtime library that the tests open.");
  }
  return onnxruntime::open_library(path);
}

std::string name_of(const ::testing::TestParamInfo<RuntimeUnderTest>& info) { return info.param.name; }

}  // namespace

const RuntimeUnderTest kOnnxRuntime{.name = "OnnxRuntime", .open = open_onnxruntime};

INSTANTIATE_TEST_SUITE_P(Runtimes, RuntimeContract, ::testing::Values(kOnnxRuntime), name_of);
INSTANTIATE_TEST_SUITE_P(Runtimes, LoopContract, ::testing::Values(kOnnxRuntime), name_of);
INSTANTIATE_TEST_SUITE_P(Runtimes, OnnxContract, ::testing::Values(kOnnxRuntime), name_of);

}  // namespace foveate::contract
