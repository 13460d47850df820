#include "stop_signal.hpp"

#include <pthread.h>

#include <chrono>
#include <system_error>

#include "gcmc/base/error.hpp"

namespace {

bool is_ignored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

/// As if nobody had asked for it. Does not return.
void end_by(int signal) {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  raise(signal);
  pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
}

/// Tells the second Ctrl-C of a person from a signal that a program sends twice, as coreutils' timeout does.
class Interrupts {
 public:
  bool is_second(const siginfo_t& info) {
    constexpr std::chrono::seconds apart{2};
    if (info.si_signo != SIGINT) return false;
    const auto now = std::chrono::steady_clock::now();
    const bool first = first_ == decltype(first_){};
    if (first) first_ = now;
    return !first && (info.si_code == SI_KERNEL || now - first_ >= apart);
  }

 private:
  std::chrono::steady_clock::time_point first_{};
};

}  // namespace

StopOnSignal::StopOnSignal() {
  sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP})
    if (signal != SIGHUP || !is_ignored(signal)) sigaddset(&signals_, signal);
  pthread_sigmask(SIG_BLOCK, &signals_, &blocked_before_);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &pipe_before_);
  try {
    watcher_ = std::thread([this] { watch(); });
  } catch (const std::system_error& problem) {
    restore();
    throw gcmc::DeviceError("not even one thread can be started, which waits for signals (" + problem.code().message() +
                            "): raise the limit on processes");
  }
}

StopOnSignal::~StopOnSignal() {
  ended_.request_stop();
  pthread_kill(watcher_.native_handle(), SIGTERM);  // to this thread alone: wakes it
  watcher_.join();
  const timespec now{};
  while (sigtimedwait(&signals_, nullptr, &now) > 0) {  // what came too late has nothing to stop
  }
  restore();
}

void StopOnSignal::restore() {
  sigaction(SIGPIPE, &pipe_before_, nullptr);
  pthread_sigmask(SIG_SETMASK, &blocked_before_, nullptr);
}

void StopOnSignal::watch() {
  Interrupts interrupts;
  for (;;) {
    siginfo_t info{};
    const int signal = sigwaitinfo(&signals_, &info);
    if (ended_.stop_requested()) return;
    if (signal < 0) continue;  // EINTR
    if (interrupts.is_second(info)) end_by(signal);
    source_.request_stop();
  }
}
