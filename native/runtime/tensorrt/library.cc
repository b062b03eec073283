#include "runtime/tensorrt/library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <mutex>
#include <utility>
#include <vector>

#include "runtime/library_file.h"

namespace foveate::tensorrt {
namespace {

constexpr const char* kProduct = "TensorRT";
constexpr const char* kExample = "libnvinfer.so.10 or libtensorrt_rtx.so.1";
constexpr const char* kParserExample = "libnvonnxparser.so.10 or libtensorrt_onnxparser_rtx.so.1";

std::string quoted(const std::filesystem::path& path) { return "\"" + path.string() + "\""; }

template <typename Function>
void find(void* handle, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(handle, name));
}

// Never closed, not even a file that turns out to be something else: what its constructors started cannot be taken
// back.
Result<void*> load(const std::filesystem::path& path, const char* example) {
  FOVEATE_RETURN_IF_ERROR(check_library_file(path, kProduct, example));
  void* const handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle != nullptr) return handle;
  const char* reason = dlerror();
  return Status(error_code::kBackendInvalid,
                "The library " + quoted(path) + " cannot be loaded: " + (reason == nullptr ? "" : reason),
                "Install what the message names, or install the library again.");
}

Status unknown_release(const std::filesystem::path& path, std::int32_t number) {
  return Status(error_code::kBackendTooOld,
                "The interface of the TensorRT library " + quoted(path) + " is not known: its version number is " +
                    std::to_string(number) +
                    ", expected one of TensorRT 8.5 to 8.6, 10 or 11, or of TensorRT-RTX 1.3 or later",
                "Use one of those releases, or a newer version of foveate.");
}

// A parser speaks the interface of its own release, and does not check whose network it fills. Its name tells which
// release that is: libnvonnxparser.so.10.15.1, libtensorrt_onnxparser_rtx.so.1.
Status check_parser_name(const std::filesystem::path& path, const Library& library) {
  const std::string name = path.filename().string();
  if (name.find("onnxparser") == std::string::npos) return {};  // tells nothing
  const bool for_rtx = name.find("_rtx") != std::string::npos;
  const std::size_t suffix = name.find(".so.");
  const int major = suffix == std::string::npos ? 0 : std::atoi(name.c_str() + suffix + 4);
  const bool fits = for_rtx == (library.family == Family::kTensorRtRtx);
  const int wanted = std::atoi(version_text(library.version).c_str());
  if (fits && (major == 0 || major == wanted)) return {};
  return Status(error_code::kBackendInvalid,
                "The ONNX parser " + quoted(path) + " belongs to another release than " + quoted(library.path) +
                    ", which is " + family_name(library.family) + " " + version_text(library.version),
                "Put the parser of the same release beside the library.");
}

Status load_parser(const std::filesystem::path& path, Library& library) {
  FOVEATE_RETURN_IF_ERROR(check_library_file(path, kProduct, kParserExample));
  FOVEATE_RETURN_IF_ERROR(check_parser_name(path, library));
  auto handle = load(path, kParserExample);
  if (!handle.ok()) return handle.take_status();
  int (*parser_version)() noexcept = nullptr;
  find(handle.value(), "createNvOnnxParser_INTERNAL", library.create_parser);
  find(handle.value(), "getNvOnnxParserVersion", parser_version);
  if (library.create_parser == nullptr || parser_version == nullptr) {
    return Status(
        error_code::kBackendInvalid,
        "The library " + quoted(path) + " is not an ONNX parser of TensorRT: it has no createNvOnnxParser_INTERNAL",
        std::string("Give the path of ") + kParserExample + ".");
  }
  library.parser_version = parser_version();
  library.parser_path = path;
  return {};
}

Result<std::shared_ptr<const Library>> load_library(const std::filesystem::path& path,
                                                    const std::filesystem::path& parser_path) {
  auto handle = load(path, kExample);
  if (!handle.ok()) return handle.take_status();
  auto library = std::make_shared<Library>();
  std::int32_t (*version_number)() noexcept = nullptr;
  find(handle.value(), "getInferLibVersion", version_number);
  find(handle.value(), "createInferRuntime_INTERNAL", library->create_runtime);
  find(handle.value(), "createInferBuilder_INTERNAL", library->create_builder);
  find(handle.value(), "createInferRefitter_INTERNAL", library->create_refitter);
  if (version_number == nullptr || library->create_runtime == nullptr) {
    return Status(error_code::kBackendInvalid,
                  "The library " + quoted(path) +
                      " is not TensorRT: it has no getInferLibVersion or no createInferRuntime_INTERNAL",
                  std::string("Give the path of ") + kExample + ".");
  }
  const std::int32_t number = version_number();
  const auto releases = releases_of(number);
  if (!releases) return unknown_release(path, number);
  library->version = {*releases, number};
  library->path = path;
  const bool is_rtx = *releases == abi::Releases::kRtx10 || *releases == abi::Releases::kRtx11;
  library->family = library->create_builder == nullptr ? Family::kLean
                    : is_rtx                           ? Family::kTensorRtRtx
                                                       : Family::kTensorRt;
  if (!parser_path.empty()) FOVEATE_RETURN_IF_ERROR(load_parser(parser_path, *library));
  return std::shared_ptr<const Library>(std::move(library));
}

struct Registry {
  struct Entry {
    std::filesystem::path path, parser_path;  // canonical
    std::shared_ptr<const Library> library;
  };

  std::mutex mutex;  // held while a library loads
  std::vector<Entry> entries;
};

// Leaked: a static object with a destructor would be gone under the threads that still run at exit.
Registry& registry() {
  static auto* const instance = new Registry;
  return *instance;
}

std::filesystem::path resolved(const std::filesystem::path& path) {
  std::error_code error;
  auto found = std::filesystem::canonical(path, error);
  return error ? path : found;
}

}  // namespace

const char* family_name(Family family) {
  switch (family) {
    case Family::kTensorRt:
      return "tensorrt";
    case Family::kTensorRtRtx:
      return "tensorrt-rtx";
    case Family::kLean:
      return "tensorrt-lean";
  }
  return "";
}

const char* releases_name(abi::Releases releases) {
  constexpr const char* kNames[] = {"trt8", "trt10", "trt11", "rtx10", "rtx11"};
  return kNames[static_cast<std::size_t>(releases)];
}

// Up to TensorRT 8 a number is major * 1000 + minor * 100 + patch, from then on major * 10000 + minor * 100 + patch.
std::string version_text(const abi::Version& version) {
  const std::int32_t step = version.releases == abi::Releases::kTrt8 ? 1000 : 10000;
  return std::to_string(version.number / step) + "." + std::to_string(version.number % step / 100) + "." +
         std::to_string(version.number % 100);
}

std::optional<abi::Releases> releases_of(std::int32_t number) {
  if (number >= 8500 && number < 8700) return abi::Releases::kTrt8;
  if (number >= 10300 && number < 10500) return abi::Releases::kRtx10;
  if (number >= 10500 && number < 20000) return abi::Releases::kRtx11;
  if (number >= 100000 && number < 110000) return abi::Releases::kTrt10;
  if (number >= 110000 && number < 120000) return abi::Releases::kTrt11;
  return std::nullopt;
}

Result<std::shared_ptr<const Library>> open_library(const std::filesystem::path& path,
                                                    const std::filesystem::path& parser_path) {
  const auto found = resolved(path);
  const auto found_parser = parser_path.empty() ? parser_path : resolved(parser_path);
  Registry& known = registry();
  std::lock_guard lock(known.mutex);
  for (const auto& entry : known.entries) {
    if (entry.path == found && entry.parser_path == found_parser) return entry.library;
  }
  auto library = load_library(found, found_parser);
  if (!library.ok()) return library.take_status();
  known.entries.push_back({found, found_parser, library.value()});
  return library;
}

}  // namespace foveate::tensorrt
