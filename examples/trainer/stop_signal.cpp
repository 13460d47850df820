#include "stop_signal.hpp"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>

namespace {

constexpr char stop = 's', quit = 'q';

/// What a handler may touch: the two ends of a pipe. request_stop itself is not safe in a handler.
std::array<int, 2> channel = {-1, -1};

void handle(int) {
  const int saved = errno;
  [[maybe_unused]] const auto written = write(channel[1], &stop, 1);
  errno = saved;
}

void set_handler(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART | (handler == SIG_DFL ? 0 : static_cast<int>(SA_RESETHAND));
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

}  // namespace

StopOnSignal::StopOnSignal() {
  if (pipe(channel.data()) != 0) throw std::runtime_error("no pipe for signals");
  watcher_ = std::thread([this] {
    char byte = 0;
    ssize_t got = 0;
    do {
      got = read(channel[0], &byte, 1);
      if (got == 1 && byte == stop) source_.request_stop();
    } while ((got == 1 && byte != quit) || (got < 0 && errno == EINTR));
  });
  set_handler(handle);
}

StopOnSignal::~StopOnSignal() {
  set_handler(SIG_DFL);
  [[maybe_unused]] const auto written = write(channel[1], &quit, 1);
  watcher_.join();
  for (const int end : channel) close(end);
}
