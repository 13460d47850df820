// Signals as a std::stop_token.
#pragma once

#include <signal.h>

#include <stop_token>
#include <thread>

/// While it lives, SIGINT, SIGTERM and SIGHUP (unless it is ignored, as by nohup) request a stop instead of ending the
/// process, however often they come, so that what there is can be saved; a second Ctrl-C ends it. A closed pipe does
/// not end it either. Made before other threads, which inherit that these signals are blocked. One at a time.
class StopOnSignal {
 public:
  /// Throws DeviceError if no thread can be started.
  StopOnSignal();
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  /// As a signal does.
  void request() { source_.request_stop(); }

 private:
  void watch();
  void restore();

  std::stop_source source_;
  sigset_t signals_{}, blocked_before_{};
  struct sigaction pipe_before_ {};
  std::stop_source ended_;
  std::thread watcher_;
};
