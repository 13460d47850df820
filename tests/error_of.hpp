// The message of the Error that a call throws, and what is in it.
#pragma once

#include <functional>
#include <string>

#include "gcmc/base/error.hpp"

namespace gcmc {

inline std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

inline bool holds(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

}  // namespace gcmc
