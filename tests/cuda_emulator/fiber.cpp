#include "fiber.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace emulator {

constexpr std::size_t page = 4096, stack_bytes = 256 * 1024;

Fiber make_fiber() {
  void* memory =
      mmap(nullptr, page + stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, page, PROT_NONE) != 0) std::abort();
  Fiber fiber;
  fiber.stack = static_cast<char*>(memory) + page;
  fiber.bytes = stack_bytes;
  return fiber;
}

void free_fiber(Fiber& fiber) { munmap(fiber.stack - page, page + fiber.bytes); }

#if defined(__x86_64__)
// System V ABI: rbx, rbp and r12 to r15 outlive a call, and so does the stack.
extern "C" void gcmc_emulator_switch(void** save, void* load);
asm(R"(
.text
.type gcmc_emulator_switch, @function
gcmc_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size gcmc_emulator_switch, .-gcmc_emulator_switch
)");

static void prepare(Fiber& fiber, void (*entry)()) {
  void* top[8] = {nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, reinterpret_cast<void*>(entry), nullptr};
  char* address = fiber.stack + fiber.bytes - 64;  // entry finds the stack 8 bytes past a multiple of 16
  std::memcpy(address, top, sizeof top);
  fiber.stack_pointer = address;
}
static void change(Fiber& from, Fiber& to) { gcmc_emulator_switch(&from.stack_pointer, to.stack_pointer); }
#else
static ucontext_t& context(Fiber& fiber) {
  if (!fiber.stack_pointer) fiber.stack_pointer = new ucontext_t;  // kept with the stack, which is used again
  return *static_cast<ucontext_t*>(fiber.stack_pointer);
}
static void prepare(Fiber& fiber, void (*entry)()) {
  ucontext_t& made = context(fiber);
  getcontext(&made);
  made.uc_stack.ss_sp = fiber.stack;
  made.uc_stack.ss_size = fiber.bytes;
  makecontext(&made, entry, 0);
}
static void change(Fiber& from, Fiber& to) { swapcontext(&context(from), &context(to)); }
#endif

void start(Fiber& fiber, void (*entry)()) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(fiber.stack, fiber.bytes);  // frames of a computation that was given up
  fiber.sanitizer_state = nullptr;
#endif
  prepare(fiber, entry);
}

void switch_fiber(Fiber& from, Fiber& to) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&from.sanitizer_state, to.stack, to.bytes);
  change(from, to);
  __sanitizer_finish_switch_fiber(from.sanitizer_state, nullptr, nullptr);
#else
  change(from, to);
#endif
}

void entered([[maybe_unused]] Fiber& from) {
#if defined(__SANITIZE_ADDRESS__)
  const void* stack = nullptr;
  std::size_t bytes = 0;
  __sanitizer_finish_switch_fiber(nullptr, &stack, &bytes);
  if (!from.stack) {
    from.stack = static_cast<char*>(const_cast<void*>(stack));
    from.bytes = bytes;
  }
#endif
}

}  // namespace emulator
