#include "core/instructions.h"

#include <atomic>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace foveate {
namespace {

#if defined(__x86_64__)

// Which registers the system saves when it switches threads (XCR0).
std::uint64_t saved_registers() {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (std::uint64_t{high} << 32) | low;
}

// Intel SDM, volume 1, 14.7.1 and 15.2: the processor must have the instructions, and the system must save the
// registers.
Instructions detect() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kOsxsave = 1u << 27;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kOsxsave) == 0) return Instructions::kBaseline;
  const std::uint64_t saved = saved_registers();
  constexpr std::uint64_t kYmm = 0x06;
  constexpr std::uint64_t kZmm = 0xE6;
  if ((saved & kYmm) != kYmm || __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return Instructions::kBaseline;
  constexpr unsigned kAvx2 = 1u << 5;
  constexpr unsigned kAvx512 = (1u << 16) | (1u << 17) | (1u << 30) | (1u << 31);  // F, DQ, BW, VL
  if ((b & kAvx512) == kAvx512 && (saved & kZmm) == kZmm) return Instructions::kAvx512;
  return (b & kAvx2) != 0 ? Instructions::kAvx2 : Instructions::kBaseline;
}

#else

Instructions detect() { return Instructions::kBaseline; }

#endif

std::atomic<Instructions> limit{Instructions::kAvx512};

}  // namespace

Instructions best_instructions() {
  static const Instructions detected = detect();
  const Instructions most = limit.load(std::memory_order_relaxed);
  return detected < most ? detected : most;
}

void limit_instructions(Instructions most) { limit.store(most, std::memory_order_relaxed); }

}  // namespace foveate
