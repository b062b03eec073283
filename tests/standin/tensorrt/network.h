// The building side of the stand-in, whatever the layout: an ONNX model, and what it says of itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "injection.h"
#include "onnx_file.h"
#include "plan.h"
#include "runtime/runtime.h"
#include "runtime/tensorrt/abi.h"

namespace foveate::standin {

using tensorrt::abi::Releases;
using tensorrt::abi::Severity;
using Log = std::function<void(Severity severity, const std::string& message)>;

// A layout's library: which release it is.
struct Release {
  Releases releases;
  std::int32_t version;
};

// Of an engine or network. TensorRT 8 has no integers of 64 bits and makes 32 of them.
struct IoTensor {
  std::string name;
  tensorrt::abi::ElementType element;
  DType dtype;        // of the engine
  DType model_dtype;  // of the model
  Dims dims;
  bool input;
};

struct Fault {
  tensorrt::abi::ParserErrorCode code;
  std::string text;
  int node = -1;
  std::string node_name;
  std::string op;
};

// An ONNX model, opened by ONNX Runtime.
class OnnxModel {
 public:
  // Null where it cannot be, and the faults.
  static std::shared_ptr<OnnxModel> open(std::span<const std::byte> bytes, const std::string& path, Releases releases,
                                         std::vector<Fault>& faults);

  const std::vector<IoTensor>& tensors() const { return tensors_; }
  const IoTensor* find(const std::string& name) const;
  const OnnxFile& file() const { return file_; }
  std::unique_ptr<Context> context() const;

 private:
  std::shared_ptr<Model> model_;
  OnnxFile file_;
  std::vector<IoTensor> tensors_;
};

class Network {
 public:
  std::vector<Fault> parse(std::span<const std::byte> bytes, const std::string& path, Releases releases);
  const OnnxModel* model() const { return model_.get(); }
  std::int32_t count(bool inputs) const;
  const IoTensor* tensor(bool input, std::int32_t index) const;

  Bytes bytes;
  std::string path;

 private:
  std::shared_ptr<OnnxModel> model_;
  Counted counted_{"networks"};
};

struct Config {
  std::vector<const Profile*> profiles;  // of the builder
  bool refit = false;
  Counted counted{"configs"};
};

// Nothing, and a line in the log, where a profile contradicts itself.
std::optional<Bytes> build(const Network& network, const Config& config, const Release& release, const Log& log);

// What the number of the GPU is that engines are built for.
std::int32_t capability();

}  // namespace foveate::standin
