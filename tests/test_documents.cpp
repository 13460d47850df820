// The documents say what is so: the README's program and the guide's table of options.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include "../examples/trainer/program_options.hpp"

namespace {

std::string text_of(const std::string& name) {
  const char* data = std::getenv("GCMC_TEST_DATA");
  const std::filesystem::path root = std::filesystem::path(data ? data : "tests/data") / ".." / "..";
  std::ifstream file(root / name, std::ios::binary);
  REQUIRE(file.is_open());
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string between(const std::string& text, const std::string& opening, const std::string& closing) {
  const auto begin = text.find(opening);
  REQUIRE(begin != text.npos);
  const auto end = text.find(closing, begin + opening.size());
  REQUIRE(end != text.npos);
  return text.substr(begin + opening.size(), end - begin - opening.size());
}

/// Markdown, a table a group: option, default, help.
std::string option_tables() {
  std::string text, group;
  const auto add = [&](const gcmc::OptionRow& row, const auto& field) {
    const std::string of(row.group), name(row.name);
    if (of != group) text += "\n" + of + "\n\n| option | default | |\n|---|---|---|\n";
    group = of;
    text += "| `" + name + "` | " + gcmc::OptionText(row).write(field) + " | ";
    for (const char c : row.help) text += c == '|' ? "\\|" : std::string(1, c);
    text += " |\n";
  };
  const Settings defaults;
  for_each_option(defaults.options, add);
  for_each_option(defaults.program, add);
  return text + "\n";
}

}  // namespace

TEST_CASE("the README's program is examples/quickstart.cpp", "[documents]") {
  REQUIRE(between(text_of("README.md"), "```cpp\n", "```\n") == text_of("examples/quickstart.cpp"));
}

TEST_CASE("the guide's table of options is that of the program", "[documents]") {
  REQUIRE(between(text_of("docs/guide.md"), "<!-- options -->\n", "<!-- options end -->\n") == option_tables());
}
