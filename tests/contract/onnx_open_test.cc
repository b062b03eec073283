// Opening ONNX models: what only a runtime that opens them itself has to do.
#include <algorithm>
#include <filesystem>

#include "contract/contract.h"

namespace foveate::contract {
namespace {

TEST_P(OnnxContract, TellsThatExternalDataIsMissing) {
  const TemporaryFolder folder;
  std::filesystem::copy_file(fixture("external.onnx"), folder.path() / "external.onnx");
  auto opened = runtime_->open(folder.path() / "external.onnx", options_);
  ASSERT_FALSE(opened.ok());
  expect_error(opened.status(), error_code::kModelInvalid, {"external data", "external.bin"});
}

// Not even when a file of that name lies in the working directory.
TEST_P(OnnxContract, RefusesExternalDataOfAModelInMemory) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(fixture(""));
  const auto bytes = read_bytes(fixture("external.onnx"));
  auto opened = runtime_->open(std::span<const std::byte>(bytes), options_);
  std::filesystem::current_path(before);
  ASSERT_FALSE(opened.ok());
  expect_error(opened.status(), error_code::kModelInvalid, {"external data"});
  EXPECT_NE(opened.status().error().hint.find("by its path"), std::string::npos);
}

TEST_P(OnnxContract, RefusesExternalDataOutsideTheFolder) {
  const TemporaryFolder folder;
  const auto inner = folder.path() / "inner";
  std::filesystem::create_directory(inner);
  std::filesystem::copy_file(fixture("external_outside.onnx"), inner / "model.onnx");
  std::filesystem::copy_file(fixture("external.bin"), folder.path() / "outside.bin");
  auto opened = runtime_->open(inner / "model.onnx", options_);
  ASSERT_FALSE(opened.ok());
  expect_error(opened.status(), error_code::kModelInvalid, {"external data"});
}

TEST_P(OnnxContract, TellsWhatIsWrongWithAFile) {
  const TemporaryFolder folder;
  const auto check = [&](const std::string& name, std::string_view code) {
    SCOPED_TRACE(name);
    auto opened = runtime_->open(folder.path() / name, options_);
    ASSERT_FALSE(opened.ok());
    expect_error(opened.status(), code, {name});
    EXPECT_FALSE(opened.status().error().hint.empty());
  };
  check("missing.onnx", error_code::kModelNotFound);
  std::filesystem::create_directory(folder.path() / "folder.onnx");
  check("folder.onnx", error_code::kModelInvalid);
  write_file(folder.path() / "empty.onnx", "");
  check("empty.onnx", error_code::kModelInvalid);
  write_file(folder.path() / "text.onnx", "This is no model, whatever its name says.\n");
  check("text.onnx", error_code::kModelInvalid);
  auto bytes = read_bytes(fixture("dynamic.onnx"));
  bytes.resize(bytes.size() / 2);
  write_file(folder.path() / "truncated.onnx", bytes);
  check("truncated.onnx", error_code::kModelInvalid);
  write_file(folder.path() / "no_graph.onnx", "\x08\x08");
  check("no_graph.onnx", error_code::kModelInvalid);
}

TEST_P(OnnxContract, TellsWhatIsWrongWithBytes) {
  auto half = read_bytes(fixture("dynamic.onnx"));
  half.resize(half.size() / 2);
  const std::vector<std::byte> zeros(1000);
  const std::vector<std::byte> none;
  for (const auto* bytes : {&std::as_const(half), &zeros, &none}) {
    auto opened = runtime_->open(std::span<const std::byte>(*bytes), options_);
    ASSERT_FALSE(opened.ok());
    expect_error(opened.status(), error_code::kModelInvalid);
  }
}

// Whatever byte is missing, the answer is an error or a model that was complete without it, and the process lives.
TEST_P(OnnxContract, SurvivesTruncationAnywhere) {
  const auto whole = read_bytes(fixture("loop.onnx"));
  std::size_t refused = 0;
  for (std::size_t size = 1; size < whole.size(); ++size) {
    auto opened = runtime_->open(std::span(whole).first(size), options_);
    if (opened.ok()) continue;
    ++refused;
    EXPECT_TRUE(opened.status().error().code == error_code::kModelInvalid ||
                opened.status().error().code == error_code::kModelUnsupported)
        << size << ": " << opened.status().error().code << " " << opened.status().error().message;
  }
  EXPECT_GT(refused, whole.size() * 9 / 10);
}

TEST_P(OnnxContract, TellsWhatItDoesNotSupport) {
  const std::vector<std::pair<std::string, std::string>> cases{{"unknown_operator", "Frobnicate"},
                                                               {"unknown_domain", "com.example.nowhere"},
                                                               {"opset_99", "99"},
                                                               {"ir_99", "99"},
                                                               {"without_kernel", "BitShift"}};
  for (const auto& [name, text] : cases) {
    SCOPED_TRACE(name);
    auto by_path = open(name);
    ASSERT_FALSE(by_path.ok());
    expect_error(by_path.status(), error_code::kModelUnsupported, {text, name});
    EXPECT_FALSE(by_path.status().error().hint.empty());
    const auto bytes = read_bytes(fixture(name + ".onnx"));
    auto from_bytes = runtime_->open(std::span<const std::byte>(bytes), options_);
    ASSERT_FALSE(from_bytes.ok());
    expect_error(from_bytes.status(), error_code::kModelUnsupported, {text});
  }
}

TEST_P(OnnxContract, RefusesAGraphThatIsNotValid) {
  auto opened = open("type_error");
  ASSERT_FALSE(opened.ok());
  expect_error(opened.status(), error_code::kModelInvalid, {"type_error"});
}

TEST_P(OnnxContract, RefusesTensorsOfTypesThatItCannotHold) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"string_input", "\"text\""}, {"sequence_output", "\"pieces\""}, {"optional_output", "\"maybe\""}};
  for (const auto& [name, tensor] : cases) {
    SCOPED_TRACE(name);
    auto opened = open(name);
    ASSERT_FALSE(opened.ok());
    expect_error(opened.status(), error_code::kModelUnsupported, {tensor});
  }
}

}  // namespace
}  // namespace foveate::contract
