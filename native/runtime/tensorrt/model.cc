#include "runtime/tensorrt/model.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/mapped_file.h"
#include "runtime/cuda/device.h"
#include "runtime/model_file.h"
#include "runtime/no_throw.h"
#include "runtime/tensorrt/closing.h"
#include "runtime/tensorrt/context.h"

namespace foveate::tensorrt {
namespace {

Status check_options(const ModelOptions& options) {
  for (const ProviderOptions& provider : options.providers) {
    if (provider.name == "tensorrt") continue;
    return {error_code::kInvalidArgument,
            "Expected an execution provider of tensorrt, received \"" + provider.name + "\".",
            "TensorRT runs engines by itself."};
  }
  if (options.config.empty()) return {};
  return {error_code::kUnknownOption,
          "TensorRT has no session configuration entries, received \"" + options.config.begin()->first + "\"."};
}

Result<std::shared_ptr<Model>> load_engines(const std::shared_ptr<const Library>& library,
                                            std::span<const std::byte> bytes, const std::string& name,
                                            const ModelOptions& options) {
  std::vector<int> ordinals = options.devices;
  if (ordinals.empty()) ordinals.push_back(0);
  std::vector<std::shared_ptr<Engine>> engines;
  for (const int ordinal : ordinals) {
    auto device = cuda::Device::open(ordinal);
    if (!device.ok()) return device.take_status();
    auto engine = Engine::load(library, std::move(device).value(), bytes, name);
    if (!engine.ok()) return engine.take_status();
    engines.push_back(std::move(engine).value());
  }
  return std::shared_ptr<Model>(std::make_shared<TrtModel>(std::move(engines), options.graphs));
}

class TrtRuntime final : public Runtime {
 public:
  explicit TrtRuntime(std::shared_ptr<const Library> library)
      : library_(std::move(library)),
        info_{family_name(library_->family), version_text(library_->version), library_->path, {"tensorrt"}} {}

  const RuntimeInfo& info() const override { return info_; }

  Result<std::shared_ptr<Model>> open(const ModelSource& source, const ModelOptions& options) override {
    free_abandoned();
    return no_throw([&] { return open_or_throw(source, options); });
  }

 private:
  Result<std::shared_ptr<Model>> open_or_throw(const ModelSource& source, const ModelOptions& options) const {
    FOVEATE_RETURN_IF_ERROR(check_options(options));
    if (const auto* bytes = std::get_if<std::span<const std::byte>>(&source)) {
      if (bytes->empty())
        return Status(error_code::kModelInvalid, "Expected the bytes of an engine, received none.", kNotAModelHint);
      return load_engines(library_, *bytes, "in memory", options);
    }
    const auto& path = std::get<std::filesystem::path>(source);
    FOVEATE_RETURN_IF_ERROR(check_model_file(path));
    auto file = map_file(path.string());
    if (!file.ok()) return file.take_status();
    const Block& block = *file.value();
    return load_engines(library_, {block.data(), block.bytes()}, "\"" + path.string() + "\"", options);
  }

  const std::shared_ptr<const Library> library_;
  const RuntimeInfo info_;
};

}  // namespace

Result<std::vector<std::shared_ptr<Engine>>> TrtModel::working() const {
  std::vector<std::shared_ptr<Engine>> engines;
  for (const auto& engine : engines_) {
    if (!engine->device()->lost()) engines.push_back(engine);
  }
  if (engines.empty()) return engines_.front()->device()->usable();
  return engines;
}

Result<std::unique_ptr<Context>> TrtModel::create_context() {
  return no_throw([&]() -> Result<std::unique_ptr<Context>> {
    for (;;) {
      auto engines = working();
      if (!engines.ok()) return engines.take_status();
      const std::size_t at = next_.fetch_add(1, std::memory_order_relaxed) % engines.value().size();
      auto made = TrtContext::create(shared_from_this(), engines.value()[at]);
      if (made.ok() || made.status().error().code != error_code::kDeviceLost) return made;
    }
  });
}

Result<BlockPtr> TrtModel::allocate_host(std::size_t bytes) {
  return no_throw([&]() -> Result<BlockPtr> {
    auto engines = working();
    if (!engines.ok()) return engines.take_status();
    return engines.value().front()->device()->pinned_pool().allocate(bytes);  // portable: any of them serves all
  });
}

Status TrtModel::refit(std::span<const NamedWeights> weights) {
  return no_throw([&] {
    return gate_.alone([&]() -> Status {
      auto engines = working();
      if (!engines.ok()) return engines.take_status();
      ++generation_;
      for (const auto& engine : engines.value()) FOVEATE_RETURN_IF_ERROR(engine->refit(weights));
      return {};
    });
  });
}

Result<std::string> TrtModel::layers() {
  return no_throw([&]() -> Result<std::string> {
    auto engines = working();
    return engines.ok() ? engines.value().front()->layers() : Result<std::string>(engines.take_status());
  });
}

std::shared_ptr<Runtime> make_runtime(std::shared_ptr<const Library> library) {
  return std::make_shared<TrtRuntime>(std::move(library));
}

}  // namespace foveate::tensorrt
