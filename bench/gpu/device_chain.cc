// Model to model on the device: an engine whose output is laid out as its inputs runs STEPS times, each run on what the
// one before it left on the device, in turn on two lanes. Prints as JSON the copies after the first upload, after all
// steps, and after the last output was fetched, with the first number of that.
//
//     device_chain LIBRARY ENGINE STEPS
#include "engine_program.h"
#include "runtime/tensorrt/model.h"

using namespace foveate;

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const auto device = bench::require(cuda::Device::open(0));
  const auto runtime = tensorrt::make_runtime(bench::require(tensorrt::open_library(argv[1], {})));
  const auto model = bench::require(runtime->open(std::filesystem::path(argv[2]), {}));
  const std::unique_ptr<Context> lanes[] = {bench::require(model->create_context()),
                                            bench::require(model->create_context())};
  const bench::PinnedInputs inputs = bench::pinned_inputs(model->info(), 1, *device);
  for (const TensorView& view : inputs.views)
    std::fill_n(static_cast<float*>(view.data), view.bytes / sizeof(float), 1.0f);
  const std::vector<RunRequest::Output> on_device{{.index = 0, .bound = std::nullopt, .on_device = true}};
  const std::vector<RunRequest::Output> on_host{{.index = 0, .bound = std::nullopt}};

  RunResult result;
  bench::require(lanes[0]->run({inputs.views, on_device, nullptr, std::nullopt}, result));
  const std::string uploaded = bench::copies_json(*device);
  std::size_t copied_bytes = 0;
  for (int step = 1; step <= std::atoi(argv[3]); ++step) {
    const std::vector<TensorView> from_device(inputs.views.size(), result.outputs[0].view());
    RunResult next;
    bench::require(lanes[step % 2]->run({from_device, on_device, nullptr, std::nullopt}, next));
    copied_bytes += next.copied_bytes;
    result = std::move(next);
  }
  const std::string chained = bench::copies_json(*device);
  const std::vector<TensorView> from_device(inputs.views.size(), result.outputs[0].view());
  RunResult last;
  bench::require(lanes[0]->run({from_device, on_host, nullptr, std::nullopt}, last));
  std::printf("{\"copiedBytes\": %zu, \"uploaded\": {%s}, \"chained\": {%s}, \"fetched\": {%s}, \"value\": %.17g}\n",
              copied_bytes, uploaded.c_str(), chained.c_str(), bench::copies_json(*device).c_str(),
              static_cast<double>(reinterpret_cast<const float*>(last.outputs[0].data())[0]));
}
