#include "help.hpp"

#include <sstream>
#include <utility>

namespace {

constexpr std::size_t right_column = 34;

/// A line that begins with `name`, and `text` in the right column, as many lines as it takes.
std::string two_columns(const std::string& name, const std::string& text) {
  std::string result, line = "  " + name;
  std::istringstream words(text);
  const auto next_line = [&] {
    result += line + "\n";
    line.clear();
  };
  if (!text.empty() && line.size() + 1 >= right_column) next_line();
  for (std::string word; words >> word;) {
    if (line.size() > right_column && line.size() + 1 + word.size() > help_columns) next_line();
    if (line.size() < right_column)
      line.resize(right_column, ' ');
    else
      line += ' ';
    line += word;
  }
  next_line();
  return result;
}

}  // namespace

HelpFormatter::HelpFormatter() {
  label("SUBCOMMAND", "COMMAND");
  label("Positionals", "Arguments");
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  return two_columns(make_option_name(option, is_positional) + make_option_opts(option), make_option_desc(option));
}

std::string HelpFormatter::make_subcommand(const CLI::App* command) const {
  return two_columns(command->get_name(), command->get_description());
}

std::string HelpFormatter::make_footer(const CLI::App* command) const { return command->get_footer() + "\n"; }

/// One empty line between groups, where CLI11 has two.
std::string HelpFormatter::make_help(const CLI::App* command, std::string name, CLI::AppFormatMode mode) const {
  std::string text = CLI::Formatter::make_help(command, std::move(name), mode);
  if (command->get_allow_extras()) {  // one of which is the path of the ratings
    const std::size_t place = text.find("[OPTIONS]\n");
    text.insert(place == text.npos ? text.size() : place, "[RATINGS] ");
  }
  return CLI::detail::find_and_replace(text, "\n\n\n", "\n\n");
}

std::string short_help(const CLI::App& app) {
  std::string text = "Usage: gcmc COMMAND [OPTIONS]\n\n";
  for (const CLI::App* command : app.get_subcommands({}))
    text += two_columns(command->get_name(), command->get_description());
  return text +
         "\nFor example:\n"
         "  gcmc train --data-name ml-100k --preset auto --save-dir runs/first\n"
         "\ngcmc help says more, gcmc help train lists the options of train.\n";
}
