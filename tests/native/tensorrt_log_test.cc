// What becomes of the lines that TensorRT logs while nobody listens to the call: warnings go to the log, with the
// requests that are being run, and the first error is kept for the caller.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/log.h"
#include "runtime/tensorrt/logger.h"

namespace foveate::tensorrt {
namespace {

struct Line {
  std::string message;
  std::vector<std::string> requests;
  bool operator==(const Line&) const = default;
};
std::vector<Line>& lines() {
  static std::vector<Line> all;
  return all;
}

class TensorRtLog : public testing::Test {
 protected:
  TensorRtLog() {
    lines().clear();
    set_log_sink(
        [](const LogLine& line) noexcept {
          lines().push_back({std::string(line.message), {line.requests.begin(), line.requests.end()}});
        },
        LogLevel::kWarning);
  }
  ~TensorRtLog() override { set_log_sink(nullptr); }

  // As the library does: by the first function of the object it was given.
  static void say(abi::Severity severity, const char* message) {
    void* const logger = logger_for(abi::Releases::kTrt10);
    using Log = void (*)(void*, abi::Severity, const char*);
    (*static_cast<Log**>(logger))[0](logger, severity, message);
  }
};

TEST_F(TensorRtLog, WarningsOfARunNameItsRequests) {
  LogScope scope;
  const std::vector<std::string> ids = {"one", "two"};
  {
    const RequestScope requests(ids);
    say(abi::Severity::kWarning, "slow");
    say(abi::Severity::kInfo, "chatter");
  }
  say(abi::Severity::kWarning, "later");
  const std::vector<Line> expected = {{"slow", ids}, {"later", {}}};
  EXPECT_EQ(lines(), expected);
  EXPECT_EQ(scope.take_error(), "");
}

TEST_F(TensorRtLog, TheFirstErrorIsTheCallersAndNotTheLogs) {
  LogScope scope;
  say(abi::Severity::kError, "cause");
  say(abi::Severity::kInternalError, "consequence");
  EXPECT_TRUE(lines().empty());
  EXPECT_EQ(scope.take_error(), "cause");
}

TEST_F(TensorRtLog, AListenerHasAllLines) {
  std::vector<std::string> heard;
  LogScope scope([&heard](abi::Severity, std::string_view message) { heard.emplace_back(message); });
  say(abi::Severity::kInfo, "chatter");
  say(abi::Severity::kWarning, "slow");
  EXPECT_EQ(heard, (std::vector<std::string>{"chatter", "slow"}));
  EXPECT_TRUE(lines().empty());
}

TEST_F(TensorRtLog, WithoutAScopeAllGoesToTheLog) {
  say(abi::Severity::kError, "broken");
  const std::vector<Line> expected = {{"broken", {}}};
  EXPECT_EQ(lines(), expected);
}

TEST_F(TensorRtLog, RequestScopesNest) {
  const std::vector<std::string> outer = {"outer"};
  const std::vector<std::string> inner = {"inner"};
  const RequestScope first(outer);
  {
    const RequestScope second(inner);
    say(abi::Severity::kWarning, "a");
  }
  say(abi::Severity::kWarning, "b");
  const std::vector<Line> expected = {{"a", inner}, {"b", outer}};
  EXPECT_EQ(lines(), expected);
}

}  // namespace
}  // namespace foveate::tensorrt
