// What TensorRT-RTX refuses, as our errors; and which of a model's operators it takes.
#include <set>

#include "native/tensorrt_fixture.h"

namespace foveate::tensorrt {
namespace {

using contract::fixture;

class TensorRtRefusal : public TensorRtTest {
 protected:
  void expect_error(const EngineSpec& spec, std::string_view code, const std::vector<std::string>& texts) {
    expect_refused(build_engine(*library_, spec, {}, nullptr), code, texts);
  }

  Bytes classifier_ = example_model("shapes-classifier");
  EngineSpec good_ = spec_of(classifier_, 96);
};

// ---- profiles

TEST_F(TensorRtRefusal, ProfilesThatContradictThemselvesOrTheModel) {
  struct Case {
    const char* what;
    void (*change)(InputRange& range);
    std::vector<std::string> texts;
  };
  const Case cases[] = {
      {"the smallest is larger", [](InputRange& range) { range.min[0] = 8; }, {"optimization profile 0", "MIN"}},
      {"another size", [](InputRange& range) { range.max[2] = 64; }, {"[?, 3, 96, 96]", "[4, 3, 64, 96]"}},
      {"another rank", [](InputRange& range) { range.opt = {3, 96, 96}; }, {"[?, 3, 96, 96]", "[3, 96, 96]"}},
      {"more than eight", [](InputRange& range) { range.opt = Dims(9, 1); }, {"[?, 3, 96, 96]"}},
      {"a negative size", [](InputRange& range) { range.min[0] = -1; }, {"[?, 3, 96, 96]"}},
      {"a huge size", [](InputRange& range) { range.max[0] = 4'000'000'000; }, {"4000000000", "setDimensions"}},
      {"an unknown input", [](InputRange& range) { range.input = "imags"; }, {"\"imags\"", "optimization profile 0"}},
  };
  for (const auto& [what, change, texts] : cases) {
    SCOPED_TRACE(what);
    EngineSpec spec = good_;
    change(spec.profiles[0][0]);
    expect_error(spec, error_code::kInvalidArgument, texts);
  }
}

TEST_F(TensorRtRefusal, FreeDimensionsWithoutShapes) {
  EngineSpec spec = good_;
  spec.profiles = {};
  expect_error(spec, error_code::kInvalidArgument, {"\"images\"", "[?, 3, 96, 96]", "no optimization profile"});
  spec.profiles = {good_.profiles[0], {}};
  expect_error(spec, error_code::kInvalidArgument, {"\"images\"", "optimization profile 1"});
}

TEST_F(TensorRtRefusal, AnInputBesideThoseOfTheModel) {
  EngineSpec spec = good_;
  spec.profiles[0].push_back({"other", {1}, {1}, {1}});
  auto built = build_engine(*library_, spec, {}, nullptr);
  ASSERT_FALSE(built.ok());
  EXPECT_NE(built.status().error().message.find("\"other\""), std::string::npos);
  EXPECT_NE(built.status().error().hint.find("\"images\""), std::string::npos);
}

// ---- options

TEST_F(TensorRtRefusal, ComputeCapabilities) {
  for (const std::int32_t capability : {0, 50, 87, 90, 100, -1, 1000}) {
    SCOPED_TRACE(capability);
    EngineSpec spec = good_;
    spec.compute_capabilities = {86, capability};
    expect_error(spec, error_code::kInvalidArgument,
                 {"compute capability " + std::to_string(capability) + " is refused", "setComputeCapability"});
  }
}

TEST_F(TensorRtRefusal, AWorkspaceThatIsTooSmall) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{64} << 10}) {
    SCOPED_TRACE(bytes);
    EngineSpec spec = good_;
    spec.workspace_bytes = bytes;
    expect_error(spec, error_code::kEngineFailed, {"workspace"});
  }
}

TEST_F(TensorRtRefusal, FlagsThatThisReleaseLacksOrRefuses) {
  EngineSpec spec = good_;
  spec.flags = {abi::BuilderFlag::kFp16};
  expect_error(spec, error_code::kBackendTooOld, {"no builder flag FP16"});
  spec.flags = {abi::BuilderFlag::kExcludeLeanRuntime};
  expect_error(spec, error_code::kInvalidArgument, {"EXCLUDE_LEAN_RUNTIME is refused", "kVERSION_COMPATIBLE"});
}

TEST_F(TensorRtRefusal, OtherOptions) {
  EngineSpec spec = good_;
  spec.hardware_compatibility = abi::HardwareCompatibility::kAmperePlus;
  expect_error(spec, error_code::kInvalidArgument, {"Hardware compatibility", "tensorrt only"});
  spec = good_;
  spec.tactic_sources = 0xffff'ffff;
  expect_error(spec, error_code::kInvalidArgument, {"tactic sources", "setTacticSources"});
  spec = good_;
  spec.plugin_libraries = {"/nowhere/plugin.so"};
  expect_error(spec, error_code::kBackendInvalid, {"/nowhere/plugin.so", "cannot open"});
}

// ---- models

TEST_F(TensorRtRefusal, WhatIsNoModel) {
  const Bytes garbage(5000, std::byte{0xee});
  const Bytes zeros(5000, std::byte{0});
  const Bytes half(classifier_.begin(), classifier_.begin() + static_cast<std::ptrdiff_t>(classifier_.size() / 2));
  const Bytes cut(classifier_.begin(), classifier_.end() - 1);
  for (const Bytes& bytes : {garbage, zeros, half, cut, Bytes(1, std::byte{8}), Bytes()}) {
    SCOPED_TRACE(bytes.size());
    expect_error(spec_of(bytes, 96), error_code::kModelInvalid, {"The model cannot be read: "});
  }
}

TEST_F(TensorRtRefusal, ExternalDataThatIsMissing) {
  const Bytes model = contract::read_bytes(fixture("external.onnx"));
  EngineSpec spec = spec_of(model);
  spec.model_path = "/nowhere/external.onnx";
  expect_error(spec, error_code::kModelUnsupported, {"weights"});
}

TEST_F(TensorRtRefusal, AnUnknownOperatorIsNamed) {
  for (const char* name : {"unknown_operator.onnx", "unknown_domain.onnx"}) {
    SCOPED_TRACE(name);
    const Bytes model = contract::read_bytes(fixture(name));
    expect_error(spec_of(model), error_code::kModelUnsupported, {"node 0", "(Frobnicate)", "no plugin has its name"});
  }
}

TEST_F(TensorRtRefusal, AnElementTypeThatItLacks) {
  const Bytes model = contract::read_bytes(fixture("identity_uint16.onnx"));
  expect_error(spec_of(model), error_code::kModelUnsupported, {"convertDtype"});
}

TEST_F(TensorRtRefusal, OperatorsOfADynamicallyQuantizedModelAreNamed) {
  const std::filesystem::path path = std::filesystem::path(FOVEATE_SHARED_MODELS) / "mobilenetv2_dynq_int8.onnx";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not here";
  const Bytes model = contract::read_bytes(path);
  expect_error(spec_of(model), error_code::kModelUnsupported,
               {"node 55 \"Conv_0_quant\" (ConvInteger): the operator is not supported",
                "\"input_QuantizeLinear\" (DynamicQuantizeLinear)", " more"});
}

// ---- support

TEST_F(TensorRtRefusal, ASupportedModelHasNoFaults) {
  auto report = check_support(*library_, classifier_, {});
  ASSERT_TRUE(report.ok()) << report.status().error().message;
  EXPECT_TRUE(report.value().supported);
  EXPECT_TRUE(report.value().faults.empty());
}

TEST_F(TensorRtRefusal, AnUnsupportedModelHasFaults) {
  const Bytes model = contract::read_bytes(fixture("optional_output.onnx"));
  auto report = check_support(*library_, model, {});
  ASSERT_TRUE(report.ok()) << report.status().error().message;
  EXPECT_FALSE(report.value().supported);
  ASSERT_EQ(report.value().faults.size(), 1u);
  const ParserFault& fault = report.value().faults[0];
  EXPECT_EQ(fault.node_index, 0);
  EXPECT_EQ(fault.op, "Optional");
  EXPECT_EQ(fault.reason, "the operator is not supported");
  EXPECT_NE(fault.where.find(".cpp:"), std::string::npos) << fault.where;
}

TEST_F(TensorRtRefusal, ADynamicallyQuantizedModelHasMany) {
  const std::filesystem::path path = std::filesystem::path(FOVEATE_SHARED_MODELS) / "mobilenetv2_dynq_int8.onnx";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not here";
  auto report = check_support(*library_, contract::read_bytes(path), {});
  ASSERT_TRUE(report.ok()) << report.status().error().message;
  EXPECT_FALSE(report.value().supported);
  std::set<std::string> operators;
  for (const ParserFault& fault : report.value().faults) {
    operators.insert(fault.op);
    EXPECT_FALSE(fault.node.empty());
    EXPECT_GE(fault.node_index, 0);
  }
  EXPECT_EQ(operators, (std::set<std::string>{"ConvInteger", "DynamicQuantizeLinear", "MatMulInteger"}));
}

TEST_F(TensorRtRefusal, NoModelNoReport) {
  for (const Bytes& bytes : {Bytes(5000, std::byte{0xee}), Bytes(5000, std::byte{0}), Bytes()}) {
    SCOPED_TRACE(bytes.size());
    auto report = check_support(*library_, bytes, {});
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.status().error().code, error_code::kModelInvalid) << report.status().error().message;
  }
}

}  // namespace
}  // namespace foveate::tensorrt
