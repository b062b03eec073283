// Reads JSON where it stands, value by value, without a tree.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/cancel.h"
#include "core/status.h"

namespace foveate {

// Every method moves on past what it reads. Where the text is not what a method asks for, it gives false or an error,
// and the place is where that shows.
class JsonText {
 public:
  explicit JsonText(std::string_view text, const CancelToken* cancel = nullptr) : text_(text), cancel_(cancel) {}

  std::size_t place() const { return at_; }
  // The next character that is no space; 0 at the end.
  char peek();
  // Whether `letter` is next; past it if so.
  bool take(char letter);
  // Nothing but spaces is left.
  bool is_at_end() { return peek() == 0 && at_ >= text_.size(); }
  // After a value in an array or object: whether another follows. `end` is ] or }. ABORTED, looked at now and then.
  Status goes_on(char end, bool& more);
  // A string, its escapes resolved, UTF-8.
  Status read_string(std::string& value);
  // A key and the colon behind it.
  Status read_key(std::string& key);
  // A number; also NaN, Infinity and -Infinity, which Python writes. False where none is next.
  bool read_number(double& value);
  // Any value.
  Status skip_value(int depth = 0);
  // For messages: the beginning of what is next.
  std::string shown() const;
  // "At byte 12: expected ... but received ...".
  Status unexpected(std::string_view wanted) const;

 private:
  Status read_escape(std::string& value);
  bool read_hex(unsigned& code);
  bool take_word(std::string_view word);

  std::string_view text_;
  const CancelToken* cancel_;
  std::size_t at_ = 0;
  std::size_t values_ = 0;  // that were passed
};

}  // namespace foveate
