// JSON as the library's files use it: every message names the file, a name given twice is refused.
#pragma once

#include <array>
#include <charconv>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gcmc/base/error.hpp"
#include "gcmc/files/run_folder.hpp"

namespace gcmc {

/// The part of a nlohmann message that a user can use, on one line of bounded length.
inline std::string json_problem(const nlohmann::json::exception& problem) {
  std::string text = problem.what();
  if (const auto end = text.find("] "); end != std::string::npos) text.erase(0, end + 2);
  if (text.size() > 200) text = text.substr(0, 200) + "...";
  return text;
}

/// Parses an object. `Json` is nlohmann::json, or ordered_json where the file's order matters (O(n) a name).
template <class Json>
Json parse_json_object(std::string_view text, const std::string& where) {
  constexpr int deepest = 8;
  using Event = typename Json::parse_event_t;
  std::vector<std::set<std::string>> names;
  const auto check = [&](int depth, Event event, Json& value) {
    if (depth > deepest) throw InputError(where + ": JSON nested deeper than " + std::to_string(deepest) + " levels");
    if (event == Event::object_start) names.emplace_back();
    if (event == Event::object_end) names.pop_back();
    if (event == Event::key && !names.back().insert(value.template get<std::string>()).second)
      throw InputError(where + ": the name " + value.dump().substr(0, 100) + " is given twice");
    return true;
  };
  try {
    Json object = Json::parse(text, check);
    if (!object.is_object()) throw InputError(where + ": not a JSON object");
    return object;
  } catch (const nlohmann::json::exception& problem) {
    throw InputError(where + ": not valid JSON: " + json_problem(problem));
  }
}

/// Text of `object`, one member a line. Throws InputError on text that is not UTF-8.
template <class Json>
std::string json_text(const Json& object, const std::string& what) {
  try {
    return object.dump(2) + "\n";
  } catch (const nlohmann::json::exception& problem) {
    throw InputError(what + " cannot be written as JSON: " + json_problem(problem));
  }
}

/// The whole of a regular file.
std::string read_text_file(const std::string& path);

/// The shortest text that reads back to the same bits.
template <class Number>
void append_number(std::string& text, Number value) {
  std::array<char, 32> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  text.append(digits.data(), written.ptr);
}

/// The value as set_option reads it. A number without a fraction loses its point: 2000.0 sets a count. Throws
/// InputError beginning with `where`.
std::string option_input(const nlohmann::ordered_json& value, const std::string& where);

/// By name: numbers as numbers, booleans as booleans, the rest as text. Throws InputError for one that is not finite.
nlohmann::ordered_json options_to_json(std::span<const OptionValue> options);
nlohmann::ordered_json options_to_json(const Options& options);

/// Calls set(name, text) for each member, as read_options_file does. Throws InputError beginning with `where`.
void read_options(const nlohmann::ordered_json& object, const std::string& where,
                  const std::function<void(const std::string& name, const std::string& text)>& set);

}  // namespace gcmc
