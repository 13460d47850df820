// A line a request. Neither ids nor addresses are in it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "http.hpp"

namespace serve {

enum class LogForm { text, json, none };

/// Lines go to standard error by a thread of their own: who does not read them never holds up an answer, nor the end of
/// the program for more than a second. Where too many wait they are left out, and their number is told.
class AccessLog {
 public:
  explicit AccessLog(LogForm form);
  ~AccessLog();

  /// An exchange, unless the form is none.
  void add(const Exchange& exchange);
  /// What the server itself has to say, in whatever form.
  void say(std::string_view message);

 private:
  struct Queue;

  std::string message_line(std::string_view message) const;
  void put(const std::string& line);

  const LogForm form_;
  std::shared_ptr<Queue> queue_;  ///< the writer's, too, which may be left behind
  std::thread writer_;
};

}  // namespace serve
