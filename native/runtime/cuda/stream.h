// A queue of work for a GPU, and the marks in it. Both belong to one lane; what is enqueued runs later, in order. They
// are destroyed on any thread, and do not wait for what is still in flight: see memory.h.
//
// An error may be that of earlier work, which shows at the next call.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>

#include "core/status.h"
#include "runtime/cuda/device.h"

namespace foveate::cuda {

enum class Wait : std::uint8_t {
  kBlocking,  // sleeps until the GPU is done: some tens of microseconds later than
  kSpinning,  // asks again and again, and takes a core for it
};

// A mark in a stream, which counts as reached before it is first recorded. Move-only.
class Event {
 public:
  enum class Timing : std::uint8_t { kOff, kOn };

  static Result<Event> create(std::shared_ptr<Device> device, Timing timing = Timing::kOff);
  Event(Event&& other) noexcept;
  Event& operator=(Event&& other) noexcept;
  ~Event();

  // Returns when all work before the last record is done.
  Status synchronize(Wait wait = Wait::kBlocking);
  // Whether it is.
  Result<bool> reached() const;
  // The time of the GPU between two events with timing; both must have been reached. Half a microsecond exact.
  Result<std::chrono::nanoseconds> elapsed_since(const Event& start) const;

  Device& device() const { return *device_; }
  CUevent native() const { return event_; }

 private:
  Event(DeviceUse device, CUevent event) : device_(std::move(device)), event_(event) {}

  DeviceUse device_;
  CUevent event_;  // null once moved from
};

// Move-only.
class Stream {
 public:
  // One that does not wait for the stream that everybody shares (CU_STREAM_NON_BLOCKING).
  static Result<Stream> create(std::shared_ptr<Device> device);
  Stream(Stream&& other) noexcept;
  Stream& operator=(Stream&& other) noexcept;
  ~Stream();

  // Enqueue a copy; the caller has checked the sizes. Host memory should be pinned: any other is first copied by this
  // thread, and a copy to it waits for all that is before it in the stream.
  Status copy_to_device(void* to, const void* from, std::size_t bytes);
  Status copy_to_host(void* to, const void* from, std::size_t bytes);
  Status copy_on_device(void* to, const void* from, std::size_t bytes);

  // Enqueue a mark, and a wait for the mark of another stream as it was last recorded.
  Status record(Event& event);
  Status wait(const Event& event);

  // Returns when all that was enqueued is done; with an error, too, the GPU no longer touches memory of it. INTERNAL
  // while a graph is captured: nothing runs then.
  Status synchronize(Wait wait = Wait::kBlocking);
  // Whether all is done.
  Result<bool> idle() const;

  Device& device() const { return *device_; }
  // For TensorRT, which takes it as a void*.
  CUstream native() const { return stream_; }

 private:
  friend class Graph;

  Stream(DeviceUse device, CUstream stream, Event done)
      : device_(std::move(device)), stream_(stream), done_(std::move(done)) {}
  Status copied(CUresult result, CopyKind kind, std::size_t bytes);
  void count(CopyKind kind, CopyCount count);

  DeviceUse device_;
  CUstream stream_;  // null once moved from
  Event done_;       // what a blocking synchronize waits for
  bool capturing_ = false;
  std::array<CopyCount, 3> captured_ = {};  // copies of the graph that is being captured
};

}  // namespace foveate::cuda
