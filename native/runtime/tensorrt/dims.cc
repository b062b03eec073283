#include "runtime/tensorrt/dims.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

namespace foveate::tensorrt {
namespace {

constexpr std::pair<abi::ElementType, DType> kTypes[] = {
    {abi::ElementType::kFloat32, DType::kFloat32},   {abi::ElementType::kFloat16, DType::kFloat16},
    {abi::ElementType::kInt8, DType::kInt8},         {abi::ElementType::kInt32, DType::kInt32},
    {abi::ElementType::kBool, DType::kBool},         {abi::ElementType::kUint8, DType::kUint8},
    {abi::ElementType::kBFloat16, DType::kBFloat16}, {abi::ElementType::kInt64, DType::kInt64},
};

template <typename Theirs>
std::optional<Dims> copied(const void* from) {
  Theirs dims;
  std::memcpy(static_cast<void*>(&dims), from, sizeof(dims));
  if (dims.rank < 0 || dims.rank > static_cast<std::int32_t>(kMaxRank)) return std::nullopt;
  return Dims(dims.sizes, dims.sizes + dims.rank);
}

}  // namespace

std::optional<Dims> dims_of(const abi::Dims& dims, abi::Releases releases) { return dims_at(&dims, releases); }

std::optional<Dims> dims_at(const void* dims, abi::Releases releases) {
  return releases == abi::Releases::kTrt8 ? copied<abi::Dims32>(dims) : copied<abi::Dims>(dims);
}

ForeignDims::ForeignDims(std::span<const std::int64_t> dims, abi::Releases releases) : releases_(releases) {
  const std::size_t rank = std::min(dims.size(), kMaxRank);
  wide_.rank = narrow_.rank = static_cast<std::int32_t>(rank);
  for (std::size_t i = 0; i < rank; ++i) {
    wide_.sizes[i] = dims[i];
    narrow_.sizes[i] = static_cast<std::int32_t>(dims[i]);
  }
}

std::string element_name(abi::ElementType type) {
  constexpr const char* kNames[] = {"float32", "float16",  "int8",  "int32", "bool",  "uint8",
                                    "float8",  "bfloat16", "int64", "int4",  "float4"};
  const auto index = static_cast<std::size_t>(type);
  return index < std::size(kNames) ? kNames[index] : "type " + std::to_string(index);
}

std::optional<DType> dtype_of(abi::ElementType type) {
  const auto* const found = std::ranges::find(kTypes, type, &std::pair<abi::ElementType, DType>::first);
  return found == std::end(kTypes) ? std::nullopt : std::optional(found->second);
}

std::optional<abi::ElementType> element_type(DType dtype) {
  const auto* const found = std::ranges::find(kTypes, dtype, &std::pair<abi::ElementType, DType>::second);
  return found == std::end(kTypes) ? std::nullopt : std::optional(found->first);
}

}  // namespace foveate::tensorrt
