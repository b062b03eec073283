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

INSTANTIATE_TEST_SUITE_P(Runtimes, RuntimeContract,
                         ::testing::Values(RuntimeUnderTest{"OnnxRuntime", open_onnxruntime}), name_of);

}  // namespace foveate::contract
