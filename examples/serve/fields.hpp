// The fields of a request's body, taken one by one; what nobody took is an error.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http.hpp"

namespace serve {

/// The body's media type in lower case, without parameters.
std::string media_type(const Request& request);

/// The body, which must be JSON. Throws Problem 415 if it says that it is something else; what programs send unasked
/// (nothing, and the form of curl -d) passes.
std::string_view json_body(const Request& request);

/// A JSON document. Throws Problem 400 that says where it is none.
nlohmann::json parse_json(std::string_view text);

/// Text, or a whole number taken as its text: how an id is sent. Throws Problem.
std::string id_of(const nlohmann::json& value, const std::string& where);

/// An object's fields. Each take throws Problem 400, naming the field, if it is there with another type or out of
/// range.
class Fields {
 public:
  /// Throws Problem 400 unless it is an object. `where` goes before the fields' names: "pairs[3].".
  explicit Fields(const nlohmann::json& object, std::string where = {});

  bool has(const char* name) const { return object_.contains(name); }
  const nlohmann::json* find(const char* name);
  std::optional<std::string> id(const char* name);
  std::optional<std::vector<std::string>> ids(const char* name);
  double number(const char* name);  ///< must be there
  long long integer(const char* name, long long otherwise, long long low, long long high);
  bool boolean(const char* name, bool otherwise);

  /// Throws Problem 400 for a field that was not asked for, with the nearest one that was.
  void finish() const;

  std::string path(std::string_view name) const { return where_ + std::string(name); }

 private:
  std::string suggestion(const std::string& name) const;

  const nlohmann::json& object_;
  std::string where_;
  std::vector<std::string> known_;
};

}  // namespace serve
