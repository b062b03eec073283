#include "runtime/cuda/stream.h"

#include <cmath>

namespace foveate::cuda {
namespace {

CUdeviceptr address(const void* data) { return reinterpret_cast<CUdeviceptr>(data); }

// Asks until the answer is another than "not yet".
template <typename Ask>
CUresult spin(const Ask& ask) {
  CUresult answer;
  do {
    answer = ask();
  } while (answer == result::kNotReady);
  return answer;
}

}  // namespace

Result<Event> Event::create(std::shared_ptr<Device> device, Timing timing) {
  auto use = DeviceUse::begin(std::move(device));
  if (!use.ok()) return use.take_status();
  Device& target = *use.value();
  CUevent event = nullptr;
  const unsigned flags = kEventBlockingSync | (timing == Timing::kOn ? 0 : kEventDisableTiming);
  FOVEATE_RETURN_IF_ERROR(target.check(target.functions().cuEventCreate(&event, flags), "No event was made"));
  return Event(std::move(use).value(), event);
}

Event::Event(Event&& other) noexcept
    : device_(std::move(other.device_)), event_(std::exchange(other.event_, nullptr)) {}

Event& Event::operator=(Event&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(event_, other.event_);
  return *this;
}

Event::~Event() {
  if (event_ == nullptr) return;
  const ContextScope scope(*device_);
  if (scope.entered()) (void)device_->check(device_->functions().cuEventDestroy_v2(event_), "An event was not freed");
}

Status Event::synchronize(Wait wait) {
  FOVEATE_RETURN_IF_ERROR(device_->make_current());
  const Functions& driver = device_->functions();
  const CUresult answer =
      wait == Wait::kBlocking ? driver.cuEventSynchronize(event_) : spin([&] { return driver.cuEventQuery(event_); });
  return device_->check(answer, "Work failed");
}

Result<bool> Event::reached() const {
  FOVEATE_RETURN_IF_ERROR(device_->make_current());
  const CUresult answer = device_->functions().cuEventQuery(event_);
  if (answer == result::kNotReady) return false;
  FOVEATE_RETURN_IF_ERROR(device_->check(answer, "Work failed"));
  return true;
}

Result<std::chrono::nanoseconds> Event::elapsed_since(const Event& start) const {
  FOVEATE_RETURN_IF_ERROR(device_->make_current());
  float milliseconds = 0;
  FOVEATE_RETURN_IF_ERROR(
      device_->check(device_->functions().cuEventElapsedTime(&milliseconds, start.event_, event_), "No time was told"));
  return std::chrono::nanoseconds(std::llround(1e6 * static_cast<double>(milliseconds)));
}

Result<Stream> Stream::create(std::shared_ptr<Device> device) {
  auto done = Event::create(device);
  if (!done.ok()) return done.take_status();
  auto use = DeviceUse::begin(std::move(device));
  if (!use.ok()) return use.take_status();
  Device& target = *use.value();
  CUstream stream = nullptr;
  FOVEATE_RETURN_IF_ERROR(
      target.check(target.functions().cuStreamCreate(&stream, kStreamNonBlocking), "No stream was made"));
  return Stream(std::move(use).value(), stream, std::move(done).value());
}

Stream::Stream(Stream&& other) noexcept
    : device_(std::move(other.device_)),
      stream_(std::exchange(other.stream_, nullptr)),
      done_(std::move(other.done_)),
      capturing_(other.capturing_),
      captured_(other.captured_) {}

Stream& Stream::operator=(Stream&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(stream_, other.stream_);
  std::swap(done_, other.done_);
  std::swap(capturing_, other.capturing_);
  std::swap(captured_, other.captured_);
  return *this;
}

Stream::~Stream() {
  if (stream_ == nullptr) return;
  const ContextScope scope(*device_);
  if (scope.entered()) (void)device_->check(device_->functions().cuStreamDestroy_v2(stream_), "A stream was not freed");
}

Status Stream::copy_to_device(void* to, const void* from, std::size_t bytes) {
  FOVEATE_RETURN_IF_ERROR(device_->make_current());
  return copied(device_->functions().cuMemcpyHtoDAsync_v2(address(to), from, bytes, stream_), CopyKind::kToDevice,
                bytes);
}

Status Stream::copy_to_host(void* to, const void* from, std::size_t bytes) {
  FOVEATE_RETURN_IF_ERROR(device_->make_current());
  return copied(device_->functions().cuMemcpyDtoHAsync_v2(to, address(from), bytes, stream_), CopyKind::kToHost, bytes);
}

Status Stream::copy_on_device(void* to, const void* from, std::size_t bytes) {
  FOVEATE_RETURN_IF_ERROR(device_->make_current());
  return copied(device_->functions().cuMemcpyDtoDAsync_v2(address(to), address(from), bytes, stream_),
                CopyKind::kOnDevice, bytes);
}

Status Stream::copied(CUresult answer, CopyKind kind, std::size_t bytes) {
  if (answer != result::kSuccess) return device_->check(answer, "A copy of " + std::to_string(bytes) + " bytes failed");
  count(kind, {1, bytes});
  return {};
}

void Stream::count(CopyKind kind, CopyCount count) {
  if (!capturing_) return device_->count_copies(kind, count);
  CopyCount& captured = captured_[static_cast<std::size_t>(kind)];
  captured.copies += count.copies;
  captured.bytes += count.bytes;
}

Status Stream::record(Event& event) {
  FOVEATE_RETURN_IF_ERROR(device_->make_current());
  return device_->check(device_->functions().cuEventRecord(event.native(), stream_), "An event was not recorded");
}

Status Stream::wait(const Event& event) {
  FOVEATE_RETURN_IF_ERROR(device_->make_current());
  return device_->check(device_->functions().cuStreamWaitEvent(stream_, event.native(), 0), "A stream does not wait");
}

Status Stream::synchronize(Wait wait) {
  if (capturing_) return {error_code::kInternal, "A stream was waited for while a graph was captured in it"};
  FOVEATE_RETURN_IF_ERROR(device_->usable());
  const Functions& driver = device_->functions();
  const auto spinning = [&] { return spin([&] { return driver.cuStreamQuery(stream_); }); };
  const auto blocking = [&] {
    const CUresult recorded = driver.cuEventRecord(done_.native(), stream_);
    return recorded == result::kSuccess ? driver.cuEventSynchronize(done_.native()) : recorded;
  };
  Status status = device_->make_current();
  if (status.ok()) status = device_->check(wait == Wait::kSpinning ? spinning() : blocking(), "Work failed");
  // A wait that was refused has not waited, and the caller is about to let go of the memory.
  if (!status.ok() && !device_->lost()) spinning();
  return status;
}

Result<bool> Stream::idle() const {
  FOVEATE_RETURN_IF_ERROR(device_->make_current());
  const CUresult answer = device_->functions().cuStreamQuery(stream_);
  if (answer == result::kNotReady) return false;
  FOVEATE_RETURN_IF_ERROR(device_->check(answer, "Work failed"));
  return true;
}

}  // namespace foveate::cuda
