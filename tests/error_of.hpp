// The message of the Error that a call throws, which is one line, and what is in it.
#pragma once

#include <functional>
#include <string>

#include "catch.hpp"
#include "gcmc/base/error.hpp"

namespace gcmc {

inline std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    const std::string message = error.what();
    CHECK(message.find('\n') == message.npos);
    return message;
  }
  return "no error";
}

inline bool holds(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

}  // namespace gcmc
