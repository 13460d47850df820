// The one exception type of the library, and the check that throws it.
#pragma once

#include <stdexcept>
#include <string>

namespace gcmc {

/// A caller's mistake or a bad input. The message says what, where, and the numbers that disagree;
/// it is fit to be shown to the user of a program as it is.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws Error(message) unless `holds`. The message is only built when it is needed if passed as a lambda.
template <class Message>
void require(bool holds, Message&& message) {
  if (holds) return;
  if constexpr (requires { std::string(message()); })
    throw Error(std::string(message()));
  else
    throw Error(std::string(message));
}

}  // namespace gcmc
