#include "fields.hpp"

#include <algorithm>

#include "gcmc/base/text.hpp"
#include "gcmc/options/option_names.hpp"
#include "live_model.hpp"
#include "problem.hpp"

namespace serve {

using nlohmann::json;

namespace {

/// A tree of what is too deep or too wide would take many times the memory of its text.
void check_shape(std::string_view text) {
  constexpr int most_deep = 64;
  constexpr std::size_t most_values = 4000000;
  int depth = 0;
  std::size_t values = 0;
  bool in_string = false;
  for (std::size_t k = 0; k < text.size(); ++k) {
    const char c = text[k];
    if (in_string && c == '\\') ++k;
    if (c == '"') in_string = !in_string;
    if (in_string) continue;
    depth += (c == '[' || c == '{') - (c == ']' || c == '}');
    values += c == ',' || c == '[' || c == '{';
    if (depth > most_deep) throw Problem(400, "the body is nested too deeply");
    if (values > most_values) throw Problem(413, "the body has too many values; pairs may be sent as text/csv");
  }
}

}  // namespace

std::string media_type(const Request& request) {
  const std::string_view given = request.header("Content-Type");
  std::string type = in_lower_case(std::string(given.substr(0, given.find(';'))));
  type.erase(type.find_last_not_of(" \t") + 1);
  return type;
}

std::string_view json_body(const Request& request) {
  const std::string type = media_type(request);
  if (!type.empty() && type != "application/json" && type != "text/json" && !type.ends_with("+json") &&
      type != "application/x-www-form-urlencoded")
    throw Problem(415, "the body must be application/json");
  return request.body;
}

json parse_json(std::string_view text) {
  check_shape(text);
  try {
    return json::parse(text);
  } catch (const json::parse_error& error) {
    throw Problem(400, "the body is no JSON, at byte " + std::to_string(error.byte));
  } catch (const json::out_of_range&) {
    throw Problem(400, "the body has a number that is too large");
  }
}

std::string id_of(const json& value, const std::string& where) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return value.dump();
  throw Problem(400, where + " must be an id: text, or a whole number", where);
}

Fields::Fields(const json& object, std::string where) : object_(object), where_(std::move(where)) {
  const std::string whole = where_.empty() ? "the body" : where_.substr(0, where_.size() - 1);
  if (!object.is_object()) throw Problem(400, whole + " must be a JSON object", where_.empty() ? "" : whole);
}

const json* Fields::find(const char* name) {
  known_.emplace_back(name);
  const auto found = object_.find(name);
  return found == object_.end() ? nullptr : &*found;
}

std::optional<std::string> Fields::id(const char* name) {
  const json* value = find(name);
  if (!value) return {};
  return id_of(*value, path(name));
}

std::optional<std::vector<std::string>> Fields::ids(const char* name) {
  const json* value = find(name);
  if (!value) return {};
  if (!value->is_array()) throw Problem(400, path(name) + " must be a list of ids", path(name));
  std::vector<std::string> ids;
  ids.reserve(value->size());
  for (std::size_t k = 0; k < value->size(); ++k)
    ids.push_back(id_of((*value)[k], path(name) + '[' + std::to_string(k) + ']'));
  return ids;
}

double Fields::number(const char* name) {
  const json* value = find(name);
  if (!value || !value->is_number()) throw Problem(400, path(name) + " must be a number", path(name));
  return value->get<double>();
}

long long Fields::integer(const char* name, long long otherwise, long long low, long long high) {
  const json* value = find(name);
  if (!value) return otherwise;
  const bool whole = value->is_number_unsigned() ? value->get<std::uint64_t>() <= static_cast<std::uint64_t>(high)
                                                 : value->is_number_integer() && value->get<std::int64_t>() <= high;
  if (!whole || value->get<std::int64_t>() < low)
    throw Problem(400,
                  path(name) + " must be a whole number from " + std::to_string(low) + " to " + std::to_string(high),
                  path(name));
  return value->get<std::int64_t>();
}

bool Fields::boolean(const char* name, bool otherwise) {
  const json* value = find(name);
  if (!value) return otherwise;
  if (!value->is_boolean()) throw Problem(400, path(name) + " must be true or false", path(name));
  return value->get<bool>();
}

void Fields::finish() const {
  for (const auto& [name, value] : object_.items())
    if (std::find(known_.begin(), known_.end(), name) == known_.end())
      throw Problem(400, "unknown field \"" + gcmc::printable(path(name), 80) + "\"" + suggestion(name),
                    gcmc::printable(path(name), 80));
}

std::string Fields::suggestion(const std::string& name) const {
  const std::string nearest = gcmc::nearest_name(name, known_);
  if (2 * gcmc::edit_distance(name, nearest) <= nearest.size()) return ": did you mean \"" + nearest + "\"?";
  std::string list;
  for (const std::string& known : known_) list += (list.empty() ? "; there are " : ", ") + known;
  return list;
}

}  // namespace serve
