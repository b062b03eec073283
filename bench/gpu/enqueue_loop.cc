// The peer of run.mjs: an engine in a bare loop, as somebody would write it by hand with TensorRT's own API. It calls
// the library by our slot tables and the driver by our table of functions; of the rest of the runtime it uses only what
// opens the engine. Answers each line on stdin with the microseconds of `RUNS` runs, each from inputs in pinned memory
// to outputs in pinned memory.
//
//     enqueue_loop LIBRARY ENGINE BATCH RUNS plain|graph block|spin
//
// graph: what is enqueued is captured once and replayed. spin: the thread asks until the GPU is done, else it sleeps.
#include <chrono>
#include <iostream>

#include "core/mapped_file.h"
#include "engine_program.h"
#include "runtime/tensorrt/dims.h"
#include "runtime/tensorrt/engine.h"
#include "runtime/tensorrt/slots.generated.h"

using namespace foveate;

namespace {

struct Place {
  const char* name;
  void* host = nullptr;
  cuda::CUdeviceptr device = 0;
  std::size_t bytes = 0;
};

class Loop {
 public:
  Loop(std::shared_ptr<tensorrt::Engine> its_engine, std::int64_t batch, bool graph, bool spin)
      : engine_(std::move(its_engine)), driver_(engine_->device()->functions()), spin_(spin) {
    bench::require(engine_->device()->make_current());
    const ModelInfo& info = engine_->info();
    const auto& version = engine_->version();
    check(driver_.cuStreamCreate(&stream_, cuda::kStreamNonBlocking));
    check(driver_.cuEventCreate(&done_, cuda::kEventBlockingSync | cuda::kEventDisableTiming));
    execution_ = bench::require(engine_->create_execution(bench::profile_for(info, batch), stream_));
    for (std::size_t i = 0; i < info.inputs.size(); ++i) {
      const Dims dims = bench::dims_for(info, i, batch);
      const tensorrt::ForeignDims foreign(dims, version.releases);
      accept(tensorrt::abi::kExecutionContextSetInputShape.in(version)(execution_.get(), info.inputs[i].name.c_str(),
                                                                       foreign.reference()));
      inputs_.push_back(place(info.inputs[i].name.c_str(), *byte_count(dims, info.inputs[i].dtype)));
    }
    accept(tensorrt::abi::kExecutionContextInferShapes.in(version)(execution_.get(), 0, nullptr) == 0);
    for (const TensorInfo& output : info.outputs) {
      const auto shape =
          tensorrt::abi::kExecutionContextGetTensorShape.in(version)(execution_.get(), output.name.c_str());
      outputs_.push_back(
          place(output.name.c_str(), *byte_count(tensorrt::dims_of(shape, version.releases).value(), output.dtype)));
    }
    run();
    if (graph) capture();
  }

  void run() {
    for (const Place& input : inputs_)
      check(driver_.cuMemcpyHtoDAsync_v2(input.device, input.host, input.bytes, stream_));
    if (replayed_ != nullptr) {
      check(driver_.cuGraphLaunch(replayed_, stream_));
    } else {
      enqueue();
    }
    for (const Place& output : outputs_)
      check(driver_.cuMemcpyDtoHAsync_v2(output.host, output.device, output.bytes, stream_));
    check(driver_.cuEventRecord(done_, stream_));
    if (!spin_) return check(driver_.cuEventSynchronize(done_));
    cuda::CUresult answer;
    while ((answer = driver_.cuEventQuery(done_)) == cuda::result::kNotReady) {
    }
    check(answer);
  }

 private:
  void enqueue() {
    const auto set_address = tensorrt::abi::kExecutionContextSetTensorAddress.in(engine_->version());
    for (const auto* places : {&inputs_, &outputs_}) {
      for (const Place& at : *places)
        accept(set_address(execution_.get(), at.name, reinterpret_cast<void*>(at.device)));
    }
    accept(tensorrt::abi::kExecutionContextEnqueueV3.in(engine_->version())(execution_.get(), stream_));
  }

  void capture() {
    cuda::CUgraph graph = nullptr;
    check(driver_.cuStreamBeginCapture_v2(stream_, cuda::kCaptureThreadLocal));
    enqueue();
    check(driver_.cuStreamEndCapture(stream_, &graph));
    check(driver_.cuGraphInstantiateWithFlags(&replayed_, graph, 0));
  }

  Place place(const char* name, std::size_t bytes) {
    Place made{.name = name, .bytes = bytes};
    check(driver_.cuMemAlloc_v2(&made.device, bytes));
    check(driver_.cuMemHostAlloc(&made.host, bytes, 0));
    std::memset(made.host, 0, bytes);
    return made;
  }

  static void check(cuda::CUresult result) {
    if (result == cuda::result::kSuccess) return;
    std::fprintf(stderr, "CUDA error %d\n", result);
    std::exit(1);
  }
  static void accept(bool accepted) {
    if (accepted) return;
    std::fprintf(stderr, "TensorRT refuses a call\n");
    std::exit(1);
  }

  const std::shared_ptr<tensorrt::Engine> engine_;
  const cuda::Functions& driver_;
  const bool spin_;
  tensorrt::Owned<tensorrt::abi::Execution> execution_;
  cuda::CUstream stream_ = nullptr;
  cuda::CUevent done_ = nullptr;
  cuda::CUgraphExec replayed_ = nullptr;
  std::vector<Place> inputs_, outputs_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) return 2;
  const auto library = bench::require(tensorrt::open_library(argv[1], {}));
  const auto device = bench::require(cuda::Device::open(0));
  const auto file = bench::require(map_file(argv[2]));
  auto engine = bench::require(tensorrt::Engine::load(library, device, {file->data(), file->bytes()}, argv[2]));
  Loop loop(std::move(engine), std::atoll(argv[3]), std::string(argv[5]) == "graph", std::string(argv[6]) == "spin");
  const int runs = std::atoi(argv[4]);
  for (std::string line; std::getline(std::cin, line);) {
    std::printf("{\"us\": [");
    for (int i = 0; i < runs; ++i) {
      const auto started = std::chrono::steady_clock::now();
      loop.run();
      const std::chrono::duration<double, std::micro> taken = std::chrono::steady_clock::now() - started;
      std::printf(i == 0 ? "%.1f" : ", %.1f", taken.count());
    }
    std::printf("]}\n");
    std::fflush(stdout);
  }
  // Nothing is freed: the process ends, and what it had goes with it.
  std::_Exit(0);
}
