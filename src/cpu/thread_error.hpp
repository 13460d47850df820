// What is said when the system starts no more threads.
#pragma once

#include <cstddef>
#include <string>
#include <system_error>

#include "gcmc/base/error.hpp"

namespace gcmc {

/// `started` of `wanted` threads run, the caller among them; `reason` is what the next one failed with.
[[noreturn]] inline void throw_thread_error(std::size_t started, std::size_t wanted, const std::system_error& reason) {
  throw DeviceError("cpu: " + std::to_string(started) + " of " + std::to_string(wanted) +
                    " threads could be started (" + reason.code().message() +
                    "): use fewer, or raise the limit on processes or memory");
}

}  // namespace gcmc
