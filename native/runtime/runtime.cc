#include "runtime/runtime.h"

namespace foveate {

Result<BlockPtr> Model::allocate_host(std::size_t) {
  return Status(error_code::kInvalidArgument, "This model has no host memory of its own.");
}

Status Model::refit(std::span<const NamedWeights>) {
  return {error_code::kInvalidArgument, "The weights of this model cannot be changed.",
          "Build a TensorRT engine that can be refitted."};
}

Result<std::string> Model::layers() {
  return Status(error_code::kInvalidArgument, "The layers of this model are not told.",
                "An engine of TensorRT tells them.");
}

}  // namespace foveate
