#include "runtime/onnxruntime/describe.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "runtime/onnxruntime/failure.h"
#include "runtime/onnxruntime/handles.h"

namespace foveate::onnxruntime {
namespace {

using abi::ElementType;

// Indexed by DType.
constexpr std::array<ElementType, kDTypes.size()> kElementTypes{
    ElementType::kFloat32, ElementType::kFloat16, ElementType::kBFloat16, ElementType::kFloat64, ElementType::kUint8,
    ElementType::kInt8,    ElementType::kUint16,  ElementType::kInt16,    ElementType::kUint32,  ElementType::kInt32,
    ElementType::kUint64,  ElementType::kInt64,   ElementType::kBool,
};

constexpr std::string_view kWhat = "Describing the model";

std::string value_kind_name(abi::ValueKind kind) {
  switch (kind) {
    case abi::ValueKind::kTensor:
      return "tensor";
    case abi::ValueKind::kSequence:
      return "sequence";
    case abi::ValueKind::kMap:
      return "map";
    case abi::ValueKind::kSparse:
      return "sparse tensor";
    case abi::ValueKind::kOptional:
      return "optional value";
    case abi::ValueKind::kOpaque:
    case abi::ValueKind::kUnknown:
      break;
  }
  return "value of an unknown kind";
}

// The functions that differ between inputs and outputs.
struct Side {
  std::string_view noun;
  decltype(abi::ApiTable::session_get_input_count) count;
  decltype(abi::ApiTable::session_get_input_name) name;
  decltype(abi::ApiTable::session_get_input_type_info) type;
};

Result<std::string> read_name(const Library& library, abi::Session* session, const Side& side, std::size_t index) {
  const abi::ApiTable& api = library.api;
  char* text = nullptr;
  FOVEATE_RETURN_IF_ERROR(check(api, side.name(session, index, library.allocator, &text), kWhat));
  std::string name = text;
  FOVEATE_RETURN_IF_ERROR(check(api, api.allocator_free(library.allocator, text), kWhat));
  return name;
}

Status read_shape(const abi::ApiTable& api, const abi::TensorShapeInfo* shape, TensorInfo& info) {
  std::size_t rank = 0;
  FOVEATE_RETURN_IF_ERROR(check(api, api.get_dimensions_count(shape, &rank), kWhat));
  info.dims.resize(rank);
  FOVEATE_RETURN_IF_ERROR(check(api, api.get_dimensions(shape, info.dims.data(), rank), kWhat));
  std::vector<const char*> symbols(rank);
  FOVEATE_RETURN_IF_ERROR(check(api, api.get_symbolic_dimensions(shape, symbols.data(), rank), kWhat));
  info.symbols.assign(symbols.begin(), symbols.end());
  for (auto& dim : info.dims) dim = std::max(dim, kDynamic);
  return {};
}

Result<TensorInfo> read_tensor(const Library& library, abi::Session* session, const Side& side, std::size_t index) {
  const abi::ApiTable& api = library.api;
  auto name = read_name(library, session, side, index);
  if (!name.ok()) return name.take_status();
  TensorInfo info{std::move(name).value(), DType::kFloat32, {}, {}};

  abi::TypeInfo* made = nullptr;
  FOVEATE_RETURN_IF_ERROR(check(api, side.type(session, index, &made), kWhat));
  const Handle<abi::TypeInfo> type(made, api.release_type_info);
  const std::string subject = "The " + std::string(side.noun) + " \"" + info.name + "\" of the model is ";

  abi::ValueKind kind{};
  FOVEATE_RETURN_IF_ERROR(check(api, api.get_onnx_type_from_type_info(type.get(), &kind), kWhat));
  if (kind != abi::ValueKind::kTensor) {
    return Status(error_code::kModelUnsupported, subject + "a " + value_kind_name(kind) + ", expected a tensor.",
                  "Export the model with plain tensors as inputs and outputs.");
  }
  const abi::TensorShapeInfo* shape = nullptr;  // part of `type`
  FOVEATE_RETURN_IF_ERROR(check(api, api.cast_type_info_to_tensor_info(type.get(), &shape), kWhat));
  ElementType element{};
  FOVEATE_RETURN_IF_ERROR(check(api, api.get_tensor_element_type(shape, &element), kWhat));
  const auto dtype = dtype_of(element);
  if (!dtype) {
    return Status(error_code::kModelUnsupported,
                  subject + "a tensor of " + element_type_name(element) + ", expected numbers of 8 to 64 bits or bool.",
                  "Export the model with numeric inputs and outputs.");
  }
  info.dtype = *dtype;
  FOVEATE_RETURN_IF_ERROR(read_shape(api, shape, info));
  return info;
}

Status read_side(const Library& library, abi::Session* session, const Side& side, std::vector<TensorInfo>& tensors) {
  std::size_t count = 0;
  FOVEATE_RETURN_IF_ERROR(check(library.api, side.count(session, &count), kWhat));
  for (std::size_t index = 0; index < count; ++index) {
    auto tensor = read_tensor(library, session, side, index);
    if (!tensor.ok()) return tensor.take_status();
    tensors.push_back(std::move(tensor).value());
  }
  return {};
}

}  // namespace

ElementType element_type(DType dtype) { return kElementTypes[static_cast<std::size_t>(dtype)]; }

std::optional<DType> dtype_of(ElementType type) {
  const auto* found = std::ranges::find(kElementTypes, type);
  if (found == kElementTypes.end()) return std::nullopt;
  return static_cast<DType>(found - kElementTypes.begin());
}

std::string element_type_name(ElementType type) {
  if (const auto dtype = dtype_of(type)) return std::string(dtype_name(*dtype));
  if (type == ElementType::kString) return "strings";
  if (type == ElementType::kComplex64 || type == ElementType::kComplex128) return "complex numbers";
  return "ONNX element type " + std::to_string(static_cast<int>(type));
}

Status describe(const Library& library, abi::Session* session, ModelInfo& info) {
  const abi::ApiTable& api = library.api;
  const Side inputs{"input", api.session_get_input_count, api.session_get_input_name, api.session_get_input_type_info};
  const Side outputs{"output", api.session_get_output_count, api.session_get_output_name,
                     api.session_get_output_type_info};
  FOVEATE_RETURN_IF_ERROR(read_side(library, session, inputs, info.inputs));
  return read_side(library, session, outputs, info.outputs);
}

}  // namespace foveate::onnxruntime
