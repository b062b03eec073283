// Opening TensorRT's libraries, which release one is, and methods that a release lacks.
#include "runtime/tensorrt/library.h"

#include <random>

#include "native/tensorrt_fixture.h"
#include "runtime/tensorrt/slots.generated.h"

namespace foveate::tensorrt {
namespace {

using contract::expect_error;
using contract::TemporaryFolder;

Status open_error(const std::filesystem::path& path, const std::filesystem::path& parser_path = {}) {
  auto opened = open_library(path, parser_path);
  if (opened.ok()) return {};
  EXPECT_FALSE(opened.status().error().hint.empty());
  return opened.take_status();
}

// ---- numbers

TEST(TensorRtReleases, AreToldByTheNumber) {
  using abi::Releases;
  struct Case {
    std::int32_t number;
    std::optional<Releases> releases;
    const char* text;
  };
  const Case cases[] = {{8503, Releases::kTrt8, "8.5.3"},      {8601, Releases::kTrt8, "8.6.1"},
                        {10300, Releases::kRtx10, "1.3.0"},    {10499, Releases::kRtx10, "1.4.99"},
                        {10500, Releases::kRtx11, "1.5.0"},    {10701, Releases::kRtx11, "1.7.1"},
                        {19999, Releases::kRtx11, "1.99.99"},  {100001, Releases::kTrt10, "10.0.1"},
                        {101501, Releases::kTrt10, "10.15.1"}, {110400, Releases::kTrt11, "11.4.0"},
                        {119999, Releases::kTrt11, "11.99.99"}};
  for (const auto& [number, releases, text] : cases) {
    SCOPED_TRACE(number);
    ASSERT_EQ(releases_of(number), releases);
    EXPECT_EQ(version_text({*releases, number}), text);
  }
}

TEST(TensorRtReleases, OthersAreNotKnown) {
  for (const std::int32_t number :
       {INT32_MIN, -1, 0, 1, 7234, 8499, 8700, 9300, 10000, 10299, 20000, 99999, 120000, INT32_MAX})
    EXPECT_FALSE(releases_of(number)) << number;
}

TEST(TensorRtReleases, EveryNumberHasAtMostOneRange) {
  int changes = 0;
  for (std::int32_t number = 1; number <= 130000; ++number) changes += releases_of(number) != releases_of(number - 1);
  // Into and out of 8, into RTX 1.3, on to 1.5, out of RTX, into 10, on to 11, out of it.
  EXPECT_EQ(changes, 8);
}

// ---- methods

TEST(TensorRtMethods, ThatAReleaseLacksAreRefusedByName) {
  using abi::Releases;
  const auto refused = [](const auto& method, abi::Version version, const std::string& name) {
    EXPECT_FALSE(method.exists(version));
    auto bound = method.in(version);
    ASSERT_FALSE(bound.ok());
    expect_error(bound.status(), error_code::kBackendTooOld, {name, std::to_string(version.number)});
    EXPECT_FALSE(bound.status().error().hint.empty());
  };
  refused(abi::kBuilderConfigSetProgressMonitor, {Releases::kTrt8, 8601}, "IBuilderConfig::setProgressMonitor");
  refused(abi::kBuilderConfigSetComputeCapability, {Releases::kTrt11, 110400}, "IBuilderConfig::setComputeCapability");
  refused(abi::kBuilderGetPluginRegistry, {Releases::kTrt8, 8503}, "IBuilder::getPluginRegistry");
  refused(abi::kParserSupportsModelV2, {Releases::kTrt10, 100001}, "IParser::supportsModelV2");
  EXPECT_TRUE(abi::kParserSupportsModelV2.exists({Releases::kTrt10, 100100}));
  EXPECT_TRUE(abi::kBuilderGetPluginRegistry.exists({Releases::kTrt8, 8601}));
}

// ---- files

TEST(TensorRtLibrary, MissingFile) {
  expect_error(open_error("/nowhere/libnvinfer.so.10"), error_code::kBackendNotFound, {"/nowhere/libnvinfer.so.10"});
}

TEST(TensorRtLibrary, AnotherLibrary) {
  expect_error(open_error(FOVEATE_UNRELATED_LIBRARY), error_code::kBackendInvalid, {"getInferLibVersion"});
}

TEST(TensorRtLibrary, AReleaseWhoseInterfaceIsNotKnown) {
  expect_error(open_error(FOVEATE_UNKNOWN_TENSORRT_LIBRARY), error_code::kBackendTooOld, {"7234", "RTX 1.3"});
}

TEST(TensorRtLibrary, TheLeanRuntimeBuildsNothing) {
  auto opened = open_library(FOVEATE_LEAN_TENSORRT_LIBRARY, {});
  ASSERT_TRUE(opened.ok()) << opened.status().error().message;
  const Library& library = *opened.value();
  EXPECT_EQ(library.family, Family::kLean);
  EXPECT_STREQ(family_name(library.family), "tensorrt-lean");
  EXPECT_STREQ(releases_name(library.version.releases), "trt11");
  EXPECT_TRUE(library.parser_path.empty());
  EXPECT_NE(library.build_obstacle().value_or("").find("no builder"), std::string::npos);
  expect_refused(build_engine(library, {}, {}, nullptr), error_code::kBackendUnavailable,
                 {"tensorrt-lean 11.4.0", "no builder"});
  auto support = check_support(library, {}, {});
  ASSERT_FALSE(support.ok());
  expect_error(support.status(), error_code::kBackendUnavailable);
}

class TensorRtLibraryFiles : public TensorRtTest {};

TEST_F(TensorRtLibraryFiles, TellWhatTheyAre) {
  EXPECT_EQ(library_->family, Family::kTensorRtRtx);
  EXPECT_STREQ(family_name(library_->family), "tensorrt-rtx");
  EXPECT_TRUE(version_text(library_->version).starts_with("1.")) << library_->version.number;
  EXPECT_TRUE(std::string(releases_name(library_->version.releases)).starts_with("rtx"));
  EXPECT_GE(library_->parser_version, 100);
  EXPECT_EQ(library_->path.filename(), "libtensorrt_rtx.so.1");
  EXPECT_EQ(library_->build_obstacle(), std::nullopt);
}

TEST_F(TensorRtLibraryFiles, AreOpenedOnce) {
  EXPECT_EQ(open_library(real_path(), real_parser_path()).value(), library_);
  const TemporaryFolder folder;
  const auto link = folder.path() / "another-name.so";
  std::filesystem::create_symlink(real_path(), link);
  EXPECT_EQ(open_library(link, real_parser_path()).value(), library_);
}

TEST_F(TensorRtLibraryFiles, WithoutAParserNothingIsBuilt) {
  const auto alone = open_library(real_path(), {}).value();
  EXPECT_NE(alone, library_);
  EXPECT_NE(alone->build_obstacle().value_or("").find("parser"), std::string::npos);
  expect_refused(build_engine(*alone, {}, {}, nullptr), error_code::kBackendUnavailable, {"no ONNX parser"});
}

TEST_F(TensorRtLibraryFiles, EachInThePlaceOfTheOther) {
  expect_error(open_error(real_parser_path()), error_code::kBackendInvalid, {"is not TensorRT"});
  expect_error(open_error(real_path(), real_path()), error_code::kBackendInvalid, {"is not an ONNX parser"});
  expect_error(open_error(real_path(), "/nowhere/parser.so"), error_code::kBackendNotFound, {"/nowhere/parser.so"});
}

TEST_F(TensorRtLibraryFiles, AParserOfAnotherRelease) {
  const TemporaryFolder folder;
  for (const char* name : {"libnvonnxparser.so.10", "libtensorrt_onnxparser_rtx.so.2"}) {
    const auto copy = folder.path() / name;
    contract::write_file(copy, contract::read_bytes(real_parser_path()));
    expect_error(open_error(real_path(), copy), error_code::kBackendInvalid, {name, "belongs to another release"});
  }
}

TEST_F(TensorRtLibraryFiles, DamagedCopies) {
  const TemporaryFolder folder;
  const auto copy = folder.path() / "copy.so";
  const Bytes whole = contract::read_bytes(real_parser_path());
  for (const std::size_t bytes :
       {std::size_t{0}, std::size_t{40}, std::size_t{4096}, whole.size() / 2, whole.size() - 1}) {
    SCOPED_TRACE(bytes);
    contract::write_file(copy, std::span(whole).first(bytes));
    expect_error(open_error(copy), error_code::kBackendInvalid, {"copy.so"});
    expect_error(open_error(real_path(), copy), error_code::kBackendInvalid, {"copy.so"});
  }
  std::mt19937 random(7);
  Bytes noise(100'000);
  for (auto& byte : noise) byte = static_cast<std::byte>(random());
  contract::write_file(copy, noise);
  expect_error(open_error(copy), error_code::kBackendInvalid, {"not a shared library"});
  EXPECT_EQ(open_library(real_path(), real_parser_path()).value(), library_);
}

}  // namespace
}  // namespace foveate::tensorrt
