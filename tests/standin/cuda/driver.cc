#include "driver.h"

#include <utility>

#include "host_memory.h"

namespace foveate::cuda::standin {

#define STANDIN_CHECK(name, parameters) static_assert(std::is_same_v<decltype(&::name), decltype(Functions::name)>);
FOVEATE_CUDA_FUNCTIONS(STANDIN_CHECK)
#undef STANDIN_CHECK

namespace {

// Errors that leave a context useless.
bool is_fault(CUresult error) {
  return error == 46 || error == 214 || error == 220 || error == 226 || error == 700 || error == 702 || error == 710 ||
         (error >= 714 && error <= 719);
}

}  // namespace

Driver& driver() {
  static auto* const instance = new Driver;
  return *instance;
}

std::vector<Device*>& context_stack() {
  thread_local std::vector<Device*> stack;
  return stack;
}

Call enter(const char* function, Needs needs) {
  Call call;
  call.error = Settings::instance().call(function);
  call.lock = std::unique_lock(driver().mutex);
  call.device = context_stack().empty() ? nullptr : context_stack().back();
  if (call.error != result::kSuccess) {
    if (call.device != nullptr && is_fault(call.error)) call.device->set_fault(call.error);
  } else if (needs != Needs::kNothing && !driver().started) {
    call.error = kNotInitialized;
  } else if (needs == Needs::kContext) {
    if (call.device == nullptr) {
      call.error = kInvalidContext;
    } else {
      call.error = call.device->active ? call.device->fault() : result::kContextIsDestroyed;
    }
  }
  return call;
}

std::shared_ptr<Stream> stream_of(const Call& call, CUstream handle) {
  const auto found = driver().streams.find(handle);
  return found == driver().streams.end() || &found->second->device() != call.device ? nullptr : found->second;
}

Event* event_of(const Call& call, CUevent handle) {
  const auto found = driver().events.find(handle);
  return found == driver().events.end() || found->second->device != call.device ? nullptr : found->second.get();
}

CUresult put(Stream& stream, Work work) {
  if (!stream.capture) {
    stream.enqueue(std::move(work));
    return result::kSuccess;
  }
  Capture& capture = *stream.capture;
  if (capture.invalid) return kCaptureInvalidated;
  if (&stream != capture.origin) capture.unjoined.insert(&stream);
  capture.graph->work.push_back(std::move(work));
  return result::kSuccess;
}

CUresult spoil_captures() {
  CUresult error = result::kSuccess;
  for (const auto& capture : driver().captures) {
    if (capture->mode == 2 || (capture->mode == 1 && capture->thread != std::this_thread::get_id())) continue;
    capture->invalid = true;
    error = kCaptureUnsupported;
  }
  return error;
}

CUresult wait_for(Call& call, const MarkPtr& mark) {
  call.lock.unlock();
  mark->wait();
  return call.device->fault();
}

void destroy_context(Device& device) {
  for (auto entry = driver().streams.begin(); entry != driver().streams.end();) {
    if (&entry->second->device() != &device) {
      ++entry;
      continue;
    }
    entry->second->close(true);
    entry = driver().streams.erase(entry);
  }
  device.pause(false);
  const auto stopped = device.stop();
  std::erase_if(driver().events, [&](const auto& entry) { return entry.second->device == &device; });
  std::erase_if(driver().graphs, [&](const auto& entry) { return entry.second->device == &device; });
  std::erase_if(driver().executables, [&](const auto& entry) { return entry.second->device == &device; });
  std::erase_if(driver().captures, [&](const auto& capture) { return capture->graph->device == &device; });
  HostMemory::instance().free_all(device);
  device.free_all();
  device.clear_fault();
  device.active = false;
}

}  // namespace foveate::cuda::standin
