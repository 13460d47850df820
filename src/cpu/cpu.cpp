// The CPU backend: chooses the instruction set, owns scratch memory, hands operations to kernels.
#include "gcmc/cpu.hpp"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

#include "available_threads.hpp"
#include "gcmc/base/error.hpp"
#include "kernels.hpp"

namespace gcmc {
namespace {

/// Kernels may read, never write, this many bytes behind an array.
constexpr std::size_t slack = 64;
/// Gathers over an array in huge pages miss the TLB far less.
constexpr std::size_t huge_page = std::size_t{2} << 20;

/// Arrays of half such a page are given a whole one.
bool in_huge_pages(std::size_t bytes) { return bytes >= huge_page / 2; }
std::align_val_t alignment_of(std::size_t bytes) { return std::align_val_t{in_huge_pages(bytes) ? huge_page : 64}; }

void* aligned_allocate(std::size_t bytes) {
  std::size_t room = bytes + slack;
  if (in_huge_pages(bytes)) room = (room + huge_page - 1) / huge_page * huge_page;
  void* memory = ::operator new(room, alignment_of(bytes));
#ifdef MADV_HUGEPAGE
  if (in_huge_pages(bytes)) madvise(memory, room, MADV_HUGEPAGE);
#endif
  return memory;
}
void aligned_release(void* memory, std::size_t bytes) noexcept { ::operator delete(memory, alignment_of(bytes)); }

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
    if (memory_[slot]) aligned_release(memory_[slot], size_[slot]);
}

void* CpuContext::scratch(int slot, std::size_t bytes) {
  if (bytes > size_[slot]) {
    if (memory_[slot]) aligned_release(memory_[slot], size_[slot]);
    memory_[slot] = nullptr;
    size_[slot] = 0;
    memory_[slot] = aligned_allocate(bytes);
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

void* Cpu::allocate(std::size_t bytes) {
  void* memory = aligned_allocate(bytes);
  std::memset(memory, 0, bytes + slack);
  return memory;
}
void Cpu::release(void* memory, std::size_t bytes) noexcept { aligned_release(memory, bytes); }

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
