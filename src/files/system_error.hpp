// Which kind of error a fault of the system is, and errors that keep their kind when more is said of them.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

#include "gcmc/base/error.hpp"

namespace gcmc {

/// InputError where the path leads nowhere or is not this user's, else FileError: the disk.
[[noreturn]] inline void throw_system_error(const std::string& what, int code) {
  const std::string message = what + ": " + std::generic_category().message(code);
  for (const int wrong_path : {ENOENT, ENOTDIR, EISDIR, EEXIST, ENAMETOOLONG, ELOOP, EACCES, EPERM, EROFS})
    if (code == wrong_path) throw InputError(message);
  throw FileError(message);
}
[[noreturn]] inline void throw_system_error(const std::string& what, const std::error_code& code) {
  throw_system_error(what, code.value());
}

/// In a handler of an Error: throws one of the same kind with this message.
[[noreturn]] inline void rethrow_as(const std::string& message) {
  try {
    throw;
  } catch (const FileError&) {
    throw FileError(message);
  } catch (const Error&) {
    throw InputError(message);
  }
}

}  // namespace gcmc
