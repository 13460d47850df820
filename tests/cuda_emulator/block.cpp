// Runs kernels: blocks one after another in a shuffled order, the threads of a block as fibers that run until they
// wait. Which one goes on then is random in some blocks; in others the warps have a random precedence, and the first
// runs as far as it can while the last has not begun.
#include <numeric>

#include "fiber.hpp"
#include "internal.hpp"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace emulator {
namespace {

struct Thread {
  uint3 index{};
  int number = 0;
  Fiber* fiber = nullptr;  ///< null before it starts and after it ends
  std::uint64_t result = 0;
};

struct Collective {
  unsigned mask = 0, arrived = 0;  ///< mask 0: none pending
  const char* name = nullptr;
  Fold fold = nullptr;
};

struct Warp {
  unsigned ready = 0, exited = 0, pending = 0;  ///< lanes, lanes, slots in use
  Collective slots[32];                         ///< by the lowest lane of the mask
  std::uint64_t value[32]{};
  int source[32]{};
};

struct Barrier {
  int arrived = 0, predicates = 0;
  const char* file = nullptr;
  int line = 0;
};

struct Block {
  const Launch* launch = nullptr;
  Fiber outside;
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<Fiber*> idle;
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  unsigned ready = 0;                ///< bit i: warp order[i] has ready lanes
  unsigned order[32]{}, rank[32]{};  ///< the warps by precedence, and their places in that order
  bool by_precedence = false;
  Thread* current = nullptr;
  Barrier barrier;
  int barrier_result = 0, finished = 0;
  bool abandoned = false;
};
Block block;

/// A set bit, at a random place or the lowest.
int pick_bit(unsigned bits, bool lowest) {
  const int turn = lowest ? 0 : static_cast<int>(random_below(32));
  return (std::countr_zero(std::rotr(bits, turn)) + turn) % 32;
}

void make_ready(unsigned warp, unsigned lanes) {
  block.warps[warp].ready |= lanes;
  block.ready |= 1u << block.rank[warp];
}

/// The lanes of a warp that exist.
unsigned lanes_of(unsigned warp) {
  const std::size_t left = block.threads.size() - warp * 32;
  return left >= 32 ? ~0u : ~(~0u << left);
}

/// Takes a ready thread, or null.
Thread* pick(bool by_precedence = block.by_precedence) {
  if (block.ready == 0) return nullptr;
  const int place = pick_bit(block.ready, by_precedence);
  const unsigned warp = block.order[place];
  unsigned& lanes = block.warps[warp].ready;
  const int lane = pick_bit(lanes, false);
  lanes &= ~(1u << lane);
  if (lanes == 0) block.ready &= ~(1u << place);
  return &block.threads[warp * 32 + static_cast<unsigned>(lane)];
}

void make_current(Thread* thread) {
  block.current = thread;
  threadIdx = thread->index;
}

void complete(Warp& warp, int slot) {
  Collective& collective = warp.slots[slot];
  std::uint64_t folded = 0;
  bool first = true;
  for (unsigned lanes = collective.arrived; lanes && collective.fold; lanes &= lanes - 1) {
    const std::uint64_t value = warp.value[std::countr_zero(lanes)];
    folded = first ? value : collective.fold(folded, value);
    first = false;
  }
  const auto number = static_cast<unsigned>(&warp - block.warps.data());
  for (unsigned lanes = collective.arrived; lanes; lanes &= lanes - 1) {
    const int lane = std::countr_zero(lanes), source = warp.source[lane];
    Thread& thread = block.threads[number * 32 + static_cast<unsigned>(lane)];
    // A value from a lane that takes no part is undefined: all ones, a NaN.
    const bool defined = source >= 0 && source < 32 && (collective.arrived >> source & 1);
    thread.result = collective.fold ? folded : defined ? warp.value[source] : ~std::uint64_t{0};
  }
  make_ready(number, collective.arrived);
  collective.mask = 0;
  warp.pending &= ~(1u << slot);
}

void complete_if_all_came(Warp& warp, int slot) {
  const Collective& collective = warp.slots[slot];
  if (((collective.arrived | warp.exited) & collective.mask) == collective.mask) complete(warp, slot);
}

void finish_current() {
  Thread& thread = *block.current;
  thread.fiber = nullptr;
  ++block.finished;
  Warp& warp = block.warps[static_cast<std::size_t>(thread.number / 32)];
  warp.exited |= 1u << thread.number % 32;
  for (unsigned slots = warp.pending; slots; slots &= slots - 1) complete_if_all_came(warp, std::countr_zero(slots));
}

void entry() {
  entered(block.outside);
  while (true) {
    Fiber* own = block.current->fiber;
    block.launch->call();
    finish_current();
    Thread* next = pick();
    if (next) make_current(next);
    if (next && !next->fiber) {
      next->fiber = own;
      continue;
    }
    block.idle.push_back(own);
    switch_fiber(*own, next ? *next->fiber : block.outside);
  }
}

void resume(Fiber& from, Thread* next) {
  if (!next) return switch_fiber(from, block.outside);
  if (!next->fiber) {
    if (block.idle.empty()) {
      block.fibers.push_back(std::make_unique<Fiber>(make_fiber()));
      block.idle.push_back(block.fibers.back().get());
    }
    next->fiber = block.idle.back();
    block.idle.pop_back();
    start(*next->fiber, entry);
  }
  make_current(next);
  if (next->fiber != &from) switch_fiber(from, *next->fiber);
}

void wait() { resume(*block.current->fiber, pick()); }

std::uint64_t collective(const char* name, unsigned mask, std::uint64_t value, int source, Fold fold) {
  Thread& self = *block.current;
  Warp& warp = block.warps[static_cast<std::size_t>(self.number / 32)];
  const int lane = self.number % 32;
  if (!(mask >> lane & 1)) kernel_fault(cudaErrorLaunchFailure, "%s: mask %08x lacks the calling lane", name, mask);
  const int slot = std::countr_zero(mask);
  Collective& pending = warp.slots[slot];
  if (pending.mask == 0) {
    pending = {mask, 0, name, fold};
    warp.pending |= 1u << slot;
  }
  if (pending.mask != mask || std::string_view(pending.name) != name)
    kernel_fault(cudaErrorLaunchFailure, "%s with mask %08x meets %s with mask %08x in one warp", name, mask,
                 pending.name, pending.mask);
  pending.arrived |= 1u << lane;
  warp.value[lane] = value;
  warp.source[lane] = source;
  complete_if_all_came(warp, slot);
  wait();
  return self.result;
}

void make_all_ready() {
  for (unsigned warp = 0; warp < block.warps.size(); ++warp) make_ready(warp, lanes_of(warp));
}

/// No thread can go on, and not all have finished.
std::string deadlock() {
  std::string what = text("deadlock: of %zu threads %d have exited", block.threads.size(), block.finished);
  if (block.barrier.arrived > 0)
    what += text(", %d wait at the barrier at %s:%d", block.barrier.arrived, block.barrier.file, block.barrier.line);
  for (const Warp& warp : block.warps)
    for (unsigned slots = warp.pending; slots; slots &= slots - 1) {
      const Collective& collective = warp.slots[std::countr_zero(slots)];
      what +=
          text(", warp %zu: lanes %08x of mask %08x wait at %s", static_cast<std::size_t>(&warp - block.warps.data()),
               collective.arrived, collective.mask, collective.name);
    }
  return what;
}

void prepare_threads() {
  const dim3 size = block.launch->block;
  block.threads.assign(std::size_t{size.x} * size.y * size.z, {});
  block.warps.assign((block.threads.size() + 31) / 32, {});
  for (unsigned i = 0; i < block.threads.size(); ++i) {
    block.threads[i].index = {i % size.x, i / size.x % size.y, i / size.x / size.y};
    block.threads[i].number = static_cast<int>(i);
  }
}

void order_warps() {
  block.by_precedence = random_below(4) != 0;
  std::iota(block.order, block.order + 32, 0u);
  for (std::size_t left = block.warps.size(); left > 1; --left)
    std::swap(block.order[left - 1], block.order[random_below(left)]);
  for (unsigned place = 0; place < 32; ++place) block.rank[block.order[place]] = place;
}

void run_block() {
  poison_shared_memory(block.launch->shared);
  order_warps();
  make_all_ready();
  for (unsigned warp = 0; warp < block.warps.size(); ++warp) block.warps[warp].exited = ~lanes_of(warp);
  block.finished = 0;
  resume(block.outside, pick());
  if (!block.abandoned && block.finished < static_cast<int>(block.threads.size())) {
    block.abandoned = true;
    const std::string what = deadlock();
    state().sticky = cudaErrorLaunchFailure;
    report(text("kernel %s, block (%u,%u,%u): %s", kernel_name(block.launch->kernel).c_str(), blockIdx.x, blockIdx.y,
                blockIdx.z, what.c_str()));
  }
  block.current = nullptr;
  if (const std::size_t behind = overrun_of_shared_memory(block.launch->shared))
    report(text("kernel %s, block (%u,%u,%u) wrote up to %zu bytes behind its %zu bytes of dynamic shared memory",
                kernel_name(block.launch->kernel).c_str(), blockIdx.x, blockIdx.y, blockIdx.z, behind,
                block.launch->shared));
}

void forget_abandoned() {
  block.idle.clear();
  for (auto& fiber : block.fibers) block.idle.push_back(fiber.get());
  block.ready = 0;
  block.barrier = {};
  block.abandoned = false;
}

/// In a frame of its own, which is left before the stack is given up.
__attribute__((noinline)) void report_fault(const std::string& what) {
  report(text("kernel %s, block (%u,%u,%u), thread (%u,%u,%u): %s", kernel_name(block.launch->kernel).c_str(),
              blockIdx.x, blockIdx.y, blockIdx.z, threadIdx.x, threadIdx.y, threadIdx.z, what.c_str()));
}

}  // namespace

bool kernel_is_running() { return block.current != nullptr; }

void run_kernel(const Launch& launch) {
  if (state().sticky != cudaSuccess) return;
  if (cudaError_t error; planted_kernel_failure(error)) {
    state().sticky = error;
    return;
  }
  block.launch = &launch;
  blockDim = launch.block;
  gridDim = launch.grid;
  prepare_threads();
  std::vector<unsigned> order(std::size_t{launch.grid.x} * launch.grid.y * launch.grid.z);
  std::iota(order.begin(), order.end(), 0u);
  for (std::size_t left = order.size(); left > 0 && !block.abandoned; --left) {
    std::swap(order[left - 1], order[random_below(left)]);
    const unsigned i = order[left - 1];
    blockIdx = {i % launch.grid.x, i / launch.grid.x % launch.grid.y, i / launch.grid.x / launch.grid.y};
    run_block();
  }
  if (block.abandoned) forget_abandoned();
  check_canaries(launch.kernel);
}

void kernel_fault(cudaError_t error, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  report_fault(text_of(format, arguments));
  va_end(arguments);
  state().sticky = error;
  block.abandoned = true;
  switch_fiber(*block.current->fiber, block.outside);  // whatever this stack owns is never destroyed: nothing may
  std::abort();
}

int block_barrier(bool predicate, const char* file, int line) {
  Barrier& barrier = block.barrier;
  if (barrier.arrived == 0) barrier = {0, 0, file, line};
  if (barrier.line != line || std::string_view(barrier.file) != file)
    kernel_fault(cudaErrorLaunchFailure, "waits at the barrier at %s:%d, other threads of its block at %s:%d", file,
                 line, barrier.file, barrier.line);
  ++barrier.arrived;
  barrier.predicates += predicate;
  if (barrier.arrived == static_cast<int>(block.threads.size())) {
    // Each reads the result before it can complete the next barrier.
    block.barrier_result = barrier.predicates;
    barrier.arrived = 0;
    make_all_ready();
  }
  wait();
  return block.barrier_result;
}

std::uint64_t exchange(const char* name, unsigned mask, std::uint64_t value, int source) {
  return collective(name, mask, value, source, nullptr);
}
std::uint64_t fold(const char* name, unsigned mask, std::uint64_t value, Fold operation) {
  return collective(name, mask, value, 0, operation);
}
int lane() { return block.current->number % 32; }
void yield() {
  Thread* self = block.current;
  make_ready(static_cast<unsigned>(self->number) / 32, 1u << self->number % 32);
  resume(*self->fiber, pick(false));  // whatever it waits for may come from a warp of lower precedence
}

}  // namespace emulator
