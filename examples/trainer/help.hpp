// How --help looks: names on the left, what they mean on the right, no line wider than help_columns.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

inline constexpr std::size_t help_columns = 100;

/// CLI11's help with its texts wrapped. A footer is printed as it is: it is wrapped where it is written.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter();

  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_subcommand(const CLI::App* command) const override;
  std::string make_footer(const CLI::App* command) const override;
  std::string make_help(const CLI::App* command, std::string name, CLI::AppFormatMode mode) const override;
};

/// What `gcmc` alone answers: the commands of `app` and an example.
std::string short_help(const CLI::App& app);
