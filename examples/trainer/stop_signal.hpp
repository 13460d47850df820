// Ctrl-C and SIGTERM as a std::stop_token.
#pragma once

#include <stop_token>
#include <thread>

/// While it lives, the first SIGINT or SIGTERM requests a stop; a second one ends the process as usual. One at a time.
class StopOnSignal {
 public:
  StopOnSignal();
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::thread watcher_;
};
