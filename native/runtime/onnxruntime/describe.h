// What a session says of its inputs and outputs.
#pragma once

#include <optional>

#include "core/dtype.h"
#include "core/status.h"
#include "runtime/onnxruntime/library.h"
#include "runtime/runtime.h"

namespace foveate::onnxruntime {

abi::ElementType element_type(DType dtype);
// nullopt for types that no vision model needs: strings, complex numbers, packed and 8-bit floats.
std::optional<DType> dtype_of(abi::ElementType type);
// "string", or a number where the type is newer than this code.
std::string element_type_name(abi::ElementType type);

// Fills inputs and outputs. Inputs with a default value (an initialiser of the same name) are left out: nobody need
// give them. MODEL_UNSUPPORTED, naming it, when one is no tensor or has an element type that is not in DType.
Status describe(const Library& library, abi::Session* session, ModelInfo& info);

}  // namespace foveate::onnxruntime
