// The CPU backend: chooses the instruction set, owns scratch memory, hands operations to kernels.
#include "gcmc/cpu.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "available_threads.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/large_pages.hpp"
#include "kernels.hpp"

namespace gcmc {
namespace {

/// Kernels may read, never write, this many bytes behind an array.
constexpr std::size_t slack = 64;
/// Gathers over an array in huge pages miss the TLB far less.
constexpr std::size_t huge_page = std::size_t{2} << 20;
/// From so many bytes on, an array is a mapping of its own: the system clears a page when it is first touched, which
/// kernels do on all threads, and not at all if it never is.
constexpr std::size_t mapped = std::size_t{32} << 20;

/// Arrays of half such a page are given a whole one.
bool in_huge_pages(std::size_t bytes) { return bytes >= huge_page / 2; }
std::align_val_t alignment_of(std::size_t bytes) { return std::align_val_t{in_huge_pages(bytes) ? huge_page : 64}; }
std::size_t room_for(std::size_t bytes) {
  const std::size_t room = bytes + slack;
  return in_huge_pages(bytes) ? (room + huge_page - 1) / huge_page * huge_page : room;
}

/// Pages of the system's, which are zero, from a multiple of huge_page on.
void* map_pages(std::size_t room) {
  void* pages = mmap(nullptr, room + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  char* const begin = static_cast<char*>(pages);
  const std::size_t before = (huge_page - reinterpret_cast<std::uintptr_t>(begin) % huge_page) % huge_page;
  if (before > 0) munmap(begin, before);
  munmap(begin + before + room, huge_page - before);
  return begin + before;
}

/// Zero.
void* allocate_zeroed(std::size_t bytes) {
  const std::size_t room = room_for(bytes);
  void* const memory = bytes >= mapped ? map_pages(room) : ::operator new(room, alignment_of(bytes));
  ask_for_large_pages(memory, room);
  if (bytes < mapped) std::memset(memory, 0, bytes + slack);
  return memory;
}
void release_memory(void* memory, std::size_t bytes) noexcept {
  if (bytes >= mapped)
    munmap(memory, room_for(bytes));
  else
    ::operator delete(memory, alignment_of(bytes));
}

bool processor_has(const std::string& isa) {
  if (isa == "portable") return true;
#if defined(__x86_64__)
  if (isa == "avx2")
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  if (isa == "avx512")
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi2");
#endif
  return false;
}

const CpuIsa* compiled(const std::string& isa) {
  if (isa == "portable") return &isa_portable;
#ifdef GCMC_HAS_AVX2
  if (isa == "avx2") return &isa_avx2;
#endif
#ifdef GCMC_HAS_AVX512
  if (isa == "avx512") return &isa_avx512;
#endif
  return nullptr;
}

const CpuIsa& choose(std::string isa) {
  if (isa.empty())
    if (const char* wish = std::getenv("GCMC_CPU_ISA")) isa = wish;
  if (isa.empty()) {
    for (const char* best : {"avx512", "avx2"})
      if (compiled(best) && processor_has(best)) return *compiled(best);
    return isa_portable;
  }
  if (isa != "avx512" && isa != "avx2" && isa != "portable")
    throw InputError("cpu: instruction set '" + isa + "' is unknown: use avx512, avx2 or portable (GCMC_CPU_ISA)");
  if (!compiled(isa)) throw DeviceError("cpu: this build has no kernels for " + isa);
  if (!processor_has(isa)) {
    std::string others = "portable";
    if (isa == "avx512" && compiled("avx2") && processor_has("avx2")) others = "avx2 or portable";
    throw DeviceError("cpu: this processor has no " + isa + ": use " + others + " (GCMC_CPU_ISA)");
  }
  return *compiled(isa);
}

}  // namespace

CpuContext::~CpuContext() {
  for (int slot = 0; slot < slots; ++slot)
    if (memory_[slot]) release_memory(memory_[slot], size_[slot]);
}

void* CpuContext::scratch(int slot, std::size_t bytes) {
  if (bytes > size_[slot]) {
    if (memory_[slot]) release_memory(memory_[slot], size_[slot]);
    memory_[slot] = nullptr;
    size_[slot] = 0;
    memory_[slot] = allocate_zeroed(bytes);
    size_[slot] = bytes;
  }
  return memory_[slot];
}

struct Cpu::State {
  State(int threads, const CpuIsa& chosen) : isa(chosen), context(threads) {}
  const CpuIsa& isa;
  CpuContext context;
};

Cpu::Cpu(int threads, const std::string& isa) {
  if (threads < 0) throw InputError("cpu: " + std::to_string(threads) + " threads: use 0 (all cores) or more");
  const CpuIsa& chosen = choose(isa);
  if (threads == 0) threads = available_threads();
  state_ = std::make_unique<State>(threads, chosen);
}
Cpu::~Cpu() = default;
Cpu::Cpu(Cpu&&) noexcept = default;
Cpu& Cpu::operator=(Cpu&&) noexcept = default;

int Cpu::threads() const { return state_->context.threads; }
std::string Cpu::isa() const { return state_->isa.name; }

void* Cpu::allocate(std::size_t bytes) { return allocate_zeroed(bytes); }
void Cpu::release(void* memory, std::size_t bytes) noexcept { release_memory(memory, bytes); }

/// Large arrays by all threads, which also clear the pages that have not been touched.
void Cpu::copy(void* to, const void* from, std::size_t bytes) {
  constexpr std::size_t piece = huge_page;
  state_->context.pool.run(static_cast<std::int64_t>((bytes + piece - 1) / piece), [&](std::int64_t task, int) {
    const std::size_t begin = static_cast<std::size_t>(task) * piece;
    std::memcpy(static_cast<char*>(to) + begin, static_cast<const char*>(from) + begin, std::min(piece, bytes - begin));
  });
}

template <Operation Op>
void Cpu::run(const Op& op) {
  kernel_of(state_->isa, op)(op, state_->context);
}

#define GCMC_RUN(Struct, kernel)                                                       \
  static auto kernel_of(const CpuIsa& isa, const Struct&) { return isa.index.kernel; } \
  template void Cpu::run(const Struct&);
GCMC_INDEX_OPERATIONS(GCMC_RUN)
#undef GCMC_RUN

#define GCMC_RUN(Struct, kernel)                                                               \
  static auto kernel_of(const CpuIsa& isa, const Struct<float>&) { return isa.single.kernel; } \
  static auto kernel_of(const CpuIsa& isa, const Struct<double>&) { return isa.twice.kernel; } \
  template void Cpu::run(const Struct<float>&);                                                \
  template void Cpu::run(const Struct<double>&);
GCMC_OPERATIONS(GCMC_RUN)
#undef GCMC_RUN

}  // namespace gcmc
