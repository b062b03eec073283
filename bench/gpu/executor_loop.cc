// Lanes without JavaScript: an executor whose lanes run an engine through the runtime, twice as many runs under way as
// there are lanes, inputs in pinned memory, outputs in blocks of the runtime's. Prints as JSON the runs of SECONDS, how
// long the stand-in's device was busy meanwhile (null on a GPU, which tells no such number), and all copies of the
// process with the runs that they were made for.
//
//     executor_loop LIBRARY ENGINE BATCH LANES plain|graph SECONDS
#include <dlfcn.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "core/cancel.h"
#include "core/executor.h"
#include "engine_program.h"
#include "runtime/tensorrt/model.h"

using namespace foveate;
using std::chrono::steady_clock;

namespace {

// -1 on a GPU.
std::int64_t busy_nanoseconds() {
  void* const driver = ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
  void* const count = driver == nullptr ? nullptr : ::dlsym(driver, "standin_count");
  return count == nullptr ? -1 : reinterpret_cast<std::int64_t (*)(const char*)>(count)("busy-ns");
}

class Callers {
 public:
  Callers(Executor& executor, std::vector<std::unique_ptr<Context>>& contexts, const ModelInfo& info,
          std::vector<bench::PinnedInputs> inputs)
      : executor_(executor), contexts_(contexts), inputs_(std::move(inputs)), running_(inputs_.size()) {
    for (std::size_t i = 0; i < info.outputs.size(); ++i) outputs_.push_back({i, std::nullopt});
    for (const auto& own : inputs_) submit(own);
  }

  // Waits for the runs that are under way.
  void stop() {
    stopping_ = true;
    while (running_ > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  std::uint64_t runs() const { return runs_; }
  std::uint64_t copied_bytes() const { return copied_bytes_; }
  std::size_t output_bytes() const { return output_bytes_; }

 private:
  // Each run submits the next one of its caller.
  void submit(const bench::PinnedInputs& own) {
    executor_.submit([this, &own](std::size_t lane) {
      if (stopping_) {
        --running_;
        return;
      }
      CancelToken cancel;  // as every run from JavaScript has one
      RunResult result;
      bench::require(contexts_[lane]->run({own.views, outputs_, &cancel, std::nullopt}, result));
      ++runs_;
      copied_bytes_ += result.copied_bytes;
      output_bytes_ = bench::bytes_of(result.outputs);
      submit(own);
    });
  }

  Executor& executor_;
  std::vector<std::unique_ptr<Context>>& contexts_;
  const std::vector<bench::PinnedInputs> inputs_;
  std::vector<RunRequest::Output> outputs_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> running_;
  std::atomic<std::uint64_t> runs_{0}, copied_bytes_{0};
  std::atomic<std::size_t> output_bytes_{0};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) return 2;
  const std::int64_t batch = std::atoll(argv[3]);
  const auto lanes = static_cast<std::size_t>(std::atoll(argv[4]));
  const auto device = bench::require(cuda::Device::open(0));
  const auto runtime = tensorrt::make_runtime(bench::require(tensorrt::open_library(argv[1], {})));
  ModelOptions options;
  options.graphs = std::string(argv[5]) == "graph";
  const auto model = bench::require(runtime->open(std::filesystem::path(argv[2]), options));
  std::vector<std::unique_ptr<Context>> contexts;
  std::vector<bench::PinnedInputs> inputs;
  for (std::size_t i = 0; i < lanes; ++i) contexts.push_back(bench::require(model->create_context()));
  for (std::size_t i = 0; i < 2 * lanes; ++i) inputs.push_back(bench::pinned_inputs(model->info(), batch, *device));
  const std::size_t input_bytes = inputs[0].bytes;

  Executor executor(lanes, "lanes", std::chrono::microseconds(50));
  Callers callers(executor, contexts, model->info(), std::move(inputs));
  // By then each lane has its memory, and its graphs.
  while (callers.runs() < 8 * lanes) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const std::uint64_t runs_before = callers.runs();
  const std::int64_t busy_before = busy_nanoseconds();
  const auto started = steady_clock::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(std::atof(argv[6])));
  const std::chrono::duration<double> seconds = steady_clock::now() - started;
  const std::int64_t busy = busy_nanoseconds() - busy_before;
  const std::uint64_t runs = callers.runs() - runs_before;
  callers.stop();

  const std::string share =
      busy_before < 0 ? "null" : std::to_string(static_cast<double>(busy) / 1e9 / seconds.count());
  std::printf("{\"runs\": %llu, \"seconds\": %.6f, \"busyShare\": %s, \"allRuns\": %llu, \"inputBytes\": %zu, ",
              static_cast<unsigned long long>(runs), seconds.count(), share.c_str(),
              static_cast<unsigned long long>(callers.runs()), input_bytes);
  std::printf("\"outputBytes\": %zu, \"copiedBytes\": %llu, %s}\n", callers.output_bytes(),
              static_cast<unsigned long long>(callers.copied_bytes()), bench::copies_json(*device).c_str());
}
