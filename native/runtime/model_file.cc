#include "runtime/model_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace foveate {

Status check_model_file(const std::filesystem::path& path) {
  const std::string name = "\"" + path.string() + "\"";
  std::error_code error;
  const auto kind = std::filesystem::status(path, error).type();
  if (kind == std::filesystem::file_type::not_found) {
    return Status(error_code::kModelNotFound, "The model file " + name + " does not exist.", "Check the path.");
  }
  if (kind == std::filesystem::file_type::directory) {
    return Status(error_code::kModelInvalid, "Expected a model file, but " + name + " is a folder.",
                  "Give the path of the file in it.");
  }
  if (::access(path.c_str(), R_OK) != 0) {
    return Status(error_code::kModelNotFound,
                  "The model file " + name + " cannot be read: " + std::strerror(errno) + ".",
                  "Check the permissions of the file and its folders.");
  }
  if (kind != std::filesystem::file_type::regular) {
    return Status(error_code::kModelInvalid, "Expected a model file, but " + name + " is no regular file.",
                  "Write the model to a file, or give its bytes.");
  }
  if (std::filesystem::file_size(path, error) == 0) {
    return Status(error_code::kModelInvalid, "The model file " + name + " is empty.", kNotAModelHint);
  }
  return {};
}

}  // namespace foveate
