// How the context of a lane ends.
#pragma once

#include <memory>

#include "runtime/cuda/stream.h"

namespace foveate::tensorrt {

class TrtContext;

// Frees it once the GPU is done with what aborted runs left there. A GPU that hangs must keep neither a lane nor the
// end of a worker or of the process waiting: after a bound the context is given up. With it stay the engine, its memory
// and its share in the device, since whatever of that is freed may be written to, or wait for the GPU. On any thread.
void close(std::unique_ptr<TrtContext> context) noexcept;

// Of all models: work that `mark` stands behind goes on, and nobody waits for it; and it is known to be done.
void leave_behind(std::shared_ptr<cuda::Event> mark);
void caught_up(const std::shared_ptr<cuda::Event>& mark);
// Whether all that was left behind on a device is done.
bool is_quiet(const cuda::Device& device);

// Frees those that were given up and are done by now. Called before a model is opened.
void free_abandoned() noexcept;

// Whether some were given up and not freed since. Threads of theirs are inside the driver then: a process that ends has
// to do so without the destructors of libraries.
bool has_abandoned() noexcept;

}  // namespace foveate::tensorrt
