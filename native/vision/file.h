// Reading a picture's file on a lane, so that libuv's threads are left to Node.
#pragma once

#include <string>

#include "core/cancel.h"
#include "core/memory.h"
#include "core/status.h"

namespace foveate {

// The whole file when it starts as a JPEG; MEDIA_UNSUPPORTED, without reading further, when it does not.
// MEDIA_NOT_FOUND where it cannot be read, MEDIA_INVALID where it is empty, MEDIA_TOO_LARGE above 512 MiB, ABORTED. The
// messages leave it to the caller to name the file.
Result<BlockPtr> read_picture_file(const std::string& path, MemoryPool& pool, const CancelToken* cancel);

}  // namespace foveate
