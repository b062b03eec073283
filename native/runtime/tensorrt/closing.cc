#include "runtime/tensorrt/closing.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <iterator>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "runtime/log.h"
#include "runtime/tensorrt/context.h"

namespace foveate::tensorrt {
namespace {

// An aborted run rarely takes as long, and the end of a process waits three seconds for all of it.
constexpr std::chrono::milliseconds kPatience{2000};

struct Abandoned {
  std::mutex mutex;
  std::vector<std::unique_ptr<TrtContext>> contexts;
};

// Leaked: what is in it must not be freed at exit.
Abandoned& abandoned() {
  static auto* const instance = new Abandoned;
  return *instance;
}

struct LeftBehind {
  std::mutex mutex;
  std::vector<std::shared_ptr<cuda::Event>> marks;
};

LeftBehind& left_behind() {
  static auto* const instance = new LeftBehind;
  return *instance;
}

// The last context of an engine frees that, too, which takes its time: without the lock.
std::vector<std::unique_ptr<TrtContext>> take_finished() {
  Abandoned& known = abandoned();
  std::lock_guard lock(known.mutex);
  std::vector<std::unique_ptr<TrtContext>> taken;
  taken.reserve(known.contexts.size());
  for (auto& context : known.contexts) {
    if (context->is_done_within(std::chrono::milliseconds(0))) taken.push_back(std::move(context));
  }
  std::erase(known.contexts, nullptr);
  return taken;
}

// Whether the GPU hung before: one that is hung is waited for once.
bool hangs(int device) {
  Abandoned& known = abandoned();
  std::lock_guard lock(known.mutex);
  return std::ranges::find(known.contexts, device, &TrtContext::device) != known.contexts.end();
}

}  // namespace

void leave_behind(std::shared_ptr<cuda::Event> mark) {
  std::lock_guard lock(left_behind().mutex);
  left_behind().marks.push_back(std::move(mark));
}

void caught_up(const std::shared_ptr<cuda::Event>& mark) {
  std::lock_guard lock(left_behind().mutex);
  std::erase(left_behind().marks, mark);
}

bool is_quiet(const cuda::Device& device) {
  std::lock_guard lock(left_behind().mutex);
  return std::ranges::all_of(left_behind().marks, [&](const auto& mark) {
    if (&mark->device() != &device) return true;
    const auto reached = mark->reached();
    return reached.ok() ? reached.value() : device.lost();
  });
}

void free_abandoned() noexcept {
  try {
    take_finished().clear();
  } catch (const std::exception&) {  // no memory for the list: another time
  }
}

bool has_abandoned() noexcept {
  std::lock_guard lock(abandoned().mutex);
  return !abandoned().contexts.empty();
}

void close(std::unique_ptr<TrtContext> context) noexcept {
  free_abandoned();
  const int device = context->device();
  if (!hangs(device) && context->is_done_within(kPatience)) return;
  TrtContext* const given_up = context.release();  // from here on for good where there is no memory for the list
  try {
    log({LogLevel::kWarning, "tensorrt", "",
         "GPU " + std::to_string(device) +
             " does not come to an end of an aborted run: its memory is kept until it does."});
    std::lock_guard lock(abandoned().mutex);
    abandoned().contexts.emplace_back(given_up);
  } catch (const std::exception&) {  // it stays, and nobody looks after it
  }
}

}  // namespace foveate::tensorrt
