// What tests may tell the stand-in of TensorRT, and ask of it. Exported beside TensorRT's own functions.
//
// Settings are a text, KEY=VALUE separated by commas, given to standin_tensorrt_configure or, before the library is
// opened, in the variable FOVEATE_STANDIN_TENSORRT:
//
//   latency-us=N        every run takes at least as long on the device
//   fail-enqueue=N      the N-th enqueue from now is refused; so are, with other reasons:
//   oom-enqueue=N       no memory
//   lose-enqueue=N      the kernel of that run is faulty: the device is lost
//   oom-context=N       the N-th execution context from now gets no memory
//   deaf-enqueue=N      the N-th enqueue from now is called a success, though an output got no memory
//   no-shape=N          the N-th question for a shape from now is answered with the rank -1
//   vectorised=N        under optimization profile N, tensors have a layout that is not linear
//   host-inputs=1       inputs of integers are read by the processor; profile N allows values of 10 N + 1 to 10 N + 10
//   capability=N        engines are built for, and expected to be for, this GPU
//   version=N           engines are built by, and expected to be of, this release
//   clear               forgets all of these
//
// A fault that is given twice is due twice: oom-enqueue=2,oom-enqueue=3.
#pragma once

#include <cstdint>

extern "C" {

// False where the text is not as above.
bool standin_tensorrt_configure(const char* settings) noexcept;

// What lives now: "builders", "networks", "configs", "parsers", "memories", "runtimes", "engines", "contexts",
// "inspectors", "refitters"; "enqueues" since the library was opened. -1 for another name.
std::int64_t standin_tensorrt_count(const char* name) noexcept;
}
