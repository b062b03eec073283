// Engines that TensorRT-RTX builds, and what it tells meanwhile.
#include "runtime/tensorrt/engine_builder.h"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <mutex>
#include <thread>

#include "native/tensorrt_fixture.h"
#include "runtime/cuda/driver.h"
#include "runtime/log.h"
#include "runtime/tensorrt/timing_cache.h"

namespace foveate::tensorrt {
namespace {

using contract::fixture;

// The builder numbers values of its own in an order that varies from build to build, and their names are in the engine:
// "__mye712". Where a number has more digits, all that follows is moved.
bool same_but_for_names(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return std::max(a.size(), b.size()) - std::min(a.size(), b.size()) < 256;
  std::size_t differences = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) continue;
    if (std::isdigit(static_cast<unsigned char>(a[i])) == 0 || std::isdigit(static_cast<unsigned char>(b[i])) == 0)
      return false;
    ++differences;
  }
  return differences < 1000;
}

class TensorRtBuild : public TensorRtTest {
 protected:
  // A failure of the test, and nothing, where it is refused.
  BuiltEngine build(const EngineSpec& spec, const BuildListener& listener = {}, CancelToken* cancel = nullptr) {
    auto built = build_engine(*library_, spec, listener, cancel);
    if (built.ok()) return std::move(built).value();
    ADD_FAILURE() << built.status().error().code << ": " << built.status().error().message;
    return {};
  }

  Bytes classifier_ = example_model("shapes-classifier");
};

TEST_F(TensorRtBuild, TheModelsOfTheExamples) {
  struct Case {
    const char* model;
    std::int64_t side;
    const char* output;
    Dims dims;
  };
  const Case cases[] = {{"shapes-classifier", 96, "logits", {kDynamic, 6}},
                        {"shapes-detector", 256, "output0", {kDynamic, 10, 1344}},
                        {"shapes-segmenter", 128, "logits", {kDynamic, 7, 128, 128}}};
  for (const auto& [name, side, output, dims] : cases) {
    SCOPED_TRACE(name);
    const Bytes model = example_model(name);
    const BuiltEngine built = build(spec_of(model, side));
    EXPECT_GT(text_of(built.engine).size(), 100'000u);
    EXPECT_FALSE(text_of(built.timing_cache).empty());
    EXPECT_GT(built.network_layers, 10);
    ASSERT_EQ(built.inputs.size(), 1u);
    EXPECT_EQ(built.inputs[0].name, "images");
    EXPECT_EQ(built.inputs[0].dtype, "float32");
    EXPECT_EQ(built.inputs[0].dims, (Dims{kDynamic, 3, side, side}));
    ASSERT_EQ(built.outputs.size(), 1u);
    EXPECT_EQ(built.outputs[0].name, output);
    EXPECT_EQ(built.outputs[0].dtype, "float32");
    EXPECT_EQ(built.outputs[0].dims, dims);
  }
}

TEST_F(TensorRtBuild, AModelOfFixedShapesNeedsNoProfile) {
  const Bytes model = contract::read_bytes(fixture("fixed.onnx"));
  const BuiltEngine built = build(spec_of(model));
  EXPECT_FALSE(text_of(built.engine).empty());
  ASSERT_EQ(built.inputs.size(), 2u);
  for (const NetworkTensor& input : built.inputs) EXPECT_EQ(std::ranges::count(input.dims, kDynamic), 0);
}

TEST_F(TensorRtBuild, ExternalDataLiesBesideTheModel) {
  const Bytes model = contract::read_bytes(fixture("external.onnx"));
  EngineSpec spec = spec_of(model);
  spec.model_path = fixture("external.onnx");
  EXPECT_FALSE(text_of(build(spec).engine).empty());
}

TEST_F(TensorRtBuild, TwiceGivesTheSameEngine) {
  const Bytes small = contract::read_bytes(fixture("fixed.onnx"));
  EXPECT_TRUE(text_of(build(spec_of(small)).engine) == text_of(build(spec_of(small)).engine));
  const BuiltEngine first = build(spec_of(classifier_, 96));
  const BuiltEngine second = build(spec_of(classifier_, 96));
  EXPECT_TRUE(same_but_for_names(text_of(first.engine), text_of(second.engine)));
  EXPECT_NE(first.engine->data(), second.engine->data());

  EngineSpec renamed = spec_of(small);
  renamed.network_name = "another";
  EXPECT_FALSE(text_of(build(renamed).engine) == text_of(build(spec_of(small)).engine));
}

TEST_F(TensorRtBuild, OptionsReachTheBuilder) {
  EngineSpec spec = spec_of(classifier_, 96);
  spec.profiles.push_back(spec.profiles[0]);
  spec.profiles[1][0].max[0] = 16;
  spec.compute_capabilities = {80, 89};
  spec.workspace_bytes = 256u << 20;
  spec.optimization_level = 2;
  spec.max_aux_streams = 0;
  spec.flags = {abi::BuilderFlag::kStrictNans, abi::BuilderFlag::kRefitIndividual};
  const BuiltEngine built = build(spec);
  EXPECT_FALSE(same_but_for_names(text_of(built.engine), text_of(build(spec_of(classifier_, 96)).engine)));
}

TEST_F(TensorRtBuild, TellsPhasesAndSteps) {
  std::vector<std::string> open;
  int phases = 0, steps = 0;
  const auto caller = std::this_thread::get_id();
  BuildListener listener;
  listener.phase_start = [&](std::string_view phase, std::string_view parent, int count) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    EXPECT_GE(count, 0);
    EXPECT_TRUE(parent.empty() || std::ranges::find(open, parent) != open.end()) << parent;
    open.emplace_back(phase);
    ++phases;
  };
  listener.step = [&](std::string_view phase, int) {
    EXPECT_NE(std::ranges::find(open, phase), open.end()) << phase;
    ++steps;
  };
  listener.phase_end = [&](std::string_view phase) { std::erase(open, phase); };
  build(spec_of(classifier_, 96), listener);
  EXPECT_GT(phases, 3);
  EXPECT_GT(steps, 10);
  EXPECT_TRUE(open.empty()) << open[0];
}

TEST_F(TensorRtBuild, TellsTheLayersOfTheEngine) {
  EngineSpec spec = spec_of(classifier_, 96);
  EXPECT_EQ(build(spec).layers, "");
  spec.layers = true;
  const std::string layers = build(spec).layers;
  EXPECT_NE(layers.find("Name:"), std::string::npos) << layers.substr(0, 200);
  EXPECT_NE(layers.find("images"), std::string::npos);
}

// The library keeps the first logger that it is given: without scopes, one call would hear another's lines.
TEST_F(TensorRtBuild, LinesReachTheCallThatCausedThem) {
  static std::atomic<int> stray_lines;
  stray_lines = 0;
  set_log_sink([](const LogLine&) noexcept { ++stray_lines; }, LogLevel::kVerbose);
  const Bytes refused = contract::read_bytes(fixture("unknown_operator.onnx"));
  struct Heard {
    int lines = 0, of_the_operator = 0, of_the_classifier = 0, on_another_thread = 0;
  };
  std::barrier together(2);
  const auto listen = [](Heard& heard) {
    BuildListener listener;
    listener.log = [&heard, thread = std::this_thread::get_id()](abi::Severity, std::string_view message) {
      ++heard.lines;
      heard.of_the_operator += message.find("Frobnicate") != std::string_view::npos;
      heard.of_the_classifier += message.find("images") != std::string_view::npos;
      heard.on_another_thread += std::this_thread::get_id() != thread;
    };
    return listener;
  };
  Heard builder, refuser;
  std::thread other([&] {
    const BuildListener listener = listen(refuser);
    together.arrive_and_wait();
    for (int i = 0; i < 5; ++i)
      expect_refused(build_engine(*library_, spec_of(refused), listener, nullptr), error_code::kModelUnsupported, {});
  });
  const BuildListener listener = listen(builder);
  together.arrive_and_wait();
  for (int i = 0; i < 2; ++i) build(spec_of(classifier_, 96), listener);
  other.join();
  set_log_sink(nullptr);
  EXPECT_GT(builder.of_the_classifier, 0);
  EXPECT_EQ(builder.of_the_operator, 0);
  EXPECT_GT(refuser.of_the_operator, 0);
  EXPECT_EQ(refuser.of_the_classifier, 0);
  EXPECT_EQ(builder.on_another_thread + refuser.on_another_thread, 0);
  EXPECT_EQ(stray_lines, 0);
}

TEST_F(TensorRtBuild, WhatAListenerThrowsStopsNothing) {
  int calls = 0;
  const auto fail = [&calls](auto&&...) {
    ++calls;
    throw std::bad_alloc();
  };
  BuildListener listener{fail, fail, fail, fail};
  EXPECT_FALSE(text_of(build(spec_of(classifier_, 96), listener).engine).empty());
  EXPECT_GT(calls, 10);
}

// ---- cancelling

TEST_F(TensorRtBuild, IsCancelledBeforeAnything) {
  CancelToken cancel;
  cancel.cancel();
  expect_refused(build_engine(*library_, spec_of(classifier_, 96), {}, &cancel), error_code::kAborted, {});
}

TEST_F(TensorRtBuild, IsCancelledAtAPhaseAndAtLaterSteps) {
  for (const int wanted : {0, 1, 10, 40}) {  // 0: the first phase
    SCOPED_TRACE(wanted);
    CancelToken cancel;
    int steps = 0, steps_after = 0;
    BuildListener listener;
    listener.phase_start = [&](auto, auto, int) {
      if (wanted == 0) cancel.cancel();
    };
    listener.step = [&](auto, int) {
      steps_after += cancel.cancelled();
      if (++steps == wanted) cancel.cancel();
    };
    expect_refused(build_engine(*library_, spec_of(classifier_, 96), listener, &cancel), error_code::kAborted, {});
    EXPECT_TRUE(cancel.cancelled());
    EXPECT_LT(steps_after, 10);  // the open phases wind up
  }
  EXPECT_FALSE(text_of(build(spec_of(classifier_, 96)).engine).empty());
}

TEST_F(TensorRtBuild, IsCancelledFromAnotherThread) {
  CancelToken cancel;
  std::thread other;
  BuildListener listener;
  listener.phase_start = [&](auto, auto, int) {
    if (!other.joinable()) {
      other = std::thread([&] { cancel.cancel(); });
      other.join();
      other = std::thread([] {});
    }
  };
  expect_refused(build_engine(*library_, spec_of(classifier_, 96), listener, &cancel), error_code::kAborted, {});
  other.join();
}

// ---- timing caches

// Without a GPU the library takes no timing cache at all, and says so.
TEST_F(TensorRtBuild, TheTimingCacheOfOneBuildServesTheNext) {
  const BuiltEngine first = build(spec_of(classifier_, 96));
  EngineSpec spec = spec_of(classifier_, 96);
  spec.timing_cache = std::as_bytes(std::span(text_of(first.timing_cache)));
  bool refused = false;
  BuildListener listener;
  listener.log = [&](abi::Severity, std::string_view message) {
    refused |= message.find("timing cache will not be used") != std::string_view::npos;
  };
  const BuiltEngine second = build(spec, listener);
  EXPECT_EQ(refused, cuda::machine().obstacle.has_value());
  EXPECT_TRUE(same_but_for_names(text_of(second.engine), text_of(first.engine)));
  EXPECT_FALSE(text_of(second.timing_cache).empty());
}

TEST_F(TensorRtBuild, TimingCachesAreCombined) {
  const BuiltEngine built = build(spec_of(classifier_, 96));
  const auto bytes = std::as_bytes(std::span(text_of(built.timing_cache)));
  const Bytes garbage(100, std::byte{0x5a});  // counts as an empty one
  for (const auto second : {bytes, std::as_bytes(std::span(garbage))}) {
    auto combined = combine_timing_caches(*library_, bytes, second);
    ASSERT_TRUE(combined.ok()) << combined.status().error().message;
    EXPECT_GE(text_of(combined.value()).size(), bytes.size());
  }
}

TEST_F(TensorRtBuild, AGarbageTimingCacheIsLeftOut) {
  const BuiltEngine reference = build(spec_of(classifier_, 96));
  for (const std::size_t bytes : {1u, 7u, 172u, 4000u}) {
    SCOPED_TRACE(bytes);
    const Bytes garbage(bytes, std::byte{0x5a});
    EngineSpec spec = spec_of(classifier_, 96);
    spec.timing_cache = garbage;
    const BuiltEngine built = build(spec);
    EXPECT_TRUE(same_but_for_names(text_of(built.engine), text_of(reference.engine)));
    EXPECT_FALSE(text_of(built.timing_cache).empty());
  }
}

TEST_F(TensorRtBuild, ACutTimingCacheIsLeftOut) {
  const BuiltEngine reference = build(spec_of(classifier_, 96));
  const auto whole = std::as_bytes(std::span(text_of(reference.timing_cache)));
  for (const std::size_t bytes : {whole.size() / 2, whole.size() - 1}) {
    SCOPED_TRACE(bytes);
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(bytes));
    EngineSpec spec = spec_of(classifier_, 96);
    spec.timing_cache = cut;
    EXPECT_TRUE(same_but_for_names(text_of(build(spec).engine), text_of(reference.engine)));
  }
}

// ---- memory

TEST_F(TensorRtBuild, AnEngineOutlivesEverythingElse) {
  BlockPtr engine;
  {
    const Bytes model = example_model("shapes-classifier");
    engine = build(spec_of(model, 96)).engine;
  }
  const std::string copy(text_of(engine));
  EXPECT_TRUE(same_but_for_names(copy, text_of(build(spec_of(classifier_, 96)).engine)));
}

TEST_F(TensorRtBuild, ManyThreadsBuildAtOnce) {
  const BuiltEngine reference = build(spec_of(classifier_, 96));
  std::vector<std::thread> threads;
  std::atomic<int> same = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      auto built = build_engine(*library_, spec_of(classifier_, 96), {}, nullptr);
      same += built.ok() && same_but_for_names(text_of(built.value().engine), text_of(reference.engine));
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(same, 4);
}

}  // namespace
}  // namespace foveate::tensorrt
