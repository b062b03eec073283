// TensorRT or TensorRT-RTX, opened at run time: which one, which release, and what it can do on this machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "core/status.h"
#include "runtime/tensorrt/abi.h"

namespace foveate::tensorrt {

enum class Family : std::uint8_t { kTensorRt, kTensorRtRtx, kLean };

const char* family_name(Family family);                 // "tensorrt", "tensorrt-rtx", "tensorrt-lean"
const char* releases_name(abi::Releases releases);      // "trt10"
std::string version_text(const abi::Version& version);  // "10.15.1"

// Its functions. `create_builder` and `create_parser` are null where there is no builder (lean) or no parser.
struct Library {
  Family family;
  abi::Version version;
  std::filesystem::path path;
  std::filesystem::path parser_path;  // empty where there is none
  void* (*create_runtime)(void* logger, std::int32_t version) noexcept;
  void* (*create_refitter)(void* engine, void* logger, std::int32_t version) noexcept;  // null where there is none
  abi::Builder* (*create_builder)(void* logger, std::int32_t version) noexcept;
  abi::Parser* (*create_parser)(abi::Network* network, void* logger, int version) noexcept;
  int parser_version;

  // Why engines cannot be built on this machine; nothing where they can. It is looked for when asked, and takes some
  // milliseconds. What keeps them from running, cuda::machine() tells.
  std::optional<std::string> build_obstacle() const;
};

// Which releases a version number stands for; nothing where they are not known.
std::optional<abi::Releases> releases_of(std::int32_t number);

// Opens a library, and its ONNX parser where a path is given. The same paths give the same library, which is never
// closed. BACKEND_NOT_FOUND, BACKEND_INVALID where a file is something else, BACKEND_TOO_OLD for releases whose
// interface is not known, older or newer.
Result<std::shared_ptr<const Library>> open_library(const std::filesystem::path& path,
                                                    const std::filesystem::path& parser_path);

}  // namespace foveate::tensorrt
