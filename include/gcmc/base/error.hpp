// The exceptions of the library, and the check that throws the commonest.
#pragma once

#include <stdexcept>
#include <string>

#include "gcmc/base/export.hpp"
#include "gcmc/base/text.hpp"

namespace gcmc {

/// What every exception of the library derives from, but for std::bad_alloc where the processor's memory is too small,
/// and what functions of the caller's throw. The message says what, where, and the numbers that disagree; it is
/// fit to be shown to the user of a program as it is: one line of some 1000 bytes at most, printable whatever ids,
/// names and paths it quotes.
class GCMC_EXPORT Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message) : std::runtime_error(printable(message, longest_message)) {}

 private:
  static constexpr std::size_t longest_message = 1000;
};

/// What was given cannot be: an argument, an option, a rating, a file's content, a path that leads nowhere.
class GCMC_EXPORT InputError : public Error {
 public:
  using Error::Error;
};

/// The machine failed to read or write what it should have: a full disk, a fault of the device, a lost connection.
class GCMC_EXPORT FileError : public Error {
 public:
  using Error::Error;
};

/// A computing device is missing, too small, or failed.
class GCMC_EXPORT DeviceError : public Error {
 public:
  using Error::Error;
};

/// Throws Kind(message) unless `holds`. The message is only built when it is needed if passed as a lambda.
template <class Kind = InputError, class Message>
void require(bool holds, Message&& message) {
  if (holds) return;
  if constexpr (requires { std::string(message()); })
    throw Kind(std::string(message()));
  else
    throw Kind(std::string(message));
}

}  // namespace gcmc
