#include "metrics/json_text.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <system_error>

namespace foveate {
namespace {

constexpr int kDeepest = 64;
constexpr std::size_t kOften = 4096;  // values between two looks at the cancel token

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

void append_utf8(unsigned code, std::string& text) {
  const auto put = [&text](unsigned byte) { text.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

}  // namespace

char JsonText::peek() {
  while (at_ < text_.size()) {
    const char letter = text_[at_];
    if (letter != ' ' && letter != '\n' && letter != '\r' && letter != '\t') return letter;
    ++at_;
  }
  return 0;
}

bool JsonText::take(char letter) {
  if (peek() != letter || at_ >= text_.size()) return false;
  ++at_;
  return true;
}

bool JsonText::take_word(std::string_view word) {
  if (text_.substr(at_, word.size()) != word) return false;
  at_ += word.size();
  return true;
}

Status JsonText::goes_on(char end, bool& more) {
  if (++values_ % kOften == 0 && cancel_ != nullptr && cancel_->cancelled()) return aborted();
  more = take(',');
  if (more || take(end)) return {};
  return unexpected(end == ']' ? ", or ]" : ", or }");
}

Status JsonText::read_string(std::string& value) {
  value.clear();
  if (!take('"')) return unexpected("a string");
  while (at_ < text_.size()) {
    // Most have no escape: whole stretches are copied.
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
           static_cast<unsigned char>(text_[at_]) >= 0x20) {
      ++at_;
    }
    value.append(text_.substr(begin, at_ - begin));
    if (at_ >= text_.size()) break;
    if (text_[at_] == '"') {
      ++at_;
      return {};
    }
    if (text_[at_] != '\\') return unexpected("the rest of a string");
    ++at_;
    FOVEATE_RETURN_IF_ERROR(read_escape(value));
  }
  return unexpected("the rest of a string");
}

Status JsonText::read_escape(std::string& value) {
  constexpr std::string_view kEscapes = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  if (at_ >= text_.size()) return unexpected("the rest of a string");
  const char letter = text_[at_];
  if (const std::size_t found = kEscapes.find(letter); found != std::string_view::npos) {
    value.push_back(kMeanings[found]);
    ++at_;
    return {};
  }
  unsigned code = 0;
  if (letter != 'u' || !read_hex(code)) return unexpected("an escape");
  unsigned low = 0;
  if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
    ++at_;
    if (!read_hex(low)) return unexpected("an escape");
    if (low < 0xDC00 || low >= 0xE000) return unexpected("the second half of a surrogate pair");
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  append_utf8(code, value);
  return {};
}

// u and four digits.
bool JsonText::read_hex(unsigned& code) {
  if (at_ + 5 > text_.size()) return false;
  const char* begin = text_.data() + at_ + 1;
  const auto [end, error] = std::from_chars(begin, begin + 4, code, 16);
  if (error != std::errc() || end != begin + 4) return false;
  at_ += 5;
  return true;
}

Status JsonText::read_key(std::string& key) {
  FOVEATE_RETURN_IF_ERROR(read_string(key));
  return take(':') ? Status() : unexpected("a colon");
}

bool JsonText::read_number(double& value) {
  peek();
  if (take_word("NaN")) {
    value = std::numeric_limits<double>::quiet_NaN();
    return true;
  }
  const std::size_t begin = at_;
  std::size_t at = begin;
  const auto digits = [&] {
    const std::size_t first = at;
    while (at < text_.size() && is_digit(text_[at])) ++at;
    return at > first;
  };
  if (at < text_.size() && text_[at] == '-') ++at;
  if (text_.substr(at, 8) == "Infinity") {
    value = at > begin ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
    at_ = at + 8;
    return true;
  }
  if (!digits()) return false;
  if (at < text_.size() && text_[at] == '.') {
    ++at;
    if (!digits()) return false;
  }
  if (at < text_.size() && (text_[at] == 'e' || text_[at] == 'E')) {
    ++at;
    if (at < text_.size() && (text_[at] == '+' || text_[at] == '-')) ++at;
    if (!digits()) return false;
  }
  const auto parsed = std::from_chars(text_.data() + begin, text_.data() + at, value);
  if (parsed.ec == std::errc::result_out_of_range) {
    // Too large is infinite, too small 0 or nearly so.
    value = std::strtod(std::string(text_.substr(begin, at - begin)).c_str(), nullptr);
  }
  at_ = at;
  return true;
}

Status JsonText::skip_value(int depth) {
  if (depth > kDeepest) return unexpected("no more than 64 arrays and objects in one another");
  const char first = peek();
  std::string text;
  if (first == '"') return read_string(text);
  if (first == '[' || first == '{') {
    const char end = first == '[' ? ']' : '}';
    take(first);
    if (take(end)) return {};
    for (bool more = true; more;) {
      if (first == '{') FOVEATE_RETURN_IF_ERROR(read_key(text));
      FOVEATE_RETURN_IF_ERROR(skip_value(depth + 1));
      FOVEATE_RETURN_IF_ERROR(goes_on(end, more));
    }
    return {};
  }
  double number = 0;
  if (take_word("true") || take_word("false") || take_word("null") || read_number(number)) return {};
  return unexpected("a value");
}

std::string JsonText::shown() const {
  constexpr std::size_t kMost = 24;
  if (at_ >= text_.size()) return "the end";
  const std::string_view next = text_.substr(at_, kMost);
  return std::string(next.substr(0, std::min(next.find_first_of("\r\n"), next.size())));
}

Status JsonText::unexpected(std::string_view wanted) const {
  return {error_code::kDatasetInvalid,
          "at byte " + std::to_string(at_) + ": expected " + std::string(wanted) + " but received " + shown()};
}

}  // namespace foveate
