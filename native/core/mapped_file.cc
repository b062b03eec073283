#include "core/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace foveate {

Result<BlockPtr> map_file(const std::string& path) {
  const auto unreadable = [&path](const std::string& reason) {
    return Status(error_code::kModelNotFound, "Cannot read the file \"" + path + "\": " + reason);
  };
  const auto reason_of = [](int error) { return std::generic_category().message(error); };
  // Without waiting, for a pipe that nobody writes to; it cannot be mapped.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return unreadable(reason_of(errno));
  struct stat info{};
  void* data = MAP_FAILED;
  const bool is_known = ::fstat(file, &info) == 0;
  if (is_known && info.st_size > 0)
    data = ::mmap(nullptr, static_cast<std::size_t>(info.st_size), PROT_READ, MAP_PRIVATE, file, 0);
  const int error = errno;
  ::close(file);
  if (is_known && info.st_size == 0) return unreadable("it is empty");
  if (data == MAP_FAILED) return unreadable(reason_of(error));
  return std::make_shared<Block>(data, static_cast<std::size_t>(info.st_size), MemoryPlace{},
                                 [](Block& block) { ::munmap(block.data(), block.bytes()); });
}

}  // namespace foveate
