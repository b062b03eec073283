// What the fuzzers found, and the inputs that they go on from: every one must pass. See tests/fuzz/README.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/native/targets.h"
#include "picture_fixture.h"

namespace foveate {
namespace {

struct Case {
  fuzz::Target target;
  std::filesystem::path file;

  std::string name() const {
    std::string name = file.parent_path().filename().string() + "_" + file.filename().string();
    std::replace_if(name.begin(), name.end(), [](unsigned char letter) { return std::isalnum(letter) == 0; }, '_');
    return name;
  }
};

std::vector<Case> all_cases() {
  const std::filesystem::path folder = std::filesystem::path(__FILE__).parent_path() / "../fuzz";
  const std::pair<std::string, fuzz::Target> targets[] = {
      {"jpeg", fuzz::jpeg}, {"frames", fuzz::frames}, {"heads", fuzz::heads}};
  std::vector<Case> cases;
  for (const auto& [name, target] : targets) {
    for (const char* kind : {"cases", "corpus"}) {
      if (!std::filesystem::exists(folder / kind / name)) continue;  // git keeps no empty folder
      for (const auto& entry : std::filesystem::directory_iterator(folder / kind / name)) {
        cases.push_back({target, entry.path()});
      }
    }
  }
  std::sort(cases.begin(), cases.end(), [](const Case& a, const Case& b) { return a.file < b.file; });
  return cases;
}

class FuzzCase : public ::testing::TestWithParam<Case> {};

TEST_P(FuzzCase, Passes) {
  const auto content = testing::read_file(GetParam().file);
  // Of just its size: what is read beyond its end is reported.
  const std::unique_ptr<std::byte[]> data(new std::byte[content.size()]);
  std::copy(content.begin(), content.end(), data.get());
  EXPECT_NO_THROW(GetParam().target({data.get(), content.size()}));
}

INSTANTIATE_TEST_SUITE_P(Kept, FuzzCase, ::testing::ValuesIn(all_cases()),
                         [](const auto& info) { return info.param.name(); });

}  // namespace
}  // namespace foveate
