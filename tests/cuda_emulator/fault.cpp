// Invalid addresses: which kernel, block and thread, or which host code; and the names of kernels.
#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "internal.hpp"

namespace emulator {
namespace {

std::vector<std::string> faults;

void handle(int signal, siginfo_t* info, void*) {
  char at[256];
  std::snprintf(at, sizeof at, "%s", describe(info->si_addr).c_str());
  // A vector instruction on an address that it does not allow: x86 tells no address then.
  const bool misaligned = signal == SIGBUS || (signal == SIGSEGV && info->si_code == SI_KERNEL);
  if (is_device_thread() && kernel_is_running() && misaligned)
    kernel_fault(cudaErrorMisalignedAddress, "a misaligned or malformed address");
  if (is_device_thread() && kernel_is_running())
    kernel_fault(cudaErrorIllegalAddress, "invalid access: %s", at);  // leaves this handler by switching stacks
  const bool by_host = !is_device_thread();
  dprintf(STDERR_FILENO, "gcmc emulator: %s touched an invalid address (signal %d): %s\n",
          by_host ? "host code" : "a copy, fill or library call", signal, at);
  _exit(by_host && is_device_memory_range(info->si_addr) ? host_touched_device_memory : crashed);
}

/// Addresses, relative to the executable's base, and names of its functions.
std::map<std::uint64_t, std::string> read_symbols() {
  std::map<std::uint64_t, std::string> names;
  const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) return names;
  void* mapped = mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  if (mapped == MAP_FAILED) return names;
  const char* image = static_cast<const char*>(mapped);
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(image);
  const auto* sections = reinterpret_cast<const ElfW(Shdr)*>(image + header->e_shoff);
  for (int i = 0; i < header->e_shnum; ++i) {
    if (sections[i].sh_type != SHT_SYMTAB) continue;
    const auto* symbols = reinterpret_cast<const ElfW(Sym)*>(image + sections[i].sh_offset);
    const char* strings = image + sections[sections[i].sh_link].sh_offset;
    for (std::size_t s = 0; s < sections[i].sh_size / sizeof(ElfW(Sym)); ++s)
      if ((symbols[s].st_info & 0xF) == STT_FUNC) names[symbols[s].st_value] = strings + symbols[s].st_name;
  }
  munmap(mapped, static_cast<std::size_t>(status.st_size));
  return names;
}

std::uint64_t executable_base() {
  std::uint64_t base = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {
        *static_cast<std::uint64_t*>(out) = info->dlpi_addr;
        return 1;
      },
      &base);
  return base;
}

}  // namespace

void watch_addresses() {
  struct sigaction action = {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;  // NODEFER: kernel_fault never returns from the handler
  sigaction(SIGSEGV, &action, nullptr);
  sigaction(SIGBUS, &action, nullptr);
}

void watch_addresses_on_this_stack() {
  constexpr std::size_t bytes = 256 * 1024;
  stack_t stack = {};
  stack.ss_sp = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  stack.ss_size = bytes;
  sigaltstack(&stack, nullptr);
}

void report(const std::string& line) {
  std::fprintf(stderr, "gcmc emulator: %s\n", line.c_str());
  faults.push_back(line);
}

std::vector<std::string> take_faults() {
  const std::lock_guard lock(state().mutex);
  return std::exchange(faults, {});
}

std::string kernel_name(const void* kernel) {
  static const auto names = read_symbols();
  static const std::uint64_t base = executable_base();
  const auto found = names.find(reinterpret_cast<std::uint64_t>(kernel) - base);
  if (found == names.end()) return text("at %p", kernel);
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> plain(
      abi::__cxa_demangle(found->second.c_str(), nullptr, nullptr, &status), std::free);
  return status == 0 ? plain.get() : found->second;
}

std::string text_of(const char* format, va_list arguments) {
  char line[1024];
  std::vsnprintf(line, sizeof line, format, arguments);
  return line;
}

std::string text(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::string line = text_of(format, arguments);
  va_end(arguments);
  return line;
}

}  // namespace emulator
