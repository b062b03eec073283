// A thousand times all that a lane does, with a fault at each call of each function in turn: whatever fails, it is
// told, nothing leaks, nothing hangs, and the next round works.
#include <algorithm>
#include <string>
#include <utility>

#include "cuda_fixture.h"

namespace foveate::cuda {
namespace {

class CudaFaults : public CudaTest {
 protected:
  Status lost_and_recovered() {
    standin_lose(0, result::kLaunchFailed);
    EXPECT_EQ(code_of(device_->examine()), "DEVICE_LOST");
    return device_->recover();
  }
};

struct Fault {
  std::string function;
  int call;
};

// One lane's life: memory, a stream, a graph, two rounds.
Status live(const std::shared_ptr<Device>& device, int value, bool& right) {
  auto opened = Device::open(device->ordinal());
  if (!opened.ok()) return opened.take_status();
  auto stream = Stream::create(device);
  if (!stream.ok()) return stream.take_status();
  auto start = Event::create(device, Event::Timing::kOn);
  if (!start.ok()) return start.take_status();
  auto end = Event::create(device, Event::Timing::kOn);
  if (!end.ok()) return end.take_status();
  auto from = device->pinned_pool().allocate(4096);
  if (!from.ok()) return from.take_status();
  auto to = device->pinned_pool().allocate(4096);
  if (!to.ok()) return to.take_status();
  auto memory = device->device_pool().allocate(4096);
  if (!memory.ok()) return memory.take_status();
  auto more = device->device_pool().allocate(4096);
  if (!more.ok()) return more.take_status();
  std::byte buffer[64] = {};
  auto range = PinnedRange::pin(device, buffer, sizeof buffer);
  if (!range.ok()) return range.take_status();

  Stream& lane = stream.value();
  std::memset(from.value()->data(), value, 4096);
  const auto enqueue = [&]() -> Status {
    FOVEATE_RETURN_IF_ERROR(lane.copy_to_device(memory.value()->data(), from.value()->data(), 4096));
    FOVEATE_RETURN_IF_ERROR(lane.copy_on_device(more.value()->data(), memory.value()->data(), 4096));
    return lane.copy_to_host(to.value()->data(), more.value()->data(), 4096);
  };
  // A lane waits before it lets go of its memory, also after an error.
  const auto settle = [&](Status status) {
    Status waited = lane.synchronize();
    return status.ok() ? std::move(waited) : std::move(status);
  };
  FOVEATE_RETURN_IF_ERROR(lane.record(start.value()));
  FOVEATE_RETURN_IF_ERROR(settle(enqueue()));
  auto graph = Graph::capture(lane, enqueue);
  if (!graph.ok()) return graph.take_status();
  FOVEATE_RETURN_IF_ERROR(settle(graph.value().launch(lane)));
  FOVEATE_RETURN_IF_ERROR(lane.record(end.value()));
  FOVEATE_RETURN_IF_ERROR(end.value().synchronize());
  auto elapsed = end.value().elapsed_since(start.value());
  if (!elapsed.ok()) return elapsed.take_status();
  auto idle = lane.idle();
  if (!idle.ok()) return idle.take_status();
  FOVEATE_RETURN_IF_ERROR(device->examine());
  right = std::all_of(to.value()->data(), to.value()->data() + 4096,
                      [&](std::byte byte) { return byte == static_cast<std::byte>(value); });
  return {};
}

TEST_F(CudaFaults, OfEachCallInAThousandLives) {
  // How often a life that goes well calls each function.
  std::vector<Fault> faults;
  std::vector<std::pair<std::string, std::int64_t>> before;
#define COUNT(name, parameters) before.emplace_back(#name, standin_count("calls:" #name));
  FOVEATE_CUDA_FUNCTIONS(COUNT)
#undef COUNT
  device_->device_pool().trim();
  device_->pinned_pool().trim();
  bool right = false;
  ok(live(device_, 1, right));
  ASSERT_TRUE(right);
  device_->device_pool().trim();
  device_->pinned_pool().trim();
  for (const auto& [name, count] : before) {
    const std::int64_t calls = standin_count(("calls:" + name).c_str()) - count;
    for (int call = 1; call <= calls; ++call) faults.push_back({name, call});
  }
  ASSERT_GT(faults.size(), 60u);

  int failed = 0;
  for (int cycle = 0; cycle < 1000; ++cycle) {
    const Fault& fault = faults[static_cast<std::size_t>(cycle) % faults.size()];
    const int error = cycle % 3 == 0 ? 999 : cycle % 3 == 1 ? 700 : 2;
    configure("fail=" + fault.function + ":" + std::to_string(fault.call) + ":" + std::to_string(error));
    right = true;
    const Status status = live(device_, cycle % 200, right);
    EXPECT_TRUE(right);
    failed += !status.ok();
    if (error == 700 && !status.ok()) {
      EXPECT_EQ(code_of(status), "DEVICE_LOST") << fault.function;
    }
    configure("clear");
    ok(device_->recover());
    device_->device_pool().trim();
    device_->pinned_pool().trim();
    // One whose freeing was refused by an error that loses nothing is leaked by the driver, not by us.
    if (error != 700 && (fault.function.find("Destroy") != std::string::npos ||
                         fault.function.find("Free") != std::string::npos || fault.function == "cuMemHostUnregister" ||
                         fault.function == "cuCtxPushCurrent_v2" || fault.function == "cuCtxPopCurrent_v2")) {
      ok(lost_and_recovered());
    }
    for (const char* const kind :
         {"streams", "events", "graphs", "executables", "allocations", "pinned", "registrations"})
      ASSERT_EQ(standin_count(kind), 0) << kind << " after " << fault.function << " " << fault.call << " " << error;
  }
  EXPECT_GT(failed, 500);
}

TEST_F(CudaFaults, OfTheDeviceAtAnyPieceOfWork) {
  for (int work = 1; work <= 6; ++work) {
    for (const int error : {700, 710, 719}) {
      configure("lose-after=" + std::to_string(work) + ",lose-error=" + std::to_string(error));
      bool right = true;
      EXPECT_EQ(code_of(live(device_, 3, right)), "DEVICE_LOST") << work;
      configure("clear");
      ok(live(device_, 4, right));  // opening it recovers it
      EXPECT_TRUE(right);
    }
  }
}

}  // namespace
}  // namespace foveate::cuda
