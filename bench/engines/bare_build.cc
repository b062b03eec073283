// The peer of cycles.mjs: TensorRT-RTX through NVIDIA's own headers, with the same calls in the same order as
// native/runtime/tensorrt/engine_builder.cc, and nothing around them. A line on stdin is a number of engines and a
// file: it builds them one after the other, writes the last one to the file, and answers with the milliseconds of each.
//
//     bare_build LIBRARY PARSER MODEL NETWORK_NAME INPUT MIN OPT MAX
//
// MIN, OPT and MAX are the shapes of the profile, such as 1x64x64x3.
#include <NvInfer.h>
#include <NvOnnxParser.h>
#include <dlfcn.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>

namespace {

std::string last_error;
std::string layers;

// Ours keeps the first error and the one message with the engine's layers, too.
struct Logger final : nvinfer1::ILogger {
  void log(Severity severity, const char* message) noexcept override {
    if (severity <= Severity::kERROR) last_error = message;
    if (std::strncmp(message, "Layers:", 7) == 0) layers = message + 7;
  }
};

struct Monitor final : nvinfer1::IProgressMonitor {
  void phaseStart(const char*, const char*, std::int32_t) noexcept override {}
  bool stepComplete(const char*, std::int32_t) noexcept override { return true; }
  void phaseFinish(const char*) noexcept override {}
};

struct Functions {
  decltype(&createInferBuilder_INTERNAL) create_builder;
  decltype(&createNvOnnxParser_INTERNAL) create_parser;
};

void require(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "%s: %s\n", what, last_error.c_str());
  std::exit(1);
}

template <typename Function>
void find(const char* library, const char* name, Function& function) {
  void* const handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  require(handle != nullptr, library);
  function = reinterpret_cast<Function>(dlsym(handle, name));
  require(function != nullptr, name);
}

std::string read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  require(file.good(), path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, const nvinfer1::IHostMemory& engine) {
  std::ofstream file(path, std::ios::binary);
  file.write(static_cast<const char*>(engine.data()), static_cast<std::streamsize>(engine.size()));
}

nvinfer1::Dims shape_of(const char* text) {
  nvinfer1::Dims shape{};
  for (char* at = const_cast<char*>(text); *at != '\0'; at += *at == 'x')
    shape.d[shape.nbDims++] = std::strtoll(at, &at, 10);
  return shape;
}

struct Profile {
  const char* input;
  nvinfer1::Dims min, opt, max;
};

// From a new builder to the engine, whose memory outlives all that made it.
std::unique_ptr<nvinfer1::IHostMemory> build(const Functions& functions, const std::string& model, const char* name,
                                             const Profile& shapes) {
  using namespace nvinfer1;
  static Logger logger;  // outlives all that was made with it, the engine too
  Monitor monitor;
  std::unique_ptr<ITimingCache> timing_cache;  // goes after the builder
  std::unique_ptr<IBuilder> builder(static_cast<IBuilder*>(functions.create_builder(&logger, NV_TENSORRT_VERSION)));
  require(builder != nullptr, "createInferBuilder");
  const auto flags = 1u << static_cast<std::uint32_t>(NetworkDefinitionCreationFlag::kSTRONGLY_TYPED);
  std::unique_ptr<INetworkDefinition> network(builder->createNetworkV2(flags));
  std::unique_ptr<IBuilderConfig> config(builder->createBuilderConfig());
  require(network != nullptr && config != nullptr, "createNetworkV2, createBuilderConfig");
  config->setProfilingVerbosity(ProfilingVerbosity::kDETAILED);
  config->setProgressMonitor(&monitor);
  timing_cache.reset(config->createTimingCache(nullptr, 0));
  require(timing_cache != nullptr, "createTimingCache");
  config->setTimingCache(*timing_cache, false);
  require(config->setNbComputeCapabilities(1) && config->setComputeCapability(ComputeCapability::kSM89, 0),
          "setComputeCapability");
  std::unique_ptr<nvonnxparser::IParser> parser(
      static_cast<nvonnxparser::IParser*>(functions.create_parser(network.get(), &logger, NV_ONNX_PARSER_VERSION)));
  require(parser != nullptr && parser->parse(model.data(), model.size()), "parse");
  network->setName(name);
  IOptimizationProfile* const profile = builder->createOptimizationProfile();
  require(profile->setDimensions(shapes.input, OptProfileSelector::kMIN, shapes.min) &&
              profile->setDimensions(shapes.input, OptProfileSelector::kOPT, shapes.opt) &&
              profile->setDimensions(shapes.input, OptProfileSelector::kMAX, shapes.max) &&
              config->addOptimizationProfile(profile) >= 0,
          "addOptimizationProfile");
  std::unique_ptr<IHostMemory> engine(builder->buildSerializedNetwork(*network, *config));
  require(engine != nullptr, "buildSerializedNetwork");
  const std::unique_ptr<IHostMemory> times(timing_cache->serialize());
  return engine;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 9) return 2;
  Functions functions{};
  find(argv[1], "createInferBuilder_INTERNAL", functions.create_builder);
  find(argv[2], "createNvOnnxParser_INTERNAL", functions.create_parser);
  const std::string model = read_file(argv[3]);
  const Profile profile{argv[5], shape_of(argv[6]), shape_of(argv[7]), shape_of(argv[8])};
  int cycles = 0;
  for (std::string file; std::cin >> cycles >> std::ws && std::getline(std::cin, file);) {
    std::printf("{\"ms\": [");
    for (int i = 0; i < cycles; ++i) {
      const auto started = std::chrono::steady_clock::now();
      auto engine = build(functions, model, argv[4], profile);
      if (i == cycles - 1) write_file(file, *engine);
      engine.reset();
      const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - started;
      std::printf(i == 0 ? "%.3f" : ", %.3f", taken.count());
    }
    std::printf("]}\n");
    std::fflush(stdout);
  }
  return 0;
}
