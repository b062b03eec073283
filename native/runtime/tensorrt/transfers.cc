// How the inputs of a run reach the GPU, and its outputs whoever asked for them.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "runtime/request.h"
#include "runtime/tensorrt/context.h"

namespace foveate::tensorrt {
namespace {

// What TensorRT asks of the address of a tensor.
constexpr std::uintptr_t kAlignment = 256;

bool is_aligned(const void* data) { return reinterpret_cast<std::uintptr_t>(data) % kAlignment == 0; }

Status shape_error(const TensorInfo& info, const Dims& given, const Dims& bound) {
  return {error_code::kTensorShape, "Output \"" + info.name + "\": the run gives " + dims_text(given) +
                                        ", but memory for " + dims_text(bound) + " was bound to it."};
}

}  // namespace

Status TrtContext::check_reachable(const TensorView& view) const {
  if (view.place.kind != MemoryKind::kDevice || view.place.device == device_.ordinal()) return {};
  // A copy from a context that is broken would count as a fault of this one.
  for (const auto& other : cuda::Device::opened()) {
    if (other->ordinal() != view.place.device || !other->lost()) continue;
    return {error_code::kCudaFailed, "A tensor lies on GPU " + std::to_string(other->ordinal()) + ", which was lost.",
            "Make it again on another GPU."};
  }
  return {};
}

bool TrtContext::is_here(const TensorView& view) const {
  return view.place.kind == MemoryKind::kDevice && view.place.device == device_.ordinal() && is_aligned(view.data);
}

Result<void*> TrtContext::lane_memory(BlockPtr& block, std::size_t bytes) {
  if (block == nullptr || block->bytes() < bytes) {
    block.reset();
    auto made = device_.device_pool().allocate(bytes);
    if (!made.ok()) return made.take_status();
    block = std::move(made).value();
  }
  flight_.blocks.push_back(block);
  return static_cast<void*>(block->data());
}

Result<BlockPtr> TrtContext::staging(std::size_t bytes) {
  auto made = device_.pinned_pool().allocate(bytes);
  if (made.ok()) flight_.blocks.push_back(made.value());
  return made;
}

Status TrtContext::read_host_inputs(std::span<const TensorView> inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!engine_->inputs()[i].on_host) continue;
    if (inputs[i].place.kind == MemoryKind::kDevice) {
      return {error_code::kInvalidArgument, "Input \"" + engine_->info().inputs[i].name +
                                                "\", which shapes are made of: expected host memory, received device "
                                                "memory."};
    }
    const auto* const data = static_cast<const std::byte*>(inputs[i].data);
    host_inputs_[i].assign(data, data + inputs[i].bytes);
    host_inputs_[i].reserve(1);
  }
  return {};
}

void TrtContext::borrow(const TensorView& input, Borrowed how) {
  if (input.owner != nullptr) {
    flight_.blocks.push_back(input.owner);
  } else {
    flight_.borrowed = std::max(flight_.borrowed, how);
  }
}

Result<void*> TrtContext::upload(std::size_t input, const TensorView& view) {
  FOVEATE_RETURN_IF_ERROR(check_reachable(view));
  if (view.bytes > 0 && is_here(view)) {
    borrow(view, Borrowed::kUntilDone);
    return view.data;
  }
  auto place = lane_memory(input_memory_[input], view.bytes);
  if (!place.ok() || view.bytes == 0) return place;
  flight_.copied_bytes += view.bytes;
  if (view.place.kind == MemoryKind::kDevice) {  // of another GPU, or at an address that TensorRT refuses
    borrow(view, Borrowed::kUntilDone);
    FOVEATE_RETURN_IF_ERROR(stream_.copy_on_device(place.value(), view.data, view.bytes));
    return place;
  }
  const void* from = view.data;
  if (view.place.kind == MemoryKind::kHost) {
    auto block = staging(view.bytes);
    if (!block.ok()) return block.take_status();
    std::memcpy(block.value()->data(), view.data, view.bytes);
    flight_.copied_bytes += view.bytes;
    from = block.value()->data();
  } else {
    borrow(view, Borrowed::kUntilUploaded);
  }
  FOVEATE_RETURN_IF_ERROR(stream_.copy_to_device(place.value(), from, view.bytes));
  return place;
}

Result<void*> TrtContext::output_place(std::size_t output, const Dims& dims, const RunRequest& request,
                                       RunResult& result) {
  const TensorInfo& info = engine_->info().outputs[output];
  const auto bytes = byte_count(dims, info.dtype);
  if (!bytes) return Status(error_code::kEngineFailed, "Output \"" + info.name + "\": TensorRT tells no shape.");
  if (engine_->outputs()[output].on_host) {
    host_outputs_[output].resize(std::max<std::size_t>(*bytes, 1));
    return static_cast<void*>(host_outputs_[output].data());
  }
  void* place = nullptr;
  for (std::size_t i = 0; i < request.outputs.size(); ++i) {
    const RunRequest::Output& asked = request.outputs[i];
    if (asked.index != output) continue;
    if (asked.bound && asked.bound->dims != dims) return shape_error(info, dims, asked.bound->dims);
    if (place != nullptr) continue;
    if (asked.bound && asked.bound->bytes > 0 && is_here(*asked.bound)) {
      flight_.borrowed = Borrowed::kUntilDone;
      place = asked.bound->data;
    } else if (!asked.bound && asked.on_device) {
      auto made = device_.device_pool().allocate(*bytes);
      if (!made.ok()) return made.take_status();
      result.outputs[i].block = made.value();
      flight_.blocks.push_back(made.value());
      place = made.value()->data();
    }
  }
  return place != nullptr ? Result<void*>(place) : lane_memory(output_memory_[output], *bytes);
}

Status TrtContext::download(std::size_t asked_at, Execution& execution, void* place, const RunRequest& request,
                            RunResult& result) {
  const RunRequest::Output& asked = request.outputs[asked_at];
  const TensorInfo& info = engine_->info().outputs[asked.index];
  OwnedTensor& tensor = result.outputs[asked_at];
  tensor.dtype = info.dtype;
  tensor.dims = execution.output_dims(asked.index);
  if (FreeOutput* const free = execution.free_output(asked.index)) {
    const auto bytes = free->dims() ? byte_count(*free->dims(), info.dtype) : std::nullopt;
    if (!bytes || (*bytes > 0 && (free->block() == nullptr || free->block()->bytes() < *bytes)))
      return {error_code::kEngineFailed, "Output \"" + info.name + "\": TensorRT tells no shape after the run."};
    tensor.dims = *free->dims();
    if (asked.bound && asked.bound->dims != tensor.dims) return shape_error(info, tensor.dims, asked.bound->dims);
    if (free->block() != nullptr) flight_.blocks.push_back(free->block());
    place = free->block() != nullptr ? free->block()->data() : nullptr;
    if (!asked.bound && asked.on_device && *bytes > 0) tensor.block = free->block();
  }
  tensor.bytes = *byte_count(tensor.dims, tensor.dtype);
  if (engine_->outputs()[asked.index].on_host) {
    if (asked.on_device || (asked.bound && asked.bound->place.kind == MemoryKind::kDevice)) {
      return {error_code::kInvalidArgument, "Output \"" + info.name +
                                                "\" is made by the processor: ask for it in host "
                                                "memory."};
    }
    if (!asked.bound) {
      auto block = staging(tensor.bytes);
      if (!block.ok()) return block.take_status();
      tensor.block = std::move(block).value();
    }
    auto* const to = asked.bound ? static_cast<std::byte*>(asked.bound->data) : tensor.block->data();
    flight_.landings.push_back({to, nullptr, host_outputs_[asked.index].data(), tensor.bytes});
    return {};
  }
  if (asked.bound && asked.bound->place.kind == MemoryKind::kDevice) {
    if (tensor.bytes == 0 || asked.bound->data == place) return {};
    flight_.borrowed = Borrowed::kUntilDone;
    flight_.copied_bytes += tensor.bytes;
    return stream_.copy_on_device(asked.bound->data, place, tensor.bytes);
  }
  if (!asked.bound && asked.on_device) {
    if (tensor.block != nullptr) return {};
    auto made = device_.device_pool().allocate(tensor.bytes);  // asked for twice, or empty
    if (!made.ok()) return made.take_status();
    tensor.block = made.value();
    flight_.blocks.push_back(std::move(made).value());
    if (tensor.bytes == 0) return {};
    flight_.copied_bytes += tensor.bytes;
    return stream_.copy_on_device(tensor.block->data(), place, tensor.bytes);
  }
  return download_to_host(place, tensor.bytes, asked, tensor);
}

Status TrtContext::download_to_host(const void* from, std::size_t bytes, const RunRequest::Output& asked,
                                    OwnedTensor& tensor) {
  std::byte* to = nullptr;
  if (asked.bound && asked.bound->place.kind == MemoryKind::kPinned) {
    if (bytes > 0) flight_.borrowed = Borrowed::kUntilDone;
    to = static_cast<std::byte*>(asked.bound->data);
  } else {
    auto block = staging(bytes);
    if (!block.ok()) return block.take_status();
    to = block.value()->data();
    if (asked.bound) {
      flight_.copied_bytes += bytes;
      flight_.landings.push_back({static_cast<std::byte*>(asked.bound->data), block.value(), to, bytes});
    } else {
      tensor.block = std::move(block).value();
    }
  }
  if (bytes == 0) return {};
  flight_.copied_bytes += bytes;
  return stream_.copy_to_host(to, from, bytes);
}

}  // namespace foveate::tensorrt
