#include "access_log.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <mutex>
#include <optional>
#include <semaphore>
#include <utility>

#include "gcmc/base/text.hpp"
#include "gcmc/model/answer_text.hpp"
#include "json_text.hpp"

namespace serve {
namespace {

constexpr std::size_t most_waiting = 1 << 20;

std::string now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  std::tm parts{};
  gmtime_r(&time.tv_sec, &parts);
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, time.tv_nsec / 1000000);
  return text.data();
}

/// Not by stdio, whose lock would be waited for at the end of the program.
void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno != EINTR) return;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

struct AccessLog::Queue {
  std::mutex mutex;
  std::counting_semaphore<> ready{0};  ///< released for each line; std::condition_variable::wait is newer than RHEL 9
  std::condition_variable done;
  std::string waiting;
  std::size_t left_out = 0;
  bool ends = false, has_ended = false;

  void write() {
    while (const auto text = next()) write_all(*text);
    const std::lock_guard lock(mutex);
    has_ended = true;
    done.notify_one();
  }

 private:
  /// What waits; empty where another release's text had it already; nothing at the end.
  std::optional<std::string> next() {
    ready.acquire();
    const std::lock_guard lock(mutex);
    if (ends && waiting.empty()) return std::nullopt;
    return std::exchange(waiting, {});
  }
};

AccessLog::AccessLog(LogForm form)
    : form_(form), queue_(std::make_shared<Queue>()), writer_([queue = queue_] { queue->write(); }) {}

AccessLog::~AccessLog() {
  std::unique_lock lock(queue_->mutex);
  queue_->ends = true;
  queue_->ready.release();
  const bool ended = queue_->done.wait_for(lock, std::chrono::seconds(1), [&] { return queue_->has_ended; });
  lock.unlock();
  if (ended)
    writer_.join();
  else
    writer_.detach();
}

void AccessLog::add(const Exchange& exchange) {
  if (form_ == LogForm::none) return;
  std::string line;
  if (form_ == LogForm::json) {
    JsonText json(line);
    json.open('{').key("time").string(now()).key("method").string(exchange.method).key("route").string(exchange.route);
    json.key("status").integer(exchange.status).key("received").integer(static_cast<long long>(exchange.received));
    json.key("sent").integer(static_cast<long long>(exchange.sent));
    json.key("seconds").number(exchange.seconds, 6).close('}');
  } else {
    line = now() + ' ' + exchange.method + ' ' + exchange.route + ' ' + std::to_string(exchange.status) + ' ' +
           std::to_string(exchange.sent) + " bytes ";
    gcmc::append_fixed(line, exchange.seconds * 1000, 3);
    line += " ms";
  }
  put(line);
}

std::string AccessLog::message_line(std::string_view message) const {
  if (form_ != LogForm::json) return "gcmc: " + gcmc::printable(message, 2000);
  std::string line;
  JsonText(line).open('{').key("time").string(now()).key("message").string(message).close('}');
  return line;
}

void AccessLog::say(std::string_view message) { put(message_line(message)); }

void AccessLog::put(const std::string& line) {
  const std::lock_guard lock(queue_->mutex);
  std::string& waiting = queue_->waiting;
  if (waiting.size() + line.size() > most_waiting) {
    ++queue_->left_out;
    return;
  }
  if (const std::size_t left_out = std::exchange(queue_->left_out, 0); left_out > 0)
    waiting += message_line(std::to_string(left_out) + " lines are left out here") + '\n';
  waiting += line + '\n';
  queue_->ready.release();
}

}  // namespace serve
