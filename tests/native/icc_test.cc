#include "vision/icc.h"

#include <gtest/gtest.h>

#include "picture_fixture.h"

namespace foveate {
namespace {

using testing::Noise;
using testing::read_file;

// What tests/reference/formats.py writes.
std::vector<std::byte> profile(const std::string& name) {
  return read_file(testing::picture_fixtures() / "../formats/profiles" / (name + ".icc"));
}

TEST(Icc, KnowsSrgbByItsNumbers) {
  EXPECT_TRUE(is_srgb_profile(profile("srgb")));
  EXPECT_TRUE(is_srgb_profile(profile("srgb-table")));
}

TEST(Icc, TakesNothingElseForSrgb) {
  for (const char* name : {"linear-srgb", "display-p3", "adobe-rgb", "grey-gamma", "cmyk"}) {
    EXPECT_FALSE(is_srgb_profile(profile(name))) << name;
  }
}

// Every place where a tag's signature stands.
std::size_t find_tag(const std::vector<std::byte>& data, std::string_view signature) {
  const std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
  const std::size_t at = text.find(signature, 128);
  if (at == std::string_view::npos) throw std::runtime_error("The profile lacks a tag");
  return at;
}

TEST(Icc, LeavesLookupTablesToWhoeverReadsThem) {
  auto data = profile("srgb");
  const std::size_t at = find_tag(data, "wtpt");
  for (std::size_t i = 0; i < 4; ++i) data[at + i] = static_cast<std::byte>("A2B0"[i]);
  EXPECT_FALSE(is_srgb_profile(data));
}

TEST(Icc, NeedsEveryPrimaryAndCurve) {
  for (const char* signature : {"rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC"}) {
    auto data = profile("srgb");
    data[find_tag(data, signature)] = std::byte{'x'};
    EXPECT_FALSE(is_srgb_profile(data)) << signature;
  }
}

TEST(Icc, ReadsNothingBeyondADamagedProfile) {
  for (const char* name : {"srgb", "srgb-table", "cmyk"}) {
    const auto whole = profile(name);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      // A copy of its own, so that AddressSanitizer sees a read past the end.
      const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      is_srgb_profile(cut);
    }
    Noise noise;
    for (int round = 0; round < 2000; ++round) {
      auto data = whole;
      for (int i = 0; i < 6; ++i) data[noise.below(data.size())] = static_cast<std::byte>(noise.next_byte());
      is_srgb_profile(data);
    }
  }
  EXPECT_FALSE(is_srgb_profile({}));
}

}  // namespace
}  // namespace foveate
