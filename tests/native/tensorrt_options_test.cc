// Whether each option reaches TensorRT-RTX: one at a time against a build without, by what the library does
// differently. Release 1.7 shows no difference for SPARSE_WEIGHTS, STRICT_NANS and GPU_FALLBACK; that their numbers are
// right is for tests/conformance.
#include "native/tensorrt_fixture.h"
#include "runtime/tensorrt/engine_builder.h"

namespace foveate::tensorrt {
namespace {

using abi::BuilderFlag;

class TensorRtOptions : public TensorRtTest {
 protected:
  EngineSpec plain() const { return spec_of(classifier_, 96); }

  EngineSpec with(std::vector<BuilderFlag> flags) const {
    EngineSpec spec = plain();
    spec.flags = std::move(flags);
    return spec;
  }

  // All that the library logs in a build.
  std::string log_of(const EngineSpec& spec) {
    std::string log;
    BuildListener listener;
    listener.log = [&log](abi::Severity, std::string_view message) { log.append(message).append("\n"); };
    build(spec, listener);
    return log;
  }

  const Bytes classifier_ = example_model("shapes-classifier");
  const Bytes detector_ = example_model("shapes-detector");
};

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

TEST_F(TensorRtOptions, TheWorkspaceIsALimit) {
  EngineSpec spec = plain();
  spec.workspace_bytes = 256u << 20;
  build(spec);
  spec.workspace_bytes = 1u << 20;
  expect_refused(build_engine(*library_, spec, {}, nullptr), error_code::kEngineFailed, {"workspace"});
}

TEST_F(TensorRtOptions, TheOptimizationLevelIsTold) {
  EXPECT_FALSE(contains(log_of(plain()), "at optimization level"));
  for (const int level : {0, 2}) {
    EngineSpec spec = plain();
    spec.optimization_level = level;
    EXPECT_TRUE(contains(log_of(spec), "at optimization level " + std::to_string(level))) << level;
  }
}

// Layers on several streams wait for one another.
TEST_F(TensorRtOptions, WithoutAuxiliaryStreamsNoLayerWaits) {
  EngineSpec spec = spec_of(detector_, 256);
  spec.layers = true;
  EXPECT_TRUE(contains(build(spec).layers, "LayerType: wait"));
  spec.max_aux_streams = 0;
  const std::string layers = build(spec).layers;
  EXPECT_TRUE(contains(layers, "LayerType: ")) << layers.substr(0, 200);
  EXPECT_FALSE(contains(layers, "LayerType: wait"));
}

TEST_F(TensorRtOptions, TacticSourcesAreLeftOut) {
  constexpr const char* kOneOfThem = "Disabling unused tactic source: JIT_CONVOLUTIONS";
  EXPECT_TRUE(contains(log_of(plain()), kOneOfThem));
  EngineSpec spec = plain();
  spec.tactic_sources = 0;
  EXPECT_FALSE(contains(log_of(spec), kOneOfThem));
}

TEST_F(TensorRtOptions, ComputeCapabilitiesAreBuiltFor) {
  EngineSpec spec = plain();
  spec.compute_capabilities = {89};
  const BuiltEngine other = build(spec);
  EXPECT_FALSE(same_but_for_names(text_of(other.engine), text_of(build(plain()).engine)));
  spec.compute_capabilities = {86, 89};
  EXPECT_TRUE(contains(log_of(spec), "Number of target compute capabilities: 2"));
  EXPECT_FALSE(contains(log_of(plain()), "Number of target compute capabilities: 2"));
}

TEST_F(TensorRtOptions, EveryProfileIsBuilt) {
  EngineSpec spec = plain();
  spec.profiles.push_back(spec.profiles[0]);
  spec.profiles[1][0].max[0] = 16;
  EXPECT_TRUE(contains(log_of(spec), "[profile 1]"));
  EXPECT_FALSE(contains(log_of(plain()), "[profile 1]"));
}

// STRIP_PLAN only notes itself in the engine: it leaves out the weights that are marked for a refit, of which there are
// none.
TEST_F(TensorRtOptions, FlagsChangeTheEngine) {
  const BuiltEngine reference = build(plain());
  const BuiltEngine refittable = build(with({BuilderFlag::kRefitIndividual}));
  const BuiltEngine stripped = build(with({BuilderFlag::kStripPlan, BuilderFlag::kRefitIndividual}));
  const BuiltEngine streamed = build(with({BuilderFlag::kWeightStreaming}));
  EXPECT_TRUE(same_but_for_names(text_of(reference.engine), text_of(build(with({})).engine)));
  EXPECT_FALSE(same_but_for_names(text_of(reference.engine), text_of(refittable.engine)));
  EXPECT_FALSE(same_but_for_names(text_of(refittable.engine), text_of(stripped.engine)));
  EXPECT_FALSE(same_but_for_names(text_of(reference.engine), text_of(streamed.engine)));
}

TEST_F(TensorRtOptions, FlagsAreCleared) {
  EngineSpec spec = plain();
  spec.cleared_flags = {BuilderFlag::kTf32};
  EXPECT_FALSE(same_but_for_names(text_of(build(plain()).engine), text_of(build(spec).engine)));
}

}  // namespace
}  // namespace foveate::tensorrt
