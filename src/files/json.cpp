// The rules that every JSON text keeps before it is read.
#include "json.hpp"

#include <set>

namespace gcmc {
namespace {

constexpr std::size_t deepest = 8;

/// Throws at the first event that breaks a rule. Names stand in a tree: no choice of them makes it slow.
class JsonCheck final : public nlohmann::json_sax<nlohmann::json> {
 public:
  JsonCheck(const std::string& where, const JsonBounds& bounds) : where_(where), bounds_(bounds) {}

  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t) override { return value(); }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool string(string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }

  bool start_object(std::size_t) override { return open(true); }
  bool start_array(std::size_t) override { return open(false); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    std::set<std::string>& names = names_.back();
    if (!names.insert(name).second) fail("the name " + json_quoted(name) + " is given twice");
    if (names.size() > bounds_.names) fail("an object of more than " + std::to_string(bounds_.names) + " names");
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& problem) override {
    fail("not valid JSON: " + json_problem(problem));
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw InputError(where_ + ": " + what); }

  bool value(bool object = false) {
    if (names_.empty() && !object) fail("not a JSON object");
    if (++values_ > bounds_.values) fail("more than " + std::to_string(bounds_.values) + " values");
    return true;
  }
  bool open(bool object) {
    if (names_.size() == deepest) fail("JSON nested deeper than " + std::to_string(deepest) + " levels");
    value(object);
    names_.emplace_back();
    return true;
  }
  bool close() {
    names_.pop_back();
    return true;
  }

  const std::string& where_;
  const JsonBounds bounds_;
  std::vector<std::set<std::string>> names_;  ///< of each object or array that is open
  std::size_t values_ = 0;
};

}  // namespace

std::string json_problem(const nlohmann::json::exception& problem) {
  std::string text = problem.what();
  if (const auto end = text.find("] "); end != std::string::npos) text.erase(0, end + 2);
  if (text.size() > 200) text = text.substr(0, 200) + "...";
  return text;
}

std::string json_quoted(const std::string& text) {
  return nlohmann::json(text.substr(0, 100)).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

void check_json(std::string_view text, const std::string& where, const JsonBounds& bounds) {
  JsonCheck check(where, bounds);
  nlohmann::json::sax_parse(text, &check);
}

}  // namespace gcmc
