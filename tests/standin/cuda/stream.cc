#include "stream.h"

#include <sys/resource.h>

#include <utility>

namespace foveate::cuda::standin {

void Mark::reach() {
  std::lock_guard lock(mutex_);
  reached_ = true;
  time_ = std::chrono::steady_clock::now();
  changed_.notify_all();
}

bool Mark::reached() {
  std::lock_guard lock(mutex_);
  return reached_;
}

void Mark::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return reached_; });
}

std::chrono::steady_clock::time_point Mark::time() {
  std::lock_guard lock(mutex_);
  return time_;
}

Stream::Stream(Device& device) : device_(&device) {
  std::thread([device = device_, queue = queue_] {
    // A GPU does not wait for a processor: where that is allowed, its threads go before those of programs. A lane,
    // which yields to all others, would hand on its own priority.
    ::setpriority(PRIO_PROCESS, 0, -20);
    work(*device, queue);
  }).detach();
}

void Stream::enqueue(Work work) {
  std::lock_guard lock(queue_->mutex);
  queue_->waiting.push_back(std::move(work));
  queue_->changed.notify_all();
}

bool Stream::idle() {
  std::lock_guard lock(queue_->mutex);
  return queue_->waiting.empty() && !queue_->busy;
}

MarkPtr Stream::end() {
  auto mark = std::make_shared<Mark>();
  Work work;
  work.reach = mark;
  enqueue(std::move(work));
  return mark;
}

void Stream::close(bool dropped) {
  std::lock_guard lock(queue_->mutex);
  queue_->closed = true;
  queue_->dropped = dropped;
  queue_->changed.notify_all();
}

void Stream::work(Device& device, const std::shared_ptr<Queue>& queue) {
  for (;;) {
    Work next;
    {
      std::unique_lock lock(queue->mutex);
      queue->busy = false;
      queue->changed.wait(lock, [&] { return queue->closed || !queue->waiting.empty(); });
      if (queue->waiting.empty()) return;
      next = std::move(queue->waiting.front());
      queue->waiting.pop_front();
      queue->busy = true;
    }
    if (next.wait) next.wait->wait();
    if (next.body) device.run(next.body, next.duration, queue->dropped);
    if (next.reach) {
      // Who waits for the mark may ask the stream at once whether it is idle.
      std::unique_lock lock(queue->mutex);
      if (queue->waiting.empty()) queue->busy = false;
      lock.unlock();
      next.reach->reach();
    }
  }
}

}  // namespace foveate::cuda::standin
