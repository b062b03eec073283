#include "core/executor.h"

#include <pthread.h>

#include <exception>
#include <thread>
#include <utility>

namespace foveate {

struct Executor::State {
  std::mutex mutex;
  std::condition_variable work;      // a task came, or no more will
  std::condition_variable finished;  // a lane ended
  std::deque<Task> tasks;
  std::size_t running_lanes = 0;
  bool stopping = false;

  void run_lane(std::size_t lane) {
    std::unique_lock lock(mutex);
    while (true) {
      work.wait(lock, [this] { return stopping || !tasks.empty(); });
      if (tasks.empty()) break;
      Task task = std::move(tasks.front());
      tasks.pop_front();
      lock.unlock();
      task(lane);
      task = nullptr;  // what the task owned is freed before the lane waits again
      lock.lock();
    }
    --running_lanes;
    finished.notify_all();
  }
};

Executor::Executor(std::size_t lanes, std::string name) : state_(std::make_shared<State>()) {
  for (; lanes_ < lanes; ++lanes_) {
    auto run = [state = state_, lane = lanes_, thread_name = name.substr(0, 12) + "/" + std::to_string(lanes_)] {
      pthread_setname_np(pthread_self(), thread_name.substr(0, 15).c_str());
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
