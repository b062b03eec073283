// What objects of the stand-in are made of in the layout of foveate's own table, slots.generated.h: of TensorRT 8 and
// 10, whose headers are not at hand. A wrong slot of theirs does not show here, but what differs between these releases
// and the others does: dimensions of 32 bits, the shapes of callbacks, methods that are absent.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "engine.h"
#include "network.h"
#include "runtime/tensorrt/dims.h"
#include "runtime/tensorrt/slots.generated.h"

namespace foveate::standin::table {

namespace standin = foveate::standin;
namespace abi = foveate::tensorrt::abi;
using abi::Interface;

constexpr auto kReleases = static_cast<abi::Releases>(STANDIN_RELEASES);
constexpr bool kNarrow = kReleases == abi::Releases::kTrt8;
constexpr standin::Release kRelease{kReleases, kNarrow ? 8601 : 101501};
constexpr abi::Version kVersion{kReleases, kRelease.version};
constexpr std::int32_t kRefitFlag = kNarrow ? 5 : 4;
constexpr std::size_t kSlots = 128;

[[noreturn]] inline void unused() noexcept {
  std::fprintf(stderr, "The stand-in of TensorRT was called by a slot that is not in foveate's table\n");
  std::abort();
}

class Table {
 public:
  Table() { std::ranges::fill(slots_, reinterpret_cast<void*>(&unused)); }

  template <typename R, typename... A>
  Table& put(const abi::Method<R(A...)>& method, R (*function)(Interface*, A...) noexcept) {
    return place(method.slots[static_cast<std::size_t>(kReleases)], reinterpret_cast<void*>(function));
  }
  template <typename R, typename... A>
  Table& put(const abi::NewerMethod<R(A...)>& method, R (*function)(Interface*, A...) noexcept) {
    const abi::Slot& slot = method.slots[static_cast<std::size_t>(kReleases)];
    return slot.in(kVersion) ? place(slot.index, reinterpret_cast<void*>(function)) : *this;
  }
  // For a function that gives dimensions.
  template <typename... A, typename Given>
  Table& put_dims(const abi::Method<abi::Dims(A...)>& method, Given (*function)(Interface*, A...) noexcept) {
    return place(method.slots[static_cast<std::size_t>(kReleases)], reinterpret_cast<void*>(function));
  }
  void* const* slots() const { return slots_; }

 private:
  Table& place(std::int16_t slot, void* function) {
    slots_[slot] = function;
    return *this;
  }

  void* slots_[kSlots];
};

using GivenDims = std::conditional_t<kNarrow, abi::Dims32, abi::Dims>;

inline GivenDims theirs(const foveate::Dims& dims) {
  const foveate::tensorrt::ForeignDims foreign(dims, kReleases);
  GivenDims given;
  std::memcpy(static_cast<void*>(&given), foreign.reference(), sizeof(given));
  return given;
}

// What a question for a shape is answered with.
inline GivenDims shape_answer(const foveate::Dims& dims) {
  GivenDims given = theirs(dims);
  if (standin::Injection::instance().due("no-shape")) given.rank = -1;
  return given;
}

// A handle and its implementation in one: the table of destructors first, as the interface has it.
template <typename Logic>
struct Object : abi::Handle {
  struct Implementation : Interface {
    Object* object;
  };

  template <typename... Arguments>
  explicit Object(Arguments&&... arguments) : logic{std::forward<Arguments>(arguments)...} {
    static void* const destructors[2] = {reinterpret_cast<void*>(&unused), reinterpret_cast<void*>(&Object::destroy)};
    table = destructors;
    methods.table = Logic::table().slots();
    methods.object = this;
    implementation = &methods;
  }
  static void destroy(abi::Handle* self) noexcept { delete static_cast<Object*>(self); }

  Logic logic;
  Implementation methods;
};

template <typename Logic>
Logic& of(Interface* self) {
  return static_cast<typename Object<Logic>::Implementation*>(self)->object->logic;
}
template <typename Logic>
Logic& of(const abi::Handle* self) {
  return const_cast<Object<Logic>*>(static_cast<const Object<Logic>*>(self))->logic;
}

inline standin::Log log_of(void* logger) {
  return [logger = static_cast<Interface*>(logger)](standin::Severity severity, const std::string& message) {
    reinterpret_cast<void (*)(Interface*, abi::Severity, const char*)>(logger->table[0])(logger, severity,
                                                                                         message.c_str());
  };
}

struct Memory {
  static const Table& table() {
    static const Table made =
        Table()
            .put(
                abi::kHostMemoryData, +[](Interface* self) noexcept -> void* { return of<Memory>(self).bytes.data(); })
            .put(abi::kHostMemorySize, +[](Interface* self) noexcept { return of<Memory>(self).bytes.size(); });
    return made;
  }
  standin::Bytes bytes;
  standin::Counted counted{"memories"};
};

}  // namespace foveate::standin::table
