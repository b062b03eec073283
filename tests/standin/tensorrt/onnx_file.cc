#include "onnx_file.h"

#include <algorithm>
#include <cstdint>

namespace foveate::standin {
namespace {

// A message of protobuf, as its wire format has it.
class Reader {
 public:
  Reader(std::span<const std::byte> file, std::size_t from, std::size_t to) : file_(file), at_(from), end_(to) {}

  struct Field {
    std::uint64_t number;
    std::uint64_t value = 0;          // of a varint
    std::size_t from = 0, bytes = 0;  // of what has a length
  };

  // False at the end, and where the message is broken.
  bool next(Field& field) {
    if (at_ >= end_) return false;
    std::uint64_t key = 0;
    if (!varint(key)) return broken();
    field = {key >> 3};
    switch (key & 7) {
      case 0:
        return varint(field.value) || broken();
      case 1:
        return skip(8);
      case 2: {
        std::uint64_t bytes = 0;
        if (!varint(bytes) || bytes > end_ - at_) return broken();
        field.from = at_;
        field.bytes = bytes;
        at_ += bytes;
        return true;
      }
      case 5:
        return skip(4);
      default:
        return broken();
    }
  }
  bool ok() const { return ok_; }

 private:
  bool broken() { return ok_ = false; }
  bool skip(std::size_t bytes) {
    if (bytes > end_ - at_) return broken();
    at_ += bytes;
    return true;
  }
  bool varint(std::uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64 && at_ < end_; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(file_[at_++]);
      value |= static_cast<std::uint64_t>(byte & 127) << shift;
      if (byte < 128) return true;
    }
    return false;
  }

  std::span<const std::byte> file_;
  std::size_t at_, end_;
  bool ok_ = true;
};

std::string text_of(std::span<const std::byte> file, const Reader::Field& field) {
  return {reinterpret_cast<const char*>(file.data()) + field.from, field.bytes};
}

void read_weights(std::span<const std::byte> file, const Reader::Field& tensor, OnnxFile& onnx) {
  std::string name;
  OnnxFile::Weights weights{};
  Reader reader(file, tensor.from, tensor.from + tensor.bytes);
  for (Reader::Field field{}; reader.next(field);) {
    if (field.number == 8) name = text_of(file, field);
    if (field.number == 2) weights.element = static_cast<int>(field.value);
    if (field.number == 9 || field.number == 4) {  // raw_data, or packed float_data
      weights.offset = field.from;
      weights.bytes = field.bytes;
    }
  }
  if (weights.bytes > 0) onnx.weights[name] = weights;
}

void read_node(std::span<const std::byte> file, const Reader::Field& node, OnnxFile& onnx) {
  OnnxNode made;
  Reader reader(file, node.from, node.from + node.bytes);
  for (Reader::Field field{}; reader.next(field);) {
    if (field.number == 3) made.name = text_of(file, field);
    if (field.number == 4) made.op = text_of(file, field);
  }
  onnx.nodes.push_back(std::move(made));
}

}  // namespace

bool OnnxFile::data_dependent() const {
  return std::ranges::any_of(
      nodes, [](const OnnxNode& node) { return node.op == "NonZero" || node.op == "NonMaxSuppression"; });
}

std::optional<OnnxFile> read_onnx(std::span<const std::byte> bytes) {
  OnnxFile onnx;
  bool has_graph = false;
  Reader model(bytes, 0, bytes.size());
  for (Reader::Field field{}; model.next(field);) {
    if (field.number != 7 || field.bytes == 0) continue;
    has_graph = true;
    Reader graph(bytes, field.from, field.from + field.bytes);
    for (Reader::Field part{}; graph.next(part);) {
      if (part.number == 1) read_node(bytes, part, onnx);
      if (part.number == 5) read_weights(bytes, part, onnx);
    }
    if (!graph.ok()) return std::nullopt;
  }
  if (!model.ok() || !has_graph) return std::nullopt;
  return onnx;
}

}  // namespace foveate::standin
