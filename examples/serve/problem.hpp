// What is wrong with a request, for the client to read.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace serve {

/// Thrown wherever a request cannot be answered; becomes a response of problem().
class Problem : public std::runtime_error {
 public:
  Problem(int status, const std::string& detail, std::string field = {})
      : std::runtime_error(detail), status_(status), field_(std::move(field)) {}

  int status() const { return status_; }
  const std::string& field() const { return field_; }  ///< pairs[3].user; empty: none in particular

 private:
  int status_;
  std::string field_;
};

}  // namespace serve
