// The ONNX parser of TensorRT.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/status.h"
#include "runtime/tensorrt/engine_builder.h"
#include "runtime/tensorrt/library.h"

namespace foveate::tensorrt {

// MODEL_INVALID.
Status no_model(const std::string& reason);

class OnnxParser {
 public:
  // Fills `network`, which must outlive it.
  static Result<OnnxParser> create(const Library& library, abi::Network* network);

  // MODEL_UNSUPPORTED with every error, MODEL_INVALID for what is no ONNX model. `log` is the scope of this thread.
  Status parse(std::span<const std::byte> model, const std::filesystem::path& model_path, LogScope& log);

  // Spoils the network: to be called on a throw-away one. BACKEND_TOO_OLD before 10.1, MODEL_INVALID.
  Result<SupportReport> check(std::span<const std::byte> model, const std::filesystem::path& model_path);

 private:
  struct Delete {
    abi::Bound<void()> method;
    void operator()(abi::Parser* parser) const noexcept { method(parser); }
  };

  OnnxParser(abi::Version version, abi::Parser* parser)
      : version_(version), parser_(parser, Delete{abi::kParserDelete.in(version)}) {}

  std::vector<ParserFault> faults() const;
  bool found_no_model() const;

  abi::Version version_;
  std::unique_ptr<abi::Parser, Delete> parser_;
};

}  // namespace foveate::tensorrt
