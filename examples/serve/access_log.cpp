#include "access_log.hpp"

#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

#include "gcmc/base/text.hpp"
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

}  // namespace

AccessLog::AccessLog(LogForm form) : form_(form), writer_([this] { write(); }) {}

AccessLog::~AccessLog() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  ready_.notify_one();
  writer_.join();
}

void AccessLog::add(const Exchange& exchange) {
  if (form_ == LogForm::none) return;
  const std::string method = gcmc::printable(exchange.method.empty() ? "-" : exchange.method, 16);
  std::string line;
  if (form_ == LogForm::json) {
    JsonText json(line);
    json.open('{').key("time").string(now()).key("method").string(method).key("route").string(exchange.route);
    json.key("status").integer(exchange.status).key("received").integer(static_cast<long long>(exchange.received));
    json.key("sent")
        .integer(static_cast<long long>(exchange.sent))
        .key("seconds")
        .number(exchange.seconds, 6)
        .close('}');
  } else {
    line = now() + ' ' + method + ' ' + exchange.route + ' ' + std::to_string(exchange.status) + ' ' +
           std::to_string(exchange.sent) + " bytes ";
    append_fixed(line, exchange.seconds * 1000, 3);
    line += " ms";
  }
  put(line);
}

void AccessLog::say(std::string_view message) {
  std::string line;
  if (form_ == LogForm::json)
    JsonText(line).open('{').key("time").string(now()).key("message").string(message).close('}');
  else
    line = "gcmc: " + gcmc::printable(message, 2000);
  put(line);
}

void AccessLog::put(const std::string& line) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + line.size() > most_waiting) {
      ++left_out_;
      return;
    }
    waiting_ += line;
    waiting_ += '\n';
  }
  ready_.notify_one();
}

void AccessLog::write() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ready_.wait(lock, [&] { return ends_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::string text = std::exchange(waiting_, {});
    if (left_out_ > 0) text += "gcmc: " + std::to_string(std::exchange(left_out_, 0)) + " lines left out of this log\n";
    lock.unlock();
    std::fwrite(text.data(), 1, text.size(), stderr);
    lock.lock();
  }
}

}  // namespace serve
