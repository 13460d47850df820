// A line a request. Neither ids nor addresses are in it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "http.hpp"

namespace serve {

enum class LogForm { text, json, none };

/// Lines go to standard error by a thread of their own: who does not read them never holds up an answer. Where too many
/// wait they are left out, and their number is told.
class AccessLog {
 public:
  explicit AccessLog(LogForm form);
  ~AccessLog();

  /// An exchange, unless the form is none.
  void add(const Exchange& exchange);
  /// What the server itself has to say, in whatever form.
  void say(std::string_view message);

 private:
  void put(const std::string& line);
  void write();

  const LogForm form_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::string waiting_;
  std::size_t left_out_ = 0;
  bool ends_ = false;
  std::thread writer_;
};

}  // namespace serve
