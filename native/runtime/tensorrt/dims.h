// Dimensions and element types as TensorRT has them, and as we do.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "core/dtype.h"
#include "core/shape.h"
#include "runtime/tensorrt/abi.h"

namespace foveate::tensorrt {

// The most dimensions that a tensor of TensorRT has.
inline constexpr std::size_t kMaxRank = 8;

// Nothing where the rank is none: -1 is how TensorRT says that it does not know, or knows of no such tensor. TensorRT 8
// writes, and reads, only 36 of the 72 bytes.
std::optional<Dims> dims_of(const abi::Dims& dims, abi::Releases releases);
std::optional<Dims> dims_at(const void* dims, abi::Releases releases);

// Dimensions to hand over: at most kMaxRank of them.
class ForeignDims {
 public:
  ForeignDims(std::span<const std::int64_t> dims, abi::Releases releases);

  const abi::Dims& wide() const { return wide_; }
  const abi::Dims32& narrow() const { return narrow_; }
  // What a reference to dimensions is, in these releases.
  const void* reference() const {
    return releases_ == abi::Releases::kTrt8 ? static_cast<const void*>(&narrow_) : &wide_;
  }

 private:
  abi::Releases releases_;
  abi::Dims wide_;
  abi::Dims32 narrow_;
};

// As TensorRT calls it: "float32", "int4".
std::string element_name(abi::ElementType type);
// Nothing for types that tensors of ours cannot have.
std::optional<DType> dtype_of(abi::ElementType type);
std::optional<abi::ElementType> element_type(DType dtype);

}  // namespace foveate::tensorrt
