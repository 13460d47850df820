// What a request is aimed at: the segments of its path, and its query.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace serve {

/// /v1/users/{user}/ratings?n=3: segments and values are decoded (RFC 3986). Throws Problem 400 for an escape that is
/// none, and for a query that names something twice.
struct Target {
  explicit Target(std::string_view text);

  std::vector<std::string> segments;
  std::map<std::string, std::string> query;
};

/// The values of the {names} in `pattern` if the segments fit it.
std::optional<std::map<std::string, std::string>> match(std::string_view pattern,
                                                        const std::vector<std::string>& segments);

}  // namespace serve
