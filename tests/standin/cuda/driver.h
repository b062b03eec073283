// What the functions of CUDA share here: one lock, the objects that live, and how a call begins.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <type_traits>
#include <vector>

#include "device.h"
#include "settings.h"
#include "stream.h"

// The functions, with the signatures of the table, so that both cannot differ.
extern "C" {
using namespace foveate::cuda;
#define STANDIN_DECLARE(name, parameters) CUresult name parameters noexcept;
FOVEATE_CUDA_FUNCTIONS(STANDIN_DECLARE)
#undef STANDIN_DECLARE
}

namespace foveate::cuda::standin {

// Errors that the code that is tested does not tell apart.
inline constexpr CUresult kNotInitialized = 3;
inline constexpr CUresult kInvalidDevice = 101;
inline constexpr CUresult kInvalidContext = 201;
inline constexpr CUresult kInvalidHandle = 400;
inline constexpr CUresult kAlreadyRegistered = 712;
inline constexpr CUresult kNotRegistered = 713;
inline constexpr CUresult kCaptureUnsupported = 900;
inline constexpr CUresult kCaptureInvalidated = 901;
inline constexpr CUresult kCaptureMerge = 902;
inline constexpr CUresult kCaptureUnmatched = 903;
inline constexpr CUresult kCaptureUnjoined = 904;
inline constexpr CUresult kCaptureIsolation = 905;
inline constexpr CUresult kCapturedEvent = 907;
inline constexpr CUresult kCaptureWrongThread = 908;

struct Driver {
  std::mutex mutex;  // of all here; the devices are there from the start on
  bool started = false;
  std::vector<std::unique_ptr<Device>> devices;
  std::map<CUstream, std::shared_ptr<Stream>> streams;
  std::map<CUevent, std::unique_ptr<Event>> events;
  std::map<CUgraph, std::shared_ptr<Graph>> graphs;
  std::map<CUgraphExec, std::shared_ptr<Graph>> executables;
  std::vector<std::shared_ptr<Capture>> captures;
};

Driver& driver();  // leaked

// The devices whose contexts this thread has pushed; the last is current. Null: none.
std::vector<Device*>& context_stack();

// What a call begins with: the lock, the current device, and why nothing is to be done.
struct Call {
  std::unique_lock<std::mutex> lock;
  Device* device = nullptr;
  CUresult error = result::kSuccess;
};

enum class Needs { kNothing, kDriver, kContext };

Call enter(const char* function, Needs needs);

#define STANDIN_ENTER(function, needs)        \
  Call call = enter(#function, Needs::needs); \
  if (call.error != result::kSuccess) return call.error

// An object by its handle; null where there is none, or where it belongs to another device than the current.
std::shared_ptr<Stream> stream_of(const Call& call, CUstream handle);
Event* event_of(const Call& call, CUevent handle);

// Puts work into the stream, or into the graph that is captured of it.
CUresult put(Stream& stream, Work work);
// For calls that could wait for work that is captured, and never runs: they spoil the captures that are to be kept from
// them, and fail.
CUresult spoil_captures();
// Waits without the lock; the fault of the device, if any.
CUresult wait_for(Call& call, const MarkPtr& mark);

// All that lives in the context of a device goes. What runs there ends first.
void destroy_context(Device& device);

}  // namespace foveate::cuda::standin
