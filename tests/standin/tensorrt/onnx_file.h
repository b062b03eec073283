// What the stand-in has to know of an ONNX file, beyond what ONNX Runtime tells of it.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace foveate::standin {

struct OnnxNode {
  std::string name;
  std::string op;
};

struct OnnxFile {
  struct Weights {
    std::size_t offset;  // in the file
    std::size_t bytes;
    int element;  // of TensorProto.DataType
  };
  std::vector<OnnxNode> nodes;
  std::map<std::string, Weights> weights;  // those that lie in the file, in one piece

  // Whether a run alone tells the size of an output.
  bool data_dependent() const;
};

// Nothing where the bytes are no ONNX model.
std::optional<OnnxFile> read_onnx(std::span<const std::byte> bytes);

}  // namespace foveate::standin
