#include "vision/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <system_error>

#include "vision/jpeg.h"

namespace foveate {
namespace {

// No JPEG within any sensible pixel limit is larger; the same as for streams (lib/image/input.ts).
constexpr std::size_t kMaxFileBytes = std::size_t{512} << 20;
// Read at a time, between looks at the cancel token.
constexpr std::size_t kReadBytes = std::size_t{1} << 20;

class FileDescriptor {
 public:
  explicit FileDescriptor(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Status unreadable(int error) {
  if (error == ECANCELED) return aborted();
  return {error_code::kMediaNotFound, std::generic_category().message(error), "Check the path and its permissions."};
}

// Bytes read, which is less than asked for at the end of the file only; -1 with errno set on an error, ECANCELED where
// it was aborted.
ssize_t read_fully(int fd, std::span<std::byte> into, const CancelToken* cancel) {
  std::size_t done = 0;
  while (done < into.size()) {
    if (cancel != nullptr && cancel->cancelled()) {
      errno = ECANCELED;
      return -1;
    }
    const ssize_t count = ::read(fd, into.data() + done, std::min(into.size() - done, kReadBytes));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return static_cast<ssize_t>(done);
}

}  // namespace

Result<BlockPtr> read_picture_file(const std::string& path, MemoryPool& pool, const CancelToken* cancel) {
  const FileDescriptor file(path);
  if (file.get() < 0) return unreadable(errno);
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return unreadable(errno);
  if (S_ISDIR(info.st_mode)) return unreadable(EISDIR);
  // A pipe or device without data would stop whoever reads it, for good.
  if (!S_ISREG(info.st_mode)) {
    return Status(error_code::kMediaNotFound, "This is a pipe or a device, not a file", "Pass a stream that reads it.");
  }
  if (info.st_size == 0) {
    return Status(error_code::kMediaInvalid, "The file is empty (0 bytes)", "Check how the file was written.");
  }
  std::byte magic[3] = {};
  const ssize_t start = read_fully(file.get(), magic, cancel);
  if (start < 0) return unreadable(errno);
  if (!is_jpeg({magic, static_cast<std::size_t>(start)})) return Status(error_code::kMediaUnsupported, "Not a JPEG");

  const auto size = static_cast<std::size_t>(info.st_size);
  if (size < sizeof magic) {
    return Status(error_code::kMediaInvalid, "The file ends after " + std::to_string(size) + " bytes");
  }
  if (size > kMaxFileBytes) {
    return Status(error_code::kMediaTooLarge,
                  "The file has " + std::to_string(size) + " bytes, expected at most " + std::to_string(kMaxFileBytes));
  }
  BlockPtr block = pool.allocate(size);
  if (!block)
    return Status(error_code::kOutOfMemory, "Cannot allocate " + std::to_string(size) + " bytes to read a picture");
  std::memcpy(block->data(), magic, sizeof magic);
  const ssize_t rest = read_fully(file.get(), std::span(block->data(), size).subspan(sizeof magic), cancel);
  if (rest < 0) return unreadable(errno);
  if (static_cast<std::size_t>(rest) + sizeof magic != size) {
    return Status(error_code::kMediaInvalid, "The file became shorter while it was read");
  }
  return block;
}

}  // namespace foveate
