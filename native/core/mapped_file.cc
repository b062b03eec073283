#include "core/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace foveate {

Result<BlockPtr> map_file(const std::string& path) {
  const auto unreadable = [&path](int error) {
    return Status(error_code::kModelNotFound,
                  "Cannot read the file \"" + path + "\": " + std::generic_category().message(error));
  };
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return unreadable(errno);
  struct stat info{};
  void* data = MAP_FAILED;
  if (::fstat(file, &info) == 0)
    data = ::mmap(nullptr, static_cast<std::size_t>(info.st_size), PROT_READ, MAP_PRIVATE, file, 0);
  const int error = errno;
  ::close(file);
  if (data == MAP_FAILED) return unreadable(error);
  return std::make_shared<Block>(data, static_cast<std::size_t>(info.st_size), MemoryPlace{},
                                 [](Block& block) { ::munmap(block.data(), block.bytes()); });
}

}  // namespace foveate
