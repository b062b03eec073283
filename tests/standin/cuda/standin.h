// What tests may ask of the stand-in driver, and tell it. Exported by the library beside the functions of CUDA.
//
// Settings are a text, KEY=VALUE separated by commas, given to standin_configure or, before the process starts, in the
// variable FOVEATE_STANDIN_CUDA:
//
//   devices=1 memory=BYTES capability=90 driver=12080   read when the driver starts; memory is that of each device
//   last-capability=89                                  that of the last device, where it is another
//   memory-limit=BYTES pinned-limit=BYTES               beyond it an allocation answers 2 (out of memory)
//   work-us=N copy-ns-per-kib=N                         how long each piece of work, and each copy, takes at least
//   fail=FUNCTION:N:ERROR                               the N-th call from now answers ERROR, once
//   fail-from=FUNCTION:N:ERROR                          that call, and all after it
//   lose-after=N lose-error=719                         the N-th piece of work from now loses its device
//   report=PATH                                         at exit the counts of standin_count are written there
//   reports=FOLDER                                      whoever connects to the Unix socket FOLDER/PID is told them as
//                                                       they are, and the time ("now-ns")
//   clear                                               forgets limits, durations, failures and losses
#pragma once

#include <cstdint>

#include "runtime/cuda/functions.h"

extern "C" {

// False where the text is not as above; what is before the mistake holds.
bool standin_configure(const char* settings) noexcept;

// What lives now: "contexts", "streams", "events", "graphs", "executables", "allocations", "allocated-bytes", "pinned",
// "pinned-bytes", "registrations"; "busy-streams", those with work to do; "calls:FUNCTION", how often it was called;
// "work", how many pieces of work were done, "busy-ns", how long the devices worked; copies that were done: "uploads",
// "downloads", "device-copies", and their bytes, "uploaded-bytes", "downloaded-bytes", "device-copied-bytes". -1 for
// another name.
std::int64_t standin_count(const char* name) noexcept;

// Where the bytes of a device pointer can be read and written, by work that runs on the device: the pointer itself
// cannot be. Pinned memory is where it is. Null where the memory was not allocated, or was freed.
void* standin_device_view(const void* pointer) noexcept;

// While a device is paused, no work starts on it.
void standin_pause(int ordinal, bool paused) noexcept;

// A fault of the device, as a kernel that reads a wrong address makes one: for work that the stand-in of TensorRT does.
void standin_lose(int ordinal, int error) noexcept;

// The device whose context is current on this thread; -1 where there is none.
int standin_current_device() noexcept;

// A host function, which here counts as work of the device: the stand-in of TensorRT computes in these. The driver has
// it as well, the table of functions does not.
int cuLaunchHostFunc(foveate::cuda::CUstream stream, void (*function)(void* data), void* data) noexcept;
}
