#include "core/executor.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>
#include <utility>

namespace foveate {
namespace {

// The lowest priority. With as many busy threads as cores, the JavaScript thread would wait for the end of a lane's
// time slice (some milliseconds) whenever it wakes.
constexpr int kNiceness = 19;

// Linux lets a thread that wakes interrupt another at once where its slice is the shorter one, which that of the
// JavaScript thread is then: some 1 to 3 ms. The threads that an engine starts from a lane inherit both.
constexpr std::uint64_t kSliceNanoseconds = 5'000'000;

// Of this thread alone, as Linux has it. A kernel that knows no slices (before 6.12) or forbids to set them goes by the
// priority.
void yield_to_javascript() {
  ::setpriority(PRIO_PROCESS, 0, kNiceness);
  // The first version of the kernel's `struct sched_attr`.
  struct {
    std::uint32_t size;
    std::uint32_t policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime;
    std::uint64_t deadline;
    std::uint64_t period;
  } const attributes{sizeof(attributes), SCHED_OTHER, 0, kNiceness, 0, kSliceNanoseconds, 0, 0};
  ::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

// Tells the core that this is a loop that waits.
void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

struct Executor::State {
  explicit State(std::chrono::microseconds patience) : patience(patience) {}

  const std::chrono::microseconds patience;
  std::mutex mutex;
  std::condition_variable work;      // a task came, or no more will
  std::condition_variable finished;  // a lane ended
  std::deque<Task> tasks;
  std::atomic<bool> has_tasks = false;  // may be read without the mutex
  std::size_t running_lanes = 0;
  bool stopping = false;

  void run_lane(std::size_t lane) {
    std::unique_lock lock(mutex);
    while (true) {
      if (tasks.empty() && !stopping) look_for_tasks(lock);
      work.wait(lock, [this] { return stopping || !tasks.empty(); });
      if (tasks.empty()) break;
      Task task = std::move(tasks.front());
      tasks.pop_front();
      has_tasks.store(!tasks.empty(), std::memory_order_relaxed);
      lock.unlock();
      task(lane);
      task = nullptr;  // what the task owned is freed before the lane waits again
      lock.lock();
    }
    --running_lanes;
    finished.notify_all();
  }

  void look_for_tasks(std::unique_lock<std::mutex>& lock) {
    if (patience.count() == 0) return;
    lock.unlock();
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!has_tasks.load(std::memory_order_relaxed) && std::chrono::steady_clock::now() < until) relax();
    lock.lock();
  }
};

Executor::Executor(std::size_t lanes, std::string name, std::chrono::microseconds patience)
    : state_(std::make_shared<State>(patience)) {
  for (; lanes_ < lanes; ++lanes_) {
    auto run = [state = state_, lane = lanes_, thread_name = name.substr(0, 12) + "/" + std::to_string(lanes_)] {
      pthread_setname_np(pthread_self(), thread_name.substr(0, 15).c_str());
      yield_to_javascript();
      state->run_lane(lane);
    };
    {
      std::lock_guard lock(state_->mutex);
      ++state_->running_lanes;
    }
    try {
      // Detached, with the end of each lane told by `finished`: a join has no bound.
      std::thread(std::move(run)).detach();
    } catch (const std::exception&) {
      std::lock_guard lock(state_->mutex);
      --state_->running_lanes;
      return;
    }
  }
}

Executor::~Executor() {
  std::unique_lock lock(state_->mutex);
  if (state_->stopping) return;  // `stop` waited as long as its caller was willing to
  state_->stopping = true;
  state_->work.notify_all();
  state_->finished.wait(lock, [this] { return state_->running_lanes == 0; });
}

bool Executor::submit(Task task) {
  if (lanes_ == 0) return false;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->stopping) return false;
    state_->tasks.push_back(std::move(task));
    state_->has_tasks.store(true, std::memory_order_relaxed);
  }
  state_->work.notify_one();
  return true;
}

bool Executor::stop(std::chrono::milliseconds bound) {
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->work.notify_all();
  return state_->finished.wait_for(lock, bound, [this] { return state_->running_lanes == 0; });
}

std::size_t Executor::queued() const {
  std::lock_guard lock(state_->mutex);
  return state_->tasks.size();
}

}  // namespace foveate
