// What only ONNX Runtime does: opening its library, its providers, its log and its messages. The rest is
// tests/contract.
#include "runtime/onnxruntime/library.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <set>
#include <thread>

#include "contract/contract.h"
#include "runtime/log.h"
#include "runtime/onnxruntime/failure.h"

namespace foveate::onnxruntime {
namespace {

using contract::expect_error;
using contract::fixture;
using contract::TemporaryFolder;

std::filesystem::path library_path() {
  const char* path = std::getenv("FOVEATE_ONNXRUNTIME_PATH");
  return path == nullptr ? "FOVEATE_ONNXRUNTIME_PATH is not set" : path;
}

std::shared_ptr<Runtime> open_real() {
  auto opened = open_library(library_path());
  if (opened.ok()) return std::move(opened).value();
  ADD_FAILURE() << opened.status().error().message << " FOVEATE_ONNXRUNTIME_PATH must name an ONNX Runtime library.";
  return nullptr;
}

ModelOptions with_provider(const std::string& name, std::map<std::string, std::string> provider_options = {}) {
  ModelOptions options;
  options.providers = {{name, std::move(provider_options)}};
  return options;
}

ModelOptions with_config(const std::string& key, const std::string& value) {
  ModelOptions options;
  options.config = {{key, value}};
  return options;
}

Status open_error(const std::filesystem::path& path) {
  auto opened = open_library(path);
  if (opened.ok()) return {};
  EXPECT_FALSE(opened.status().error().hint.empty());
  return opened.take_status();
}

TEST(OnnxRuntimeLibrary, TellsItsVersionAndProviders) {
  const auto runtime = open_real();
  ASSERT_NE(runtime, nullptr);
  EXPECT_EQ(runtime->info().name, "onnxruntime");
  EXPECT_TRUE(runtime->info().version.starts_with("1.")) << runtime->info().version;
  const auto& providers = runtime->info().providers;
  EXPECT_NE(std::ranges::find(providers, "CPUExecutionProvider"), providers.end());
}

TEST(OnnxRuntimeLibrary, IsOpenedOnce) {
  const auto runtime = open_real();
  ASSERT_NE(runtime, nullptr);
  const TemporaryFolder folder;
  const auto link = folder.path() / "another-name.so";
  std::filesystem::create_symlink(runtime->info().path, link);
  EXPECT_EQ(open_library(link).value(), runtime);
  EXPECT_EQ(open_library(library_path()).value(), runtime);
}

TEST(OnnxRuntimeLibrary, IsOpenedOnceByManyThreads) {
  std::mutex mutex;
  std::set<Runtime*> seen;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto runtime = open_real();
      std::lock_guard lock(mutex);
      seen.insert(runtime.get());
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(seen.size(), 1u);
}

// Usage data would go through a database below the home folder and a socket; descriptors below 3 belong to whoever runs
// the tests.
TEST(OnnxRuntimeLibrary, SendsNoUsageData) {
  const auto runtime = open_real();
  ASSERT_NE(runtime, nullptr);
  EXPECT_TRUE(runtime->open(fixture("fixed.onnx"), {}).ok());
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry.path(), gone);
    if (std::stoi(entry.path().filename()) < 3) continue;
    EXPECT_EQ(target.find("socket:"), std::string::npos) << target;
    EXPECT_EQ(target.find(".db"), std::string::npos) << target;
  }
  for (const auto& entry : std::filesystem::directory_iterator("/tmp")) {
    EXPECT_NE(entry.path().filename(), "mat-debug-" + std::to_string(::getpid()) + ".log");
  }
}

TEST(OnnxRuntimeLibrary, MissingFile) {
  expect_error(open_error("/nowhere/libonnxruntime.so"), error_code::kBackendNotFound, {"/nowhere/libonnxruntime.so"});
}

TEST(OnnxRuntimeLibrary, WrongFiles) {
  const TemporaryFolder folder;
  expect_error(open_error(folder.path()), error_code::kBackendInvalid, {"is a folder"});

  const auto text = folder.path() / "text.so";
  contract::write_file(text, "not a library, but long enough to hold the header of one: sixty-four bytes");
  expect_error(open_error(text), error_code::kBackendInvalid, {"text.so", "not a shared library"});

  const auto empty = folder.path() / "empty.so";
  contract::write_file(empty, "");
  expect_error(open_error(empty), error_code::kBackendInvalid, {"not a shared library"});

  auto bytes = contract::read_bytes(FOVEATE_UNRELATED_LIBRARY);
  auto* header = reinterpret_cast<Elf64_Ehdr*>(bytes.data());
  const bool on_x64 = header->e_machine == EM_X86_64;
  header->e_machine = on_x64 ? EM_AARCH64 : EM_X86_64;
  const auto foreign = folder.path() / "foreign.so";
  contract::write_file(foreign, bytes);
  expect_error(open_error(foreign), error_code::kBackendInvalid, {on_x64 ? "built for arm64" : "built for x64"});

  bytes = contract::read_bytes(FOVEATE_UNRELATED_LIBRARY);
  bytes.resize(200);
  const auto truncated = folder.path() / "truncated.so";
  contract::write_file(truncated, bytes);
  expect_error(open_error(truncated), error_code::kBackendInvalid, {"cut short", "received 200"});
}

TEST(OnnxRuntimeLibrary, AnotherLibrary) {
  expect_error(open_error(FOVEATE_UNRELATED_LIBRARY), error_code::kBackendInvalid, {"OrtGetApiBase"});
}

TEST(OnnxRuntimeLibrary, TooOld) {
  expect_error(open_error(FOVEATE_TOO_OLD_LIBRARY), error_code::kBackendTooOld, {"is 1.2.3", "1.17 or newer"});
}

TEST(OnnxRuntimeLibrary, ARefusedLibraryDoesNotDisturbTheRightOne) {
  expect_error(open_error(FOVEATE_TOO_OLD_LIBRARY), error_code::kBackendTooOld);
  expect_error(open_error(FOVEATE_TOO_OLD_LIBRARY), error_code::kBackendTooOld);
  EXPECT_NE(open_real(), nullptr);
}

TEST(OnnxRuntimeProviders, DevicesThatCannotBeUsedAreNamed) {
  const auto runtime = open_real();
  ASSERT_NE(runtime, nullptr);
  for (const char* device : {"cuda", "tensorrt"}) {
    SCOPED_TRACE(device);
    auto opened = runtime->open(fixture("fixed.onnx"), with_provider(device));
    if (opened.ok()) {  // a machine with the device
      EXPECT_GT(opened.value()->info().providers.size(), 1u);
      continue;
    }
    expect_error(opened.status(), error_code::kBackendUnavailable, {device});
    EXPECT_NE(opened.status().error().hint.find("cpu"), std::string::npos);
  }
}

TEST(OnnxRuntimeProviders, TheCpuIsAlwaysThere) {
  const auto runtime = open_real();
  ASSERT_NE(runtime, nullptr);
  auto opened = runtime->open(fixture("fixed.onnx"), with_provider("cpu"));
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened.value()->info().providers, std::vector<std::string>{"CPUExecutionProvider"});
  auto refused = runtime->open(fixture("fixed.onnx"), with_provider("cpu", {{"speed", "high"}}));
  ASSERT_FALSE(refused.ok());
  expect_error(refused.status(), error_code::kUnknownOption, {"speed"});
}

TEST(OnnxRuntimeOptions, ConfigurationEntriesArePassedOn) {
  const auto runtime = open_real();
  ASSERT_NE(runtime, nullptr);
  auto opened = runtime->open(fixture("fixed.onnx"), with_config("session.disable_prepacking", "1"));
  EXPECT_TRUE(opened.ok());
  auto refused = runtime->open(fixture("fixed.onnx"), with_config(std::string(5000, 'k'), "1"));
  ASSERT_FALSE(refused.ok());
  expect_error(refused.status(), error_code::kInvalidArgument, {"kkkk"});
}

TEST(OnnxRuntimeOptions, BytesAreNeverKeptBySessions) {
  const auto runtime = open_real();
  ASSERT_NE(runtime, nullptr);
  const auto bytes = contract::read_bytes(fixture("fixed.onnx"));
  auto refused =
      runtime->open(std::span<const std::byte>(bytes), with_config("session.use_ort_model_bytes_directly", "1"));
  ASSERT_FALSE(refused.ok());
  expect_error(refused.status(), error_code::kInvalidArgument, {"model in memory"});
}

// ---- log

std::mutex lines_mutex;
std::vector<std::string> lines;  // "origin: message"

void keep_line(const LogLine& line) noexcept {
  std::lock_guard lock(lines_mutex);
  lines.push_back(std::string(line.runtime) + " " + std::string(line.origin) + ": " + std::string(line.message));
}

TEST(OnnxRuntimeLog, LinesReachTheSinkWithTheirModel) {
  const auto runtime = open_real();
  ASSERT_NE(runtime, nullptr);
  const auto open_noisy = [&] { EXPECT_TRUE(runtime->open(fixture("default_input.onnx"), {}).ok()); };
  set_log_sink(keep_line, LogLevel::kWarning);
  open_noisy();
  set_log_sink(keep_line, LogLevel::kError);
  const std::size_t with_warnings = lines.size();
  open_noisy();
  EXPECT_EQ(lines.size(), with_warnings);
  set_log_sink(nullptr);
  ASSERT_GT(with_warnings, 0u);
  EXPECT_TRUE(lines[0].starts_with("onnxruntime default_input.onnx: ")) << lines[0];
  EXPECT_NE(lines[0].find("bias"), std::string::npos);
}

TEST(OnnxRuntimeLog, NothingIsWrittenToStderr) {
  const auto runtime = open_real();
  ASSERT_NE(runtime, nullptr);
  testing::internal::CaptureStderr();
  EXPECT_TRUE(runtime->open(fixture("default_input.onnx"), {}).ok());
  EXPECT_FALSE(runtime->open(fixture("unknown_operator.onnx"), {}).ok());
  const auto gather = runtime->open(fixture("gather.onnx"), {}).value();
  const auto context = gather->create_context();
  auto x = contract::floats({4}, {1, 2, 3, 4});
  auto outside = contract::make_tensor<std::int64_t>(DType::kInt64, {1}, {99});
  RunResult result;
  EXPECT_FALSE(contract::run(*context.value(), {x.view(), outside.view()}, {0}, result).ok());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

// ---- messages

TEST(OnnxRuntimeMessages, LoseTheSourcePositionsOfTheBuild) {
  EXPECT_EQ(clean_message("a plain reason"), "a plain reason");
  EXPECT_EQ(clean_message("first line\nsecond line"), "first line");
  EXPECT_EQ(clean_message("Load model from a/b.onnx failed:the reason"), "the reason");
  EXPECT_EQ(
      clean_message(
          "/build/core/model.cc:187 ns::Model::Model(A&&, const std::map<B, C>&, D (*)(E)) The reason: 3 (of 4)\n"),
      "The reason: 3 (of 4)");
  EXPECT_EQ(
      clean_message("Failed to load model with error: /build/core/load.h:46 void ns::check(const A&, int) Opset 99"),
      "Opset 99");
  EXPECT_EQ(clean_message("Error: tensors.cc:461 check_path Path does not exist"), "Error: Path does not exist");
  EXPECT_EQ(clean_message(
                "/build/bridge.cc:19 ns::Provider& ns::Library::get() [ONNXRuntimeError] : 1 : FAIL : No such file"),
            "No such file");
  EXPECT_EQ(clean_message("/build/x.cc:1 R ns::F::operator()(A) const [with A = int] size was 3"), "size was 3");
  EXPECT_EQ(clean_message("reading data.h5:12 failed"), "reading data.h5:12 failed");
  EXPECT_EQ(clean_message(""), "");
  EXPECT_EQ(clean_message("/build/x.cc:1 "), "");
  EXPECT_EQ(clean_message("/build/x.cc:1 ns::broken(("), "");
}

// ---- models of the field

TEST(OnnxRuntimeModels, InputsOfRealModelsAreThoseThatMustBeGiven) {
  const std::filesystem::path folder = FOVEATE_SHARED_MODELS;
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "../shared/models is not here";
  const auto runtime = open_real();
  ASSERT_NE(runtime, nullptr);
  int opened_models = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".onnx") continue;
    SCOPED_TRACE(entry.path().filename());
    auto opened = runtime->open(entry.path(), ModelOptions{});
    ASSERT_TRUE(opened.ok()) << opened.status().error().message;
    ++opened_models;
    const ModelInfo& info = opened.value()->info();
    ASSERT_EQ(info.inputs.size(), 1u);

    Dims dims = info.inputs[0].dims;
    for (auto& dim : dims) dim = dim == kDynamic ? 1 : dim;
    contract::HostTensor input{info.inputs[0].dtype, dims,
                               std::vector<std::byte>(*byte_count(dims, info.inputs[0].dtype))};
    std::vector<std::size_t> wanted(info.outputs.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i] = i;
    RunResult result;
    const auto context = opened.value()->create_context();
    const Status status = contract::run(*context.value(), {input.view()}, wanted, result);
    ASSERT_TRUE(status.ok()) << status.error().message;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_EQ(result.outputs[i].dtype, info.outputs[i].dtype);
      EXPECT_EQ(result.outputs[i].dims.size(), info.outputs[i].dims.size());
    }
  }
  EXPECT_GT(opened_models, 0);
}

}  // namespace
}  // namespace foveate::onnxruntime
