// Hot loops are compiled for several sets of instructions; which one runs is decided on the machine. On arm64, NEON is
// part of the baseline, and nothing needs to be decided.
#pragma once

#include <cstdint>
#include <utility>

namespace foveate {

enum class Instructions : std::uint8_t { kBaseline, kAvx2, kAvx512 };

// The widest set that this processor and system have, no wider than the limit.
Instructions best_instructions();

// So that tests can run every path. Affects all threads.
void limit_instructions(Instructions limit);

// Goes before the body of a lambda that is given to `with_best_instructions`: []() FOVEATE_HOT { ... }
#define FOVEATE_HOT __attribute__((always_inline))

#if defined(__x86_64__)

namespace instructions {

// FMA is left out: what it rounds once, the baseline rounds twice, and results shall not depend on the machine.
template <typename Loop>
[[gnu::target("avx2"), gnu::noinline]] void run_avx2(Loop& loop) {
  loop();
}

template <typename Loop>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl"), gnu::noinline]] void run_avx512(Loop& loop) {
  loop();
}

}  // namespace instructions

// Runs a loop, which is compiled once for each set. It should work on local pointers: what it captures by reference may
// change under the compiler's eyes.
template <typename Loop>
void with_best_instructions(Loop&& loop) {
  switch (best_instructions()) {
    case Instructions::kAvx512:
      return instructions::run_avx512(loop);
    case Instructions::kAvx2:
      return instructions::run_avx2(loop);
    case Instructions::kBaseline:
      return loop();
  }
}

#else

template <typename Loop>
void with_best_instructions(Loop&& loop) {
  loop();
}

#endif

}  // namespace foveate
