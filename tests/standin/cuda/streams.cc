// Streams and events.
#include <utility>

#include "driver.h"
#include "standin.h"

using namespace foveate::cuda::standin;

CUresult cuStreamCreate(CUstream* handle, unsigned flags) noexcept {
  STANDIN_ENTER(cuStreamCreate, kContext);
  if (flags > 1) return result::kInvalidValue;
  auto stream = std::make_shared<Stream>(*call.device);
  *handle = reinterpret_cast<CUstream>(stream.get());
  driver().streams.emplace(*handle, std::move(stream));
  return result::kSuccess;
}

// Returns at once; what was enqueued is still done.
CUresult cuStreamDestroy_v2(CUstream handle) noexcept {
  STANDIN_ENTER(cuStreamDestroy_v2, kContext);
  const auto stream = stream_of(call, handle);
  if (!stream) return kInvalidHandle;
  if (const auto capture = stream->capture) {
    capture->invalid = true;
    if (capture->origin == stream.get()) std::erase(driver().captures, capture);
  }
  stream->close(false);
  driver().streams.erase(handle);
  return result::kSuccess;
}

CUresult cuStreamQuery(CUstream handle) noexcept {
  STANDIN_ENTER(cuStreamQuery, kContext);
  const auto stream = stream_of(call, handle);
  if (!stream) return kInvalidHandle;
  if (stream->capture) {
    stream->capture->invalid = true;
    return kCaptureUnsupported;
  }
  if (const CUresult spoiled = spoil_captures(); spoiled != result::kSuccess) return spoiled;
  return stream->idle() ? call.device->fault() : result::kNotReady;
}

CUresult cuStreamWaitEvent(CUstream handle, CUevent event_handle, unsigned flags) noexcept {
  STANDIN_ENTER(cuStreamWaitEvent, kContext);
  const auto stream = stream_of(call, handle);
  Event* const event = event_of(call, event_handle);
  if (!stream || event == nullptr || flags != 0) return kInvalidHandle;
  const auto capture = event->capture.lock();
  if (!event->captured) {
    if (stream->capture) {
      stream->capture->invalid = true;
      return kCaptureIsolation;
    }
    if (!event->last) return result::kSuccess;
    Work work;
    work.wait = event->last;
    return put(*stream, std::move(work));
  }
  if (!capture) return kCapturedEvent;
  if (stream->capture && stream->capture != capture) return kCaptureMerge;
  // It takes part in the capture from here on, or waits for one that does. The order of the graph is that of the calls.
  if (!stream->capture) {
    stream->capture = capture;
    capture->unjoined.insert(stream.get());
  }
  capture->unjoined.erase(event->recorded_in);
  return result::kSuccess;
}

CUresult cuLaunchHostFunc(CUstream handle, void (*function)(void* data), void* data) noexcept {
  STANDIN_ENTER(cuLaunchHostFunc, kContext);
  const auto stream = stream_of(call, handle);
  if (!stream) return kInvalidHandle;
  Work work;
  work.body = [function, data] { function(data); };
  work.duration = Settings::instance().durations().work;
  return put(*stream, std::move(work));
}

CUresult cuEventCreate(CUevent* handle, unsigned flags) noexcept {
  STANDIN_ENTER(cuEventCreate, kContext);
  if (flags > 3) return result::kInvalidValue;
  auto event = std::make_unique<Event>(Event{call.device, (flags & kEventDisableTiming) == 0, nullptr, {}});
  *handle = reinterpret_cast<CUevent>(event.get());
  driver().events.emplace(*handle, std::move(event));
  return result::kSuccess;
}

CUresult cuEventDestroy_v2(CUevent handle) noexcept {
  STANDIN_ENTER(cuEventDestroy_v2, kContext);
  if (event_of(call, handle) == nullptr) return kInvalidHandle;
  driver().events.erase(handle);
  return result::kSuccess;
}

CUresult cuEventRecord(CUevent handle, CUstream stream_handle) noexcept {
  STANDIN_ENTER(cuEventRecord, kContext);
  const auto stream = stream_of(call, stream_handle);
  Event* const event = event_of(call, handle);
  if (!stream || event == nullptr) return kInvalidHandle;
  event->capture = stream->capture;
  event->captured = stream->capture != nullptr;
  event->recorded_in = stream.get();
  // In a graph it is only an order between streams: nothing of it is left when that is launched.
  if (event->captured) return stream->capture->invalid ? kCaptureInvalidated : result::kSuccess;
  event->last = stream->end();
  return result::kSuccess;
}

CUresult cuEventQuery(CUevent handle) noexcept {
  STANDIN_ENTER(cuEventQuery, kContext);
  Event* const event = event_of(call, handle);
  if (event == nullptr) return kInvalidHandle;
  if (event->captured) return kCapturedEvent;
  if (const CUresult spoiled = spoil_captures(); spoiled != result::kSuccess) return spoiled;
  return event->last && !event->last->reached() ? result::kNotReady : call.device->fault();
}

CUresult cuEventSynchronize(CUevent handle) noexcept {
  STANDIN_ENTER(cuEventSynchronize, kContext);
  Event* const event = event_of(call, handle);
  if (event == nullptr) return kInvalidHandle;
  if (event->captured) return kCapturedEvent;
  if (const CUresult spoiled = spoil_captures(); spoiled != result::kSuccess) return spoiled;
  return event->last ? wait_for(call, MarkPtr(event->last)) : result::kSuccess;
}

CUresult cuEventElapsedTime(float* milliseconds, CUevent start_handle, CUevent end_handle) noexcept {
  STANDIN_ENTER(cuEventElapsedTime, kContext);
  Event* const start = event_of(call, start_handle);
  Event* const end = event_of(call, end_handle);
  if (start == nullptr || end == nullptr || !start->timed || !end->timed || !start->last || !end->last)
    return kInvalidHandle;
  if (start->captured || end->captured) return kCapturedEvent;
  if (!start->last->reached() || !end->last->reached()) return result::kNotReady;
  *milliseconds = std::chrono::duration<float, std::milli>(end->last->time() - start->last->time()).count();
  return result::kSuccess;
}
