// What tests ask and tell: standin.h.
#include <algorithm>
#include <functional>
#include <string>

#include "driver.h"
#include "host_memory.h"
#include "standin.h"

using namespace foveate::cuda::standin;

namespace {

struct CopyNames {
  const char* copies;
  const char* bytes;
  CopyKind kind;
};
constexpr CopyNames kCopies[] = {{"uploads", "uploaded-bytes", CopyKind::kUpload},
                                 {"downloads", "downloaded-bytes", CopyKind::kDownload},
                                 {"device-copies", "device-copied-bytes", CopyKind::kOnDevice}};

std::int64_t sum(const std::function<std::size_t(Device&)>& count) {
  std::size_t total = 0;
  for (const auto& device : driver().devices) total += count(*device);
  return static_cast<std::int64_t>(total);
}

}  // namespace

bool standin_configure(const char* settings) noexcept { return Settings::instance().apply(settings); }

std::int64_t standin_count(const char* name) noexcept {
  const std::string what = name;
  if (what.starts_with("calls:")) return Settings::instance().calls(what.substr(6));
  std::lock_guard lock(driver().mutex);
  const auto size = [](const auto& objects) { return static_cast<std::int64_t>(objects.size()); };
  if (what == "contexts") return sum([](Device& device) -> std::size_t { return device.active ? 1 : 0; });
  if (what == "streams") return size(driver().streams);
  if (what == "busy-streams") {
    return std::ranges::count_if(driver().streams, [](const auto& entry) { return !entry.second->idle(); });
  }
  if (what == "events") return size(driver().events);
  if (what == "graphs") return size(driver().graphs);
  if (what == "executables") return size(driver().executables);
  if (what == "allocations") return sum([](Device& device) { return device.allocations(); });
  if (what == "allocated-bytes") return sum([](Device& device) { return device.allocated_bytes(); });
  if (what == "pinned") return static_cast<std::int64_t>(HostMemory::instance().count(false));
  if (what == "pinned-bytes") return static_cast<std::int64_t>(HostMemory::instance().bytes(false));
  if (what == "registrations") return static_cast<std::int64_t>(HostMemory::instance().count(true));
  if (what == "work") return sum([](Device& device) { return device.work_done(); });
  if (what == "busy-ns") return sum([](Device& device) { return device.busy_nanoseconds(); });
  for (const auto& [copies, bytes, kind] : kCopies) {
    if (what == copies) return sum([=](Device& device) { return device.copied(kind).copies; });
    if (what == bytes) return sum([=](Device& device) { return device.copied(kind).bytes; });
  }
  return -1;
}

// These take no lock of the driver: work that runs on a device calls them while others may wait for its end.
void* standin_device_view(const void* pointer) noexcept {
  for (const auto& device : driver().devices) {
    if (std::byte* const view = device->view(reinterpret_cast<CUdeviceptr>(pointer), 1)) return view;
  }
  return HostMemory::instance().holds(pointer, 1) ? const_cast<void*>(pointer) : nullptr;
}

void standin_pause(int ordinal, bool paused) noexcept {
  driver().devices.at(static_cast<std::size_t>(ordinal))->pause(paused);
}

void standin_lose(int ordinal, int error) noexcept {
  driver().devices.at(static_cast<std::size_t>(ordinal))->set_fault(error);
}

int standin_current_device() noexcept {
  const auto& stack = context_stack();
  return stack.empty() || stack.back() == nullptr ? -1 : stack.back()->ordinal;
}
