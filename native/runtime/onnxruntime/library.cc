#include "runtime/onnxruntime/library.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "runtime/library_file.h"
#include "runtime/log.h"
#include "runtime/onnxruntime/failure.h"
#include "runtime/onnxruntime/model.h"

namespace foveate::onnxruntime {
namespace {

// What the one exported function gives.
struct ApiBase {
  const abi::ApiTable::Slot* (*table)(std::uint32_t version) noexcept;  // null when the library is older
  const char* (*version)() noexcept;
};
using GetApiBase = const ApiBase* (*)() noexcept;

constexpr const char* kEnvironmentName = "foveate";

void forward_log_line(void*, abi::LoggingLevel level, const char*, const char* log_id, const char*,
                      const char* message) noexcept {
  const auto ours = std::min(static_cast<LogLevel>(level), LogLevel::kError);
  const std::string_view origin = log_id == nullptr ? "" : log_id;
  log({ours, "onnxruntime", origin == kEnvironmentName ? "" : origin, message == nullptr ? "" : message});
}

Result<std::vector<std::string>> available_providers(const abi::ApiTable& api) {
  char** names = nullptr;
  int count = 0;
  FOVEATE_RETURN_IF_ERROR(check(api, api.get_available_providers(&names, &count), "Listing the execution providers"));
  std::vector<std::string> providers(names, names + count);
  FOVEATE_RETURN_IF_ERROR(check(api, api.release_available_providers(names, count), "Listing the execution providers"));
  return providers;
}

// Makes the environment of a library whose table is known.
Status prepare(Library& library) {
  const abi::ApiTable& api = library.api;
  constexpr std::string_view kWhat = "Starting the library";
  decline_telemetry();
  // Warnings are rare, and made by the library only at this level; the sink's own minimum decides what is shown.
  FOVEATE_RETURN_IF_ERROR(
      check(api,
            api.create_env_with_custom_logger(forward_log_line, nullptr, abi::LoggingLevel::kWarning, kEnvironmentName,
                                              &library.env),
            kWhat));
  FOVEATE_RETURN_IF_ERROR(check(api, api.get_allocator_with_default_options(&library.allocator), kWhat));
  FOVEATE_RETURN_IF_ERROR(check(
      api, api.create_cpu_memory_info(abi::AllocatorKind::kDevice, abi::MemoryKind::kDefault, &library.host_memory),
      kWhat));
  auto providers = available_providers(api);
  if (!providers.ok()) return providers.take_status();
  library.info.providers = std::move(providers).value();
  return {};
}

Result<std::unique_ptr<Library>> load(const std::filesystem::path& path, void* handle) {
  const std::string name = "\"" + path.string() + "\"";
  const auto get_base = reinterpret_cast<GetApiBase>(dlsym(handle, "OrtGetApiBase"));
  const ApiBase* base = get_base == nullptr ? nullptr : get_base();
  if (base == nullptr) {
    return Status(
        error_code::kBackendInvalid, "The library " + name + " is not ONNX Runtime: it has no usable OrtGetApiBase.",
        "Give the path of libonnxruntime.so. The libraries of execution providers beside it cannot stand for it.");
  }
  const std::string version = base->version();
  const abi::ApiTable::Slot* table = base->table(abi::kNeededApiVersion);
  if (table == nullptr) {
    const std::string needed = "1." + std::to_string(abi::kNeededApiVersion);
    return Status(error_code::kBackendTooOld,
                  "Expected ONNX Runtime " + needed + " or newer, but " + name + " is " + version + ".",
                  "Give the path of a newer library, or leave it out to use the packaged one.");
  }
  auto library = std::make_unique<Library>(
      Library{abi::ApiTable(table), nullptr, nullptr, nullptr, {"onnxruntime", version, path, {}}});
  FOVEATE_RETURN_IF_ERROR(prepare(*library));
  return library;
}

class OrtRuntime final : public Runtime {
 public:
  explicit OrtRuntime(const Library& library) : library_(library) {}

  const RuntimeInfo& info() const override { return library_.info; }

  Result<std::shared_ptr<Model>> open(const ModelSource& source, const ModelOptions& options) override {
    return load_model(library_, source, options);
  }

 private:
  const Library& library_;
};

struct Registry {
  struct Entry {
    std::filesystem::path path;  // canonical
    void* handle;
    std::shared_ptr<Runtime> runtime;
  };

  std::mutex mutex;  // held while a library loads, so that two threads do not make two environments of it
  std::vector<Entry> entries;
};

// Leaked: a static object with a destructor would be gone under the threads that still run at exit.
Registry& registry() {
  static auto* const instance = new Registry;
  return *instance;
}

}  // namespace

void decline_telemetry() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (std::getenv("ORT_DISABLE_TELEMETRY") == nullptr) ::setenv("ORT_DISABLE_TELEMETRY", "1", 0);
  });
}

Result<std::shared_ptr<Runtime>> open_library(const std::filesystem::path& path) {
  FOVEATE_RETURN_IF_ERROR(check_library_file(path, "ONNX Runtime", "libonnxruntime.so.1"));
  std::error_code error;
  const auto canonical = std::filesystem::canonical(path, error);
  const auto& found = error ? path : canonical;

  Registry& known = registry();
  std::lock_guard lock(known.mutex);
  for (const auto& entry : known.entries) {
    if (entry.path == found) return entry.runtime;
  }
  // Never closed, not even a library that is refused below: what its constructors started cannot be taken back.
  void* const handle = dlopen(found.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = dlerror();
    return Status(error_code::kBackendInvalid,
                  "The library \"" + found.string() + "\" cannot be loaded: " + (reason == nullptr ? "" : reason),
                  "Install what the message names, or leave the path out to use the packaged library.");
  }
  for (const auto& entry : known.entries) {  // the same file under another name
    if (entry.handle == handle) return entry.runtime;
  }
  auto library = load(found, handle);
  if (!library.ok()) return library.take_status();
  std::shared_ptr<Runtime> runtime = std::make_shared<OrtRuntime>(*std::move(library).value().release());
  known.entries.push_back({found, handle, runtime});
  return runtime;
}

}  // namespace foveate::onnxruntime
