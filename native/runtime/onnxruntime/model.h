// A model in ONNX Runtime: one session, shared by the contexts of all lanes.
#pragma once

#include <memory>

#include "core/status.h"
#include "runtime/onnxruntime/handles.h"
#include "runtime/onnxruntime/library.h"
#include "runtime/runtime.h"

namespace foveate::onnxruntime {

class OrtModel final : public Model, public std::enable_shared_from_this<OrtModel> {
 public:
  OrtModel(const Library& library, Handle<abi::Session> session, ModelInfo info)
      : library_(library), session_(std::move(session)), info_(std::move(info)) {}

  const ModelInfo& info() const override { return info_; }
  Result<std::unique_ptr<Context>> create_context() override;

  const Library& library() const { return library_; }
  // The library's own threads make its sessions safe to run from several lanes at once.
  abi::Session* session() const { return session_.get(); }
  // Whether a provider moves inputs and outputs to a device.
  bool uses_device() const { return info_.providers.size() > 1; }

 private:
  const Library& library_;
  Handle<abi::Session> session_;
  ModelInfo info_;
};

// MODEL_NOT_FOUND, MODEL_INVALID, MODEL_UNSUPPORTED, and what make_session_options reports.
Result<std::shared_ptr<Model>> load_model(const Library& library, const ModelSource& source,
                                          const ModelOptions& options);

}  // namespace foveate::onnxruntime
