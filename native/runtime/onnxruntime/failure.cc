#include "runtime/onnxruntime/failure.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace foveate::onnxruntime {
namespace {

constexpr auto kNone = std::string_view::npos;

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

struct Span {
  std::size_t begin;
  std::size_t end;
};

// Where "/build/path/model.cc:187 " stands, or the same with a header; nullopt when there is none.
std::optional<Span> find_source_position(std::string_view text) {
  for (std::string_view suffix : {std::string_view(".cc:"), std::string_view(".h:")}) {
    for (std::size_t at = text.find(suffix); at != kNone; at = text.find(suffix, at + 1)) {
      std::size_t end = at + suffix.size();
      const std::size_t digits = end;
      while (end < text.size() && is_digit(text[end])) ++end;
      if (end == digits || end == text.size() || text[end] != ' ') continue;
      const std::size_t before = text.find_last_of(" :", at);
      return Span{before == kNone ? 0 : before + 1, end + 1};
    }
  }
  return std::nullopt;
}

// Length of the C++ signature that `text` starts with ("void ns::Name<T>(const A&, B) const "), or of the one bare name
// that the library writes instead of it.
std::size_t signature_length(std::string_view text) {
  const std::size_t open = text.find('(');
  const std::string_view head = text.substr(0, open);
  std::size_t end = 0;
  if (open != kNone && head.find("::") != kNone && head.find(". ") == kNone) {
    int depth = 0;
    for (end = open; end < text.size(); ++end) {
      if (text[end] == '(') ++depth;
      if (text[end] == ')' && --depth == 0 && text.substr(end + 1, 1) != "(") break;  // "operator()(" goes on
    }
    end = std::min(end + 1, text.size());
    if (text.substr(end).starts_with(" const")) end += 6;
    if (text.substr(end).starts_with(" [with ")) end = std::min(text.find(']', end), text.size() - 1) + 1;
  } else {
    while (end < text.size() && is_word(text[end])) ++end;
  }
  return end < text.size() && text[end] == ' ' ? end + 1 : end;
}

// "[ONNXRuntimeError] : 1 : FAIL : " repeats the code.
void drop_code_prefix(std::string& text) {
  constexpr std::string_view kTag = "[ONNXRuntimeError] : ";
  for (std::size_t at = text.find(kTag); at != kNone; at = text.find(kTag)) {
    std::size_t end = at + kTag.size();
    for (int part = 0; part < 2; ++part) {
      const std::size_t separator = text.find(" : ", end);
      if (separator == kNone) break;
      end = separator + 3;
    }
    text.erase(at, end - at);
  }
}

void drop_lead(std::string& text, std::string_view lead, std::string_view last) {
  if (!text.starts_with(lead)) return;
  if (const std::size_t end = text.find(last); end != kNone) text.erase(0, end + last.size());
}

}  // namespace

bool Failure::mentions(std::initializer_list<std::string_view> texts) const {
  return std::ranges::any_of(texts, [this](std::string_view text) { return message.find(text) != kNone; });
}

std::string clean_message(std::string_view message) {
  std::string text(message.substr(0, message.find('\n')));
  drop_lead(text, "Load model from ", " failed:");
  drop_lead(text, "Failed to load model with error: ", ": ");
  drop_lead(text, "Exception during initialization: ", ": ");
  while (const auto position = find_source_position(text)) {
    const std::size_t signature = signature_length(std::string_view(text).substr(position->end));
    text.erase(position->begin, position->end + signature - position->begin);
  }
  drop_code_prefix(text);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  return text;
}

std::optional<Failure> take_failure(const abi::ApiTable& api, abi::StatusHandle* status) {
  if (status == nullptr) return std::nullopt;
  Failure failure{api.get_error_code(status), clean_message(api.get_error_message(status))};
  api.release_status(status);
  return failure;
}

Status engine_status(const Failure& failure, std::string_view what) {
  const bool memory = failure.mentions(
      {"Failed to allocate memory", "bad_alloc", "bad allocation", "out of memory", "pthread_create failed"});
  return Status(memory ? error_code::kOutOfMemory : error_code::kEngineFailed,
                std::string(what) + " failed in ONNX Runtime: " + failure.message,
                memory ? "Use a smaller batch or fewer lanes." : "");
}

Status check(const abi::ApiTable& api, abi::StatusHandle* status, std::string_view what) {
  if (const auto failure = take_failure(api, status)) return engine_status(*failure, what);
  return {};
}

}  // namespace foveate::onnxruntime
