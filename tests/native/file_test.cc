#include "vision/file.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace foveate {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

class PictureFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = ::testing::TempDir() + "/foveate-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // A file of this size that starts with these bytes; the rest is a hole.
  std::string file(const std::string& start, std::size_t bytes) {
    const auto path = folder_ / "picture";
    std::ofstream(path, std::ios::binary) << start;
    std::filesystem::resize_file(path, bytes);
    return path.string();
  }

  std::string_view code_of(const std::string& path, const CancelToken* cancel = nullptr) {
    auto read = read_picture_file(path, *pool_, cancel);
    return read.ok() ? "" : read.status().error().code;
  }

  std::filesystem::path folder_;
  std::shared_ptr<MemoryPool> pool_ = std::make_shared<MemoryPool>(0);
};

TEST_F(PictureFile, IsReadWholeWhereItStartsAsAJpeg) {
  auto read = read_picture_file(file("\xff\xd8\xff", 3 * kMiB + 1), *pool_, nullptr);
  ASSERT_TRUE(read.ok());
  const BlockPtr block = std::move(read).value();
  EXPECT_EQ(block->bytes(), 3 * kMiB + 1);
  EXPECT_EQ(block->data()[2], std::byte{0xff});
  EXPECT_EQ(block->data()[3 * kMiB], std::byte{0});
}

TEST_F(PictureFile, IsLeftToOthersWhereItDoesNot) {
  EXPECT_EQ(code_of(file("\x89PNG", 1024 * kMiB)), error_code::kMediaUnsupported);
}

TEST_F(PictureFile, OfMoreThan512MiBIsRefusedUnread) {
  EXPECT_EQ(code_of(file("\xff\xd8\xff", 512 * kMiB + 1)), error_code::kMediaTooLarge);
  EXPECT_EQ(pool_->statistics().allocations, 0u);
}

TEST_F(PictureFile, IsNotReadOnceTheCallIsAborted) {
  CancelToken cancel;
  cancel.cancel();
  EXPECT_EQ(code_of(file("\xff\xd8\xff", kMiB), &cancel), error_code::kAborted);
}

TEST_F(PictureFile, ThatIsEmptyShortOrMissingIsTold) {
  EXPECT_EQ(code_of(file("", 0)), error_code::kMediaInvalid);
  EXPECT_EQ(code_of(file("\xff\xd8", 2)), error_code::kMediaInvalid);
  EXPECT_EQ(code_of((folder_ / "none").string()), error_code::kMediaNotFound);
  EXPECT_EQ(code_of(folder_.string()), error_code::kMediaNotFound);
}

}  // namespace
}  // namespace foveate
