#include "runtime/tensorrt/model.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/mapped_file.h"
#include "runtime/cuda/device.h"
#include "runtime/model_file.h"
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

 private:
  const std::shared_ptr<const Library> library_;
  const RuntimeInfo info_;
};

}  // namespace

Result<std::unique_ptr<Context>> TrtModel::create_context() {
  const std::size_t at = next_.fetch_add(1, std::memory_order_relaxed) % engines_.size();
  return TrtContext::create(shared_from_this(), engines_[at]);
}

Result<BlockPtr> TrtModel::allocate_host(std::size_t bytes) {
  // Any of them serves all: it is portable.
  const auto working = std::ranges::find_if(engines_, [](const auto& engine) { return !engine->device()->lost(); });
  return (working == engines_.end() ? engines_.front() : *working)->device()->pinned_pool().allocate(bytes);
}

Status TrtModel::refit(std::span<const NamedWeights> weights) {
  return gate_.alone([&]() -> Status {
    ++generation_;
    for (const auto& engine : engines_) FOVEATE_RETURN_IF_ERROR(engine->refit(weights));
    return {};
  });
}

std::shared_ptr<Runtime> make_runtime(std::shared_ptr<const Library> library) {
  return std::make_shared<TrtRuntime>(std::move(library));
}

}  // namespace foveate::tensorrt
