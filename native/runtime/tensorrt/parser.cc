#include "runtime/tensorrt/parser.h"

#include <sstream>
#include <string_view>
#include <utility>

namespace foveate::tensorrt {
namespace {

std::string text_of(const char* text) { return text == nullptr ? "" : text; }

// What a code of the parser means; its own words are often a bare "false".
const char* meaning_of(abi::ParserErrorCode code) {
  switch (code) {
    case abi::ParserErrorCode::kUnsupportedGraph:
      return "the graph is not supported";
    case abi::ParserErrorCode::kUnsupportedNode:
      return "the operator is not supported";
    case abi::ParserErrorCode::kUnsupportedAttribute:
      return "an attribute of the operator is not supported";
    case abi::ParserErrorCode::kUnsupportedInput:
      return "an input of the operator is not supported";
    case abi::ParserErrorCode::kUnsupportedDataType:
      return "the element type is not supported";
    case abi::ParserErrorCode::kUnsupportedDynamicShape:
      return "the operator does not support dynamic shapes";
    case abi::ParserErrorCode::kUnsupportedShape:
      return "the shape is not supported";
    default:
      return "";
  }
}

// What the parser says of an operator that it has never heard of, whose name it looks for among the plugins last.
constexpr std::string_view kUnknownOperator = "Plugin not found";

// A description may have several lines, of which one tells that there is no driver, which nobody needs who builds
// without a GPU.
std::string one_line(const std::string& description) {
  std::string text;
  std::istringstream lines(description);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.find("catchCudaError") != std::string::npos) continue;
    text += (text.empty() ? "" : "; ") + line;
  }
  return text;
}

std::string reason_of(abi::ParserErrorCode code, const std::string& description) {
  if (description.find(kUnknownOperator) != std::string::npos)
    return "the operator is not known, and no plugin has its name";
  const std::string meaning = meaning_of(code);
  const std::string text = one_line(description);
  if (meaning.empty()) return text;
  return text.empty() || text == "false" ? meaning : meaning + ": " + text;
}

// Most exporters' models have few faults; a model of another kind has as many as nodes.
constexpr std::size_t kFaultsTold = 20;

std::string told(const ParserFault& fault) {
  std::string text = "\n  - ";
  if (fault.node_index >= 0) text += "node " + std::to_string(fault.node_index);
  if (!fault.node.empty()) text += " \"" + fault.node + "\"";
  if (!fault.op.empty()) text += " (" + fault.op + ")";
  if (text.size() > 5) text += ": ";
  return text + fault.reason + (fault.where.empty() ? "" : " [" + fault.where + "]");
}

}  // namespace

Status no_model(const std::string& reason) {
  return {error_code::kModelInvalid, "The model cannot be read: " + reason,
          "The file is damaged, or no ONNX model: export or load it again."};
}

Result<OnnxParser> OnnxParser::create(const Library& library, abi::Network* network) {
  abi::Parser* const parser =
      library.create_parser(network, logger_for(library.version.releases), library.parser_version);
  if (parser == nullptr) return Status(error_code::kEngineFailed, "The ONNX parser of TensorRT could not be started");
  return OnnxParser(library.version, parser);
}

std::vector<ParserFault> OnnxParser::faults() const {
  const auto get_error = abi::kParserGetError.in(version_);
  const auto description = abi::kParserErrorDesc.in(version_);
  const auto code = abi::kParserErrorCode.in(version_);
  const auto node_index = abi::kParserErrorNode.in(version_);
  std::vector<ParserFault> faults;
  const std::int32_t count = abi::kParserGetNbErrors.in(version_)(parser_.get());
  for (std::int32_t i = 0; i < count; ++i) {
    abi::ParserError* const error = get_error(parser_.get(), i);
    if (error == nullptr) continue;
    ParserFault fault{reason_of(code(error), text_of(description(error))), "", "", node_index(error), ""};
    const std::filesystem::path file = text_of(abi::kParserErrorFile.in(version_)(error));
    if (!file.empty())
      fault.where = file.filename().string() + ":" + std::to_string(abi::kParserErrorLine.in(version_)(error));
    if (abi::kParserErrorNodeName.exists(version_)) {
      fault.node = text_of(abi::kParserErrorNodeName.in(version_).value()(error));
      fault.op = text_of(abi::kParserErrorNodeOperator.in(version_).value()(error));
    }
    faults.push_back(std::move(fault));
  }
  return faults;
}

bool OnnxParser::found_no_model() const {
  if (abi::kParserGetNbErrors.in(version_)(parser_.get()) == 0) return false;
  abi::ParserError* const error = abi::kParserGetError.in(version_)(parser_.get(), 0);
  return error != nullptr && abi::kParserErrorCode.in(version_)(error) == abi::ParserErrorCode::kModelDeserializeFailed;
}

Status OnnxParser::parse(std::span<const std::byte> model, const std::filesystem::path& model_path, LogScope& log) {
  const std::string path = model_path.string();
  const bool parsed =
      abi::kParserParse.in(version_)(parser_.get(), model.data(), model.size(), path.empty() ? nullptr : path.c_str());
  const auto found = faults();
  if (parsed && found.empty()) {
    log.take_error();
    return {};
  }
  if (found_no_model()) return no_model(found[0].reason);
  std::string message = "TensorRT's parser refuses the model:";
  for (std::size_t i = 0; i < found.size() && i < kFaultsTold; ++i) message += told(found[i]);
  if (found.size() > kFaultsTold) message += "\n  - and " + std::to_string(found.size() - kFaultsTold) + " more";
  if (found.empty()) message += " " + log.take_error();
  return Status(error_code::kModelUnsupported, std::move(message),
                "See which operators are supported: foveate build MODEL --check.");
}

Result<SupportReport> OnnxParser::check(std::span<const std::byte> model, const std::filesystem::path& model_path) {
  auto supports = abi::kParserSupportsModelV2.in(version_);
  if (!supports.ok()) return supports.take_status();
  const std::string path = model_path.string();
  SupportReport report;
  report.supported = supports.value()(parser_.get(), model.data(), model.size(), path.empty() ? nullptr : path.c_str());
  report.faults = faults();
  if (found_no_model()) return no_model(report.faults[0].reason);
  return report;
}

}  // namespace foveate::tensorrt
