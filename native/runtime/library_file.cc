#include "runtime/library_file.h"

#include <elf.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>

namespace foveate {
namespace {

#if defined(__x86_64__)
constexpr Elf64_Half kOwnMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr Elf64_Half kOwnMachine = EM_AARCH64;
#else
#error "foveate supports x64 and arm64."
#endif

std::string machine_name(Elf64_Half machine) {
  if (machine == EM_X86_64) return "x64";
  if (machine == EM_AARCH64) return "arm64";
  return "ELF machine " + std::to_string(machine);
}

std::uint64_t end_of(std::uint64_t offset, std::uint64_t bytes) {
  return offset > UINT64_MAX - bytes ? UINT64_MAX : offset + bytes;
}

// How long the file must be for all that is mapped of it, and for its tables.
std::uint64_t bytes_needed(std::ifstream& file, const Elf64_Ehdr& header) {
  std::uint64_t needed = end_of(header.e_shoff, std::uint64_t{header.e_shnum} * header.e_shentsize);
  if (header.e_phentsize != sizeof(Elf64_Phdr)) return UINT64_MAX;
  file.seekg(static_cast<std::streamoff>(std::min<std::uint64_t>(header.e_phoff, INT64_MAX)));
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part{};
    file.read(reinterpret_cast<char*>(&part), sizeof part);
    if (file.gcount() != sizeof part) return std::max(needed, end_of(header.e_phoff, header.e_phnum * sizeof part));
    needed = std::max(needed, end_of(part.p_offset, part.p_filesz));
  }
  return needed;
}

}  // namespace

Status check_library_file(const std::filesystem::path& path, const std::string& product, const std::string& example) {
  const std::string name = "\"" + path.string() + "\"";
  std::error_code error;
  const auto kind = std::filesystem::status(path, error).type();
  if (kind == std::filesystem::file_type::not_found) {
    return Status(error_code::kBackendNotFound, "The " + product + " library " + name + " does not exist.",
                  "Give the path of " + example + ", or leave it out to use the library that is found.");
  }
  const std::string hint = "Give the path of the shared library itself, such as " + example + ".";
  if (kind != std::filesystem::file_type::regular) {
    return Status(error_code::kBackendInvalid,
                  "Expected the " + product + " library to be a file, but " + name +
                      (kind == std::filesystem::file_type::directory ? " is a folder." : " cannot be read."),
                  hint);
  }

  Elf64_Ehdr header{};
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(&header), sizeof header);
  if (file.gcount() != sizeof header || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_type != ET_DYN) {
    return Status(error_code::kBackendInvalid, "The file " + name + " is not a shared library.", hint);
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != kOwnMachine) {
    return Status(error_code::kBackendInvalid,
                  "The library " + name + " is built for " + machine_name(header.e_machine) +
                      ", this process runs on " + machine_name(kOwnMachine) + ".",
                  "Give the library that was built for this processor.");
  }
  // The loader maps a file that was cut short, and dies by a signal when it reads on.
  const std::uint64_t bytes = std::filesystem::file_size(path, error);
  const std::uint64_t needed = bytes_needed(file, header);
  if (error || bytes < needed) {
    return Status(error_code::kBackendInvalid,
                  "The library " + name + " is cut short" +
                      (needed == UINT64_MAX ? ""
                                            : ": expected at least " + std::to_string(needed) + " bytes, received " +
                                                  std::to_string(error ? 0 : bytes)) +
                      ".",
                  "Install it again.");
  }
  return {};
}

}  // namespace foveate
