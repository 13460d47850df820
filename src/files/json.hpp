// JSON as the library's files use it: every message names the file, a name given twice is refused.
#pragma once

#include <array>
#include <charconv>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "gcmc/base/error.hpp"
#include "gcmc/files/run_folder.hpp"

namespace gcmc {

/// The part of a nlohmann message that a user can use, on one line of bounded length.
std::string json_problem(const nlohmann::json::exception& problem);

/// The beginning of a name or a value, in quotes, as ASCII.
std::string json_quoted(const std::string& text);

/// What a text may hold, so that its parsing costs no more than its size: a name of ordered_json costs as many steps as
/// its object has names, and a value takes up to 100 bytes.
struct JsonBounds {
  std::size_t names = 1000;  ///< of one object
  std::size_t values = 1000000;
};

/// Throws InputError, beginning with `where`, unless the text is an object, nested no deeper than 8 levels, in which no
/// name is given twice, within the bounds. Cost: n log n, and memory for the names of the objects that are open.
void check_json(std::string_view text, const std::string& where, const JsonBounds& bounds = {});

/// Parses an object after check_json. `Json` is nlohmann::json, or ordered_json where the file's order matters.
template <class Json>
Json parse_json_object(std::string_view text, const std::string& where) {
  check_json(text, where);
  return Json::parse(text);
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
/// The same of what a user names, which may be a pipe and has at most 16 MiB.
std::string read_given_file(const std::string& path);

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
