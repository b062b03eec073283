// What every Runtime must do, whichever engine is behind it. One suite, run once for each runtime in runtimes.cc.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/executor.h"
#include "runtime/runtime.h"

namespace foveate::contract {

struct RuntimeUnderTest {
  std::string name;
  Result<std::shared_ptr<Runtime>> (*open)();
  // What it opens in place of an ONNX model; null: that itself.
  Result<std::vector<std::byte>> (*convert)(const std::filesystem::path& model) = nullptr;
  // Makes the next run fail, whatever it is; null: an index that is out of range does.
  void (*fail_next_run)() = nullptr;
  bool names_dimensions = true;
  bool takes_any_rank = true;
  bool on_device = false;  // what goes in and comes out is copied
  bool stops_runs = true;  // wherever they are
  DType index_dtype = DType::kInt64;
  std::vector<DType> dtypes = {};  // empty: all
};

inline void PrintTo(const RuntimeUnderTest& runtime, std::ostream* out) { *out << runtime.name; }

inline std::filesystem::path fixture(const std::string& name) { return std::filesystem::path(FOVEATE_FIXTURES) / name; }

inline std::vector<std::byte> read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> chars{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> bytes(chars.size());
  std::memcpy(bytes.data(), chars.data(), chars.size());
  return bytes;
}

// A tensor in memory of its own.
struct HostTensor {
  DType dtype;
  Dims dims;
  std::vector<std::byte> bytes;

  TensorView view() { return {dtype, dims, bytes.data(), bytes.size(), {}}; }
};

template <typename T>
HostTensor make_tensor(DType dtype, Dims dims, const std::vector<T>& values) {
  HostTensor tensor{dtype, std::move(dims), std::vector<std::byte>(values.size() * sizeof(T))};
  std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

inline HostTensor floats(Dims dims, const std::vector<float>& values) {
  return make_tensor(DType::kFloat32, std::move(dims), values);
}

template <typename T>
std::vector<T> values_of(std::span<const std::byte> bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

template <typename T>
std::vector<T> values_of(const OwnedTensor& tensor) {
  return values_of<T>({tensor.data(), tensor.bytes});
}

// Runs with all inputs and the outputs of these indices, left to the runtime.
inline Status run(Context& context, const std::vector<TensorView>& inputs, const std::vector<std::size_t>& outputs,
                  RunResult& result, CancelToken* cancel = nullptr) {
  std::vector<RunRequest::Output> wanted;
  for (const std::size_t index : outputs) wanted.push_back({index, std::nullopt});
  return context.run({inputs, wanted, cancel, std::nullopt}, result);
}

// A folder that is gone after the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "foveate-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
}

inline void write_file(const std::filesystem::path& path, std::string_view text) {
  write_file(path, std::as_bytes(std::span(text)));
}

#define EXPECT_OK(expression)                                                             \
  do {                                                                                    \
    const ::foveate::Status status_ = (expression);                                       \
    EXPECT_TRUE(status_.ok()) << status_.error().code << ": " << status_.error().message; \
  } while (false)

#define ASSERT_OK(expression)                                                             \
  do {                                                                                    \
    const ::foveate::Status status_ = (expression);                                       \
    ASSERT_TRUE(status_.ok()) << status_.error().code << ": " << status_.error().message; \
  } while (false)

// Checks the code, and that every one of the texts is in the message.
inline void expect_error(const Status& status, std::string_view code, const std::vector<std::string>& texts = {}) {
  ASSERT_FALSE(status.ok()) << "expected " << code;
  EXPECT_EQ(status.error().code, code) << status.error().message;
  for (const auto& text : texts)
    EXPECT_NE(status.error().message.find(text), std::string::npos) << status.error().message;
  EXPECT_EQ(status.error().message.find('\n'), std::string::npos) << status.error().message;
}

class RuntimeContract : public ::testing::TestWithParam<RuntimeUnderTest> {
 protected:
  void SetUp() override {
    auto opened = GetParam().open();
    ASSERT_TRUE(opened.ok()) << opened.status().error().message;
    runtime_ = std::move(opened).value();
    options_.intra_op_threads = 1;
  }

  // What the runtime opens for a model of the fixtures.
  static Result<std::vector<std::byte>> bytes_of(const std::string& fixture_name) {
    const auto path = fixture(fixture_name + ".onnx");
    return GetParam().convert == nullptr ? read_bytes(path) : GetParam().convert(path);
  }

  Result<std::shared_ptr<Model>> open(const std::string& fixture_name) {
    if (GetParam().convert == nullptr) return runtime_->open(fixture(fixture_name + ".onnx"), options_);
    auto bytes = bytes_of(fixture_name);
    if (!bytes.ok()) return bytes.take_status();
    return runtime_->open(std::span<const std::byte>(bytes.value()), options_);
  }

  // A tensor of sizes or positions.
  static HostTensor indices(Dims dims, const std::vector<std::int64_t>& values) {
    if (GetParam().index_dtype == DType::kInt64) return make_tensor(DType::kInt64, std::move(dims), values);
    return make_tensor(DType::kInt32, std::move(dims), std::vector<std::int32_t>(values.begin(), values.end()));
  }
  static std::vector<std::int64_t> index_values(const OwnedTensor& tensor) {
    if (tensor.dtype == DType::kInt64) return values_of<std::int64_t>(tensor);
    const auto narrow = values_of<std::int32_t>(tensor);
    return {narrow.begin(), narrow.end()};
  }

  // A null pointer, and a failure of the test, when it cannot be opened.
  std::shared_ptr<Model> model(const std::string& fixture_name) {
    auto opened = open(fixture_name);
    if (opened.ok()) return std::move(opened).value();
    ADD_FAILURE() << fixture_name << ": " << opened.status().error().message;
    return nullptr;
  }

  static std::unique_ptr<Context> context(const std::shared_ptr<Model>& model) {
    if (model == nullptr) return nullptr;
    auto made = model->create_context();
    if (made.ok()) return std::move(made).value();
    ADD_FAILURE() << made.status().error().message;
    return nullptr;
  }

  std::shared_ptr<Runtime> runtime_;
  ModelOptions options_;
};

inline constexpr std::int64_t kDays = std::int64_t{1} << 40;  // iterations
// Where an abort does not stop the device, it has to come to an end by itself: after a quarter of a second or more.
inline constexpr std::int64_t kAWhile = 100'000;

// With a model that runs for as long as it is told to.
class LoopContract : public RuntimeContract {
 protected:
  // Inputs of the `loop` model.
  struct LoopInputs {
    HostTensor count;
    HostTensor x = floats({64}, std::vector<float>(64, 0.5f));

    explicit LoopInputs(std::int64_t iterations) : count(indices({}, {iterations})) {}
    std::vector<TensorView> views() { return {count.view(), x.view()}; }
  };

  const std::int64_t kForever = GetParam().stops_runs ? kDays : kAWhile;
};

// For runtimes that open ONNX models themselves.
class OnnxContract : public RuntimeContract {};

}  // namespace foveate::contract
