// One lane's way into a session.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/status.h"
#include "runtime/onnxruntime/handles.h"
#include "runtime/onnxruntime/model.h"
#include "runtime/runtime.h"

namespace foveate::onnxruntime {

// Values that are released together.
class ValueList {
 public:
  ValueList(const abi::ApiTable& api, std::size_t capacity) : api_(api) { values_.reserve(capacity); }
  ~ValueList();
  ValueList(const ValueList&) = delete;
  ValueList& operator=(const ValueList&) = delete;

  void add(abi::Value* value) { values_.push_back(value); }
  // Gives one value away.
  abi::Value* take(std::size_t index) { return std::exchange(values_[index], nullptr); }
  abi::Value* operator[](std::size_t index) const { return values_[index]; }
  abi::Value** data() { return values_.data(); }
  std::size_t size() const { return values_.size(); }

 private:
  const abi::ApiTable& api_;
  std::vector<abi::Value*> values_;  // null: not made, or given away
};

class OrtContext final : public Context {
 public:
  OrtContext(std::shared_ptr<const OrtModel> model, Handle<abi::RunOptions> options);

  // TENSOR_DTYPE, TENSOR_SHAPE: an input or bound output that does not fit the model. ABORTED: the token was cancelled
  // before or during the run. ENGINE_FAILED, OUT_OF_MEMORY: the run failed; the context can be used again.
  Status run(const RunRequest& request, RunResult& result) override;

 private:
  Status check_supported(const RunRequest& request) const;
  // Makes the library's value over the caller's memory: nothing is copied.
  Status wrap(const TensorView& view, ValueList& values) const;
  Status execute(const RunRequest& request, ValueList& inputs, ValueList& outputs);
  Status collect(const RunRequest& request, ValueList& outputs, RunResult& result) const;
  // Takes the value out of `outputs`: its memory then lives as long as the tensor's block.
  Status own_output(std::size_t model_index, ValueList& outputs, std::size_t at, OwnedTensor& tensor) const;
  // The library answers an output that is an input of the graph with that very input: memory of the caller's, which is
  // copied to memory of its own, or to that which was bound and is left unwritten.
  static Status copy_out(OwnedTensor& tensor);
  static Status copy_into(const TensorView& bound, const TensorView& input, const std::string& name);

  const std::shared_ptr<const OrtModel> model_;
  const abi::ApiTable& api_;
  const Handle<abi::RunOptions> options_;  // one per context: its terminate flag stops this lane alone
  std::vector<const char*> input_names_;   // point into the model's description
  std::vector<const char*> output_names_;  // of the run in progress
  // For each output of the model, the input that the graph hands on as this output.
  std::vector<std::optional<std::size_t>> handed_on_;
};

}  // namespace foveate::onnxruntime
