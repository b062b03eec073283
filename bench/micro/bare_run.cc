// The peer of run-overhead.mjs: ONNX Runtime's Run through its C table, back to back, nothing around it. Answers each line on stdin with
// the median microseconds of `runs` calls.
//
//     bare_run LIBRARY MODEL RUNS DIM...
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "runtime/onnxruntime/api_table.generated.h"

namespace abi = foveate::onnxruntime::abi;

namespace {

struct ApiBase {
  const abi::ApiTable::Slot* (*get_api)(std::uint32_t) noexcept;
  const char* (*get_version)() noexcept;
};

void check(const abi::ApiTable& api, abi::StatusHandle* status) {
  if (status == nullptr) return;
  std::fprintf(stderr, "%s\n", api.get_error_message(status));
  std::exit(1);
}

void drop_log(void*, abi::LoggingLevel, const char*, const char*, const char*, const char*) noexcept {}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  const auto* base = reinterpret_cast<const ApiBase* (*)()>(dlsym(library, "OrtGetApiBase"))();
  const abi::ApiTable api(base->get_api(abi::kNeededApiVersion));

  std::vector<std::int64_t> dims;
  std::size_t elements = 1;
  for (int i = 4; i < argc; ++i) {
    dims.push_back(std::atoll(argv[i]));
    elements *= static_cast<std::size_t>(dims.back());
  }
  const int runs = std::atoi(argv[3]);
  std::vector<float> data(elements, 0.0f);

  abi::Env* env = nullptr;
  check(api, api.create_env_with_custom_logger(drop_log, nullptr, abi::LoggingLevel::kError, "bare", &env));
  abi::SessionOptions* options = nullptr;
  check(api, api.create_session_options(&options));
  check(api, api.set_intra_op_num_threads(options, 1));
  check(api, api.set_inter_op_num_threads(options, 1));
  check(api, api.set_session_graph_optimization_level(options, abi::OptimizationLevel::kAll));
  abi::Session* session = nullptr;
  check(api, api.create_session(env, argv[2], options, &session));
  abi::Allocator* allocator = nullptr;
  check(api, api.get_allocator_with_default_options(&allocator));
  char* input_name = nullptr;
  check(api, api.session_get_input_name(session, 0, allocator, &input_name));
  std::size_t output_count = 0;
  check(api, api.session_get_output_count(session, &output_count));
  std::vector<const char*> output_names(output_count);
  for (std::size_t i = 0; i < output_count; ++i) {
    char* name = nullptr;
    check(api, api.session_get_output_name(session, i, allocator, &name));
    output_names[i] = name;
  }
  abi::MemoryInfo* memory = nullptr;
  check(api, api.create_cpu_memory_info(abi::AllocatorKind::kArena, abi::MemoryKind::kDefault, &memory));
  abi::Value* input = nullptr;
  check(api, api.create_tensor_with_data_as_ort_value(memory, data.data(), elements * sizeof(float), dims.data(), dims.size(),
                                                      abi::ElementType::kFloat32, &input));
  const char* input_names[] = {input_name};
  abi::Value* inputs[] = {input};

  for (std::string line; std::getline(std::cin, line);) {
    std::vector<double> times;
    for (int i = 0; i < runs; ++i) {
      std::vector<abi::Value*> outputs(output_count, nullptr);
      const auto started = std::chrono::steady_clock::now();
      check(api, api.run(session, nullptr, input_names, inputs, 1, output_names.data(), output_count, outputs.data()));
      times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - started).count());
      for (abi::Value* output : outputs) api.release_value(output);
    }
    std::nth_element(times.begin(), times.begin() + runs / 2, times.end());
    std::printf("{\"us\": %.3f}\n", times[static_cast<std::size_t>(runs) / 2]);
    std::fflush(stdout);
  }
  return 0;
}
