// Generated from slots.json by scripts/generate-onnxruntime-table.mjs. Do not edit.
// clang-format off
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/onnxruntime/abi_types.h"

namespace foveate::onnxruntime::abi {

struct Allocator;
struct CudaOptions;
struct Env;
struct MemoryInfo;
struct RunOptions;
struct Session;
struct SessionOptions;
struct StatusHandle;
struct TensorRtOptions;
struct TensorShapeInfo;
struct TypeInfo;
struct Value;

// The table only grows, so a library that has this version has every function below at its slot.
inline constexpr std::uint32_t kNeededApiVersion = 17;

// The functions in use, read from their slots once.
struct ApiTable {
  ErrorCode (*get_error_code)(StatusHandle const*) noexcept;  // slot 1, API 17
  char const* (*get_error_message)(StatusHandle const*) noexcept;  // slot 2, API 17
  StatusHandle* (*create_env_with_custom_logger)(LoggingFunction, void*, LoggingLevel, char const*, Env**) noexcept;  // slot 4, API 17
  StatusHandle* (*create_session)(Env const*, char const*, SessionOptions const*, Session**) noexcept;  // slot 7, API 17
  StatusHandle* (*create_session_from_array)(Env const*, void const*, std::size_t, SessionOptions const*, Session**) noexcept;  // slot 8, API 17
  StatusHandle* (*run)(Session*, RunOptions const*, char const* const*, Value const* const*, std::size_t, char const* const*, std::size_t, Value**) noexcept;  // slot 9, API 17
  StatusHandle* (*create_session_options)(SessionOptions**) noexcept;  // slot 10, API 17
  StatusHandle* (*set_session_execution_mode)(SessionOptions*, ExecutionMode) noexcept;  // slot 13, API 17
  StatusHandle* (*disable_mem_pattern)(SessionOptions*) noexcept;  // slot 17, API 17
  StatusHandle* (*set_session_log_id)(SessionOptions*, char const*) noexcept;  // slot 20, API 17
  StatusHandle* (*set_session_graph_optimization_level)(SessionOptions*, OptimizationLevel) noexcept;  // slot 23, API 17
  StatusHandle* (*set_intra_op_num_threads)(SessionOptions*, int) noexcept;  // slot 24, API 17
  StatusHandle* (*set_inter_op_num_threads)(SessionOptions*, int) noexcept;  // slot 25, API 17
  StatusHandle* (*session_get_input_count)(Session const*, std::size_t*) noexcept;  // slot 30, API 17
  StatusHandle* (*session_get_output_count)(Session const*, std::size_t*) noexcept;  // slot 31, API 17
  StatusHandle* (*session_get_input_type_info)(Session const*, std::size_t, TypeInfo**) noexcept;  // slot 33, API 17
  StatusHandle* (*session_get_output_type_info)(Session const*, std::size_t, TypeInfo**) noexcept;  // slot 34, API 17
  StatusHandle* (*session_get_input_name)(Session const*, std::size_t, Allocator*, char**) noexcept;  // slot 36, API 17
  StatusHandle* (*session_get_output_name)(Session const*, std::size_t, Allocator*, char**) noexcept;  // slot 37, API 17
  StatusHandle* (*create_run_options)(RunOptions**) noexcept;  // slot 39, API 17
  StatusHandle* (*run_options_set_terminate)(RunOptions*) noexcept;  // slot 46, API 17
  StatusHandle* (*run_options_unset_terminate)(RunOptions*) noexcept;  // slot 47, API 17
  StatusHandle* (*create_tensor_with_data_as_ort_value)(MemoryInfo const*, void*, std::size_t, std::int64_t const*, std::size_t, ElementType, Value**) noexcept;  // slot 49, API 17
  StatusHandle* (*is_tensor)(Value const*, int*) noexcept;  // slot 50, API 17
  StatusHandle* (*get_tensor_mutable_data)(Value*, void**) noexcept;  // slot 51, API 17
  StatusHandle* (*cast_type_info_to_tensor_info)(TypeInfo const*, TensorShapeInfo const**) noexcept;  // slot 55, API 17
  StatusHandle* (*get_onnx_type_from_type_info)(TypeInfo const*, ValueKind*) noexcept;  // slot 56, API 17
  StatusHandle* (*get_tensor_element_type)(TensorShapeInfo const*, ElementType*) noexcept;  // slot 60, API 17
  StatusHandle* (*get_dimensions_count)(TensorShapeInfo const*, std::size_t*) noexcept;  // slot 61, API 17
  StatusHandle* (*get_dimensions)(TensorShapeInfo const*, std::int64_t*, std::size_t) noexcept;  // slot 62, API 17
  StatusHandle* (*get_symbolic_dimensions)(TensorShapeInfo const*, char const**, std::size_t) noexcept;  // slot 63, API 17
  StatusHandle* (*get_tensor_type_and_shape)(Value const*, TensorShapeInfo**) noexcept;  // slot 65, API 17
  StatusHandle* (*create_cpu_memory_info)(AllocatorKind, MemoryKind, MemoryInfo**) noexcept;  // slot 69, API 17
  StatusHandle* (*allocator_free)(Allocator*, void*) noexcept;  // slot 76, API 17
  StatusHandle* (*get_allocator_with_default_options)(Allocator**) noexcept;  // slot 78, API 17
  void (*release_status)(StatusHandle*) noexcept;  // slot 93, API 17
  void (*release_memory_info)(MemoryInfo*) noexcept;  // slot 94, API 17
  void (*release_session)(Session*) noexcept;  // slot 95, API 17
  void (*release_value)(Value*) noexcept;  // slot 96, API 17
  void (*release_run_options)(RunOptions*) noexcept;  // slot 97, API 17
  void (*release_type_info)(TypeInfo*) noexcept;  // slot 98, API 17
  void (*release_tensor_type_and_shape_info)(TensorShapeInfo*) noexcept;  // slot 99, API 17
  void (*release_session_options)(SessionOptions*) noexcept;  // slot 100, API 17
  StatusHandle* (*get_available_providers)(char***, int*) noexcept;  // slot 125, API 17
  StatusHandle* (*release_available_providers)(char**, int) noexcept;  // slot 126, API 17
  StatusHandle* (*add_session_config_entry)(SessionOptions*, char const*, char const*) noexcept;  // slot 130, API 17
  StatusHandle* (*session_options_append_execution_provider_tensorrt_v2)(SessionOptions*, TensorRtOptions const*) noexcept;  // slot 170, API 17
  StatusHandle* (*create_tensorrt_provider_options)(TensorRtOptions**) noexcept;  // slot 171, API 17
  StatusHandle* (*update_tensorrt_provider_options)(TensorRtOptions*, char const* const*, char const* const*, std::size_t) noexcept;  // slot 172, API 17
  void (*release_tensorrt_provider_options)(TensorRtOptions*) noexcept;  // slot 174, API 17
  StatusHandle* (*session_options_append_execution_provider_cuda_v2)(SessionOptions*, CudaOptions const*) noexcept;  // slot 204, API 17
  StatusHandle* (*create_cuda_provider_options)(CudaOptions**) noexcept;  // slot 205, API 17
  StatusHandle* (*update_cuda_provider_options)(CudaOptions*, char const* const*, char const* const*, std::size_t) noexcept;  // slot 206, API 17
  void (*release_cuda_provider_options)(CudaOptions*) noexcept;  // slot 208, API 17

  using Slot = void (*)();
  explicit ApiTable(const Slot* slots) {
    bind(get_error_code, slots[1]);
    bind(get_error_message, slots[2]);
    bind(create_env_with_custom_logger, slots[4]);
    bind(create_session, slots[7]);
    bind(create_session_from_array, slots[8]);
    bind(run, slots[9]);
    bind(create_session_options, slots[10]);
    bind(set_session_execution_mode, slots[13]);
    bind(disable_mem_pattern, slots[17]);
    bind(set_session_log_id, slots[20]);
    bind(set_session_graph_optimization_level, slots[23]);
    bind(set_intra_op_num_threads, slots[24]);
    bind(set_inter_op_num_threads, slots[25]);
    bind(session_get_input_count, slots[30]);
    bind(session_get_output_count, slots[31]);
    bind(session_get_input_type_info, slots[33]);
    bind(session_get_output_type_info, slots[34]);
    bind(session_get_input_name, slots[36]);
    bind(session_get_output_name, slots[37]);
    bind(create_run_options, slots[39]);
    bind(run_options_set_terminate, slots[46]);
    bind(run_options_unset_terminate, slots[47]);
    bind(create_tensor_with_data_as_ort_value, slots[49]);
    bind(is_tensor, slots[50]);
    bind(get_tensor_mutable_data, slots[51]);
    bind(cast_type_info_to_tensor_info, slots[55]);
    bind(get_onnx_type_from_type_info, slots[56]);
    bind(get_tensor_element_type, slots[60]);
    bind(get_dimensions_count, slots[61]);
    bind(get_dimensions, slots[62]);
    bind(get_symbolic_dimensions, slots[63]);
    bind(get_tensor_type_and_shape, slots[65]);
    bind(create_cpu_memory_info, slots[69]);
    bind(allocator_free, slots[76]);
    bind(get_allocator_with_default_options, slots[78]);
    bind(release_status, slots[93]);
    bind(release_memory_info, slots[94]);
    bind(release_session, slots[95]);
    bind(release_value, slots[96]);
    bind(release_run_options, slots[97]);
    bind(release_type_info, slots[98]);
    bind(release_tensor_type_and_shape_info, slots[99]);
    bind(release_session_options, slots[100]);
    bind(get_available_providers, slots[125]);
    bind(release_available_providers, slots[126]);
    bind(add_session_config_entry, slots[130]);
    bind(session_options_append_execution_provider_tensorrt_v2, slots[170]);
    bind(create_tensorrt_provider_options, slots[171]);
    bind(update_tensorrt_provider_options, slots[172]);
    bind(release_tensorrt_provider_options, slots[174]);
    bind(session_options_append_execution_provider_cuda_v2, slots[204]);
    bind(create_cuda_provider_options, slots[205]);
    bind(update_cuda_provider_options, slots[206]);
    bind(release_cuda_provider_options, slots[208]);
  }

 private:
  template <typename Function>
  static void bind(Function& function, Slot slot) {
    function = reinterpret_cast<Function>(slot);
  }
};

}  // namespace foveate::onnxruntime::abi
