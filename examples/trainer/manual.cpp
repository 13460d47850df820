// gcmc manual and gcmc completion: what --help knows, as a page for man and as a script for a shell.
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

#include "asking.hpp"
#include "gcmc/base/version.hpp"
#include "gcmc/options/option_names.hpp"
#include "program_options.hpp"

namespace {

/// Calls visit("data inspect", command) for every command that has none of its own within.
template <class Visit>
void for_each_command(const CLI::App& app, const std::string& before, const Visit& visit) {
  for (const CLI::App* command : app.get_subcommands({})) {
    const std::string name = before + command->get_name();
    if (command->get_subcommands({}).empty())
      visit(name, *command);
    else
      for_each_command(*command, name + " ", visit);
  }
}

/// Text in which roff finds no commands of its own.
std::string for_roff(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const bool begins_line = result.empty() || result.back() == '\n';
    if (begins_line && (c == '.' || c == '\'')) result += "\\&";
    if (c == '\\')
      result += "\\e";
    else if (c == '-')
      result += "\\-";
    else
      result += c;
  }
  return result;
}

void print_roff_options(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    std::string value = option->get_type_name();
    if (!option->get_positional() && option->get_type_size() == 0) value.clear();
    std::printf(".TP\n\\fB%s\\fR %s\n%s", for_roff(option->get_name(option->get_positional(), true)).c_str(),
                for_roff(value).c_str(), for_roff(option->get_description()).c_str());
    if (const std::string usual = option->get_default_str(); !usual.empty())
      std::printf(" (default: %s)", for_roff(usual).c_str());
    std::printf("\n");
  }
}

void print_manual(const CLI::App& app) {
  std::printf(".TH GCMC 1 \"\" \"gcmc %s\" \"User Commands\"\n.SH NAME\ngcmc \\- %s\n", GCMC_VERSION,
              for_roff(app.get_description()).c_str());
  std::printf(".SH SYNOPSIS\n.B gcmc\nCOMMAND [OPTIONS]\n.SH EXAMPLES\n.nf\n%s\n.fi\n.SH COMMANDS\n",
              for_roff(app.get_footer()).c_str());
  for_each_command(app, "", [](const std::string& name, const CLI::App& command) {
    std::printf(".SS gcmc %s\n%s.\n", name.c_str(), for_roff(command.get_description()).c_str());
    print_roff_options(command);
    if (const std::string footer = command.get_footer(); !footer.empty())
      std::printf(".PP\n.nf\n%s\n.fi\n", for_roff(footer).c_str());
  });
  std::printf(
      ".SH EXIT STATUS\n.TP\n0\nall went well, or a training was stopped by a signal and what there was is saved\n"
      ".TP\n1\nthe machine failed: a full disk, a lost connection, no memory\n"
      ".TP\n2\nwhat was given is wrong: an option, a file, an id\n");
}

/// What an option may be, by its name, where that is one of some words.
std::map<std::string, std::string> words_of_options() {
  std::map<std::string, std::string> words;
  const auto add = [&](const gcmc::OptionRow& row, const auto& field) {
    using gcmc::names_of;
    using Field = std::remove_cvref_t<decltype(field)>;
    std::string option = "--" + std::string(row.name), of_option;
    std::replace(option.begin(), option.end(), '_', '-');
    const auto take = [&](std::string_view word) {
      if (!word.empty()) of_option += (of_option.empty() ? "" : " ") + std::string(word);
    };
    for (const std::string_view value : row.values) take(value);
    if constexpr (std::same_as<Field, bool>)
      of_option = "true false";
    else if constexpr (gcmc::NamedOption<Field>)
      for (const auto& named : names_of(Field{})) take(named.text);
    if (!of_option.empty()) words[option] = of_option;
  };
  const Settings settings;
  gcmc::for_each_option(settings.options, add);
  for_each_option(settings.program, add);
  return words;
}

std::string long_names(const CLI::App& command) {
  std::string names;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) names += (names.empty() ? "--" : " --") + name;
  return names;
}

std::string names_within(const CLI::App& app) {
  std::string names;
  for (const CLI::App* command : app.get_subcommands({})) names += (names.empty() ? "" : " ") + command->get_name();
  return names;
}

void print_bash(const CLI::App& app) {
  std::printf("# bash completion of gcmc %s; made by: gcmc completion bash\n_gcmc() {\n", GCMC_VERSION);
  std::printf("  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=\n");
  std::printf("  if [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi\n");
  std::printf("  if [[ $current == = ]]; then current=; before=${COMP_WORDS[COMP_CWORD-1]}; fi\n");
  std::printf("  case $before in\n");
  for (const auto& [option, words] : words_of_options())
    std::printf("    %s) words='%s' ;;\n", option.c_str(), words.c_str());
  std::printf("  esac\n  if [[ -z $words ]]; then\n    case \"${COMP_WORDS[1]-} ${COMP_WORDS[2]-}\" in\n");
  for (const CLI::App* command : app.get_subcommands({}))
    for (const CLI::App* inner : command->get_subcommands({}))
      std::printf("      '%s %s') words='%s' ;;\n", command->get_name().c_str(), inner->get_name().c_str(),
                  long_names(*inner).c_str());
  for (const CLI::App* command : app.get_subcommands({}))
    std::printf("      '%s '*) words='%s' ;;\n", command->get_name().c_str(),
                (command->get_subcommands({}).empty() ? long_names(*command) : names_within(*command)).c_str());
  std::printf("      *) words='%s' ;;\n    esac\n  fi\n", names_within(app).c_str());
  std::printf("  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n}\ncomplete -o default -F _gcmc gcmc\n");
}

/// In single quotes.
std::string quoted(std::string text) {
  for (std::size_t at = 0; (at = text.find_first_of("\\'", at)) != text.npos; at += 2) text.insert(at, "\\");
  return "'" + text + "'";
}

void print_fish(const CLI::App& app) {
  std::printf("# fish completion of gcmc %s; made by: gcmc completion fish\n", GCMC_VERSION);
  const auto offer = [](const std::string& condition, const CLI::App& command) {
    std::printf("complete -c gcmc -f -n %s -a %s -d %s\n", quoted(condition).c_str(), command.get_name().c_str(),
                quoted(command.get_description()).c_str());
  };
  for (const CLI::App* command : app.get_subcommands({})) {
    offer("__fish_use_subcommand", *command);
    for (const CLI::App* inner : command->get_subcommands({}))
      offer("__fish_seen_subcommand_from " + command->get_name(), *inner);
  }
  const auto words = words_of_options();
  for_each_command(app, "", [&](const std::string& name, const CLI::App& command) {
    std::string condition = "__fish_seen_subcommand_from " + name.substr(0, name.find(' '));
    if (name.find(' ') != name.npos)
      condition += "; and __fish_seen_subcommand_from " + name.substr(name.find(' ') + 1);
    for (const CLI::Option* option : command.get_options())
      for (const std::string& long_name : option->get_lnames()) {
        const auto known = words.find("--" + long_name);
        std::printf("complete -c gcmc -n %s -l %s -d %s%s\n", quoted(condition).c_str(), long_name.c_str(),
                    quoted(option->get_description()).c_str(),
                    known != words.end()           ? (" -x -a " + quoted(known->second)).c_str()
                    : option->get_type_size() == 0 ? ""
                                                   : " -r");
      }
  });
}

void print_completion(const CLI::App& app, const std::string& shell) {
  if (shell == "fish") return print_fish(app);
  if (shell == "zsh") std::printf("autoload -U +X bashcompinit && bashcompinit\n");
  print_bash(app);
}

}  // namespace

Command add_manual(CLI::App& app) {
  CLI::App* command = app.add_subcommand("manual", "Print the manual page, for man");
  command->footer("Example:\n  gcmc manual | man -l -");
  return {command, [&app] { print_manual(app); }};
}

Command add_completion(CLI::App& app) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("completion", "Print a script by which a shell completes commands and options");
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""))
      ->type_name("SHELL");
  command->footer(
      "Examples:\n"
      "  source <(gcmc completion bash)\n"
      "  gcmc completion fish > ~/.config/fish/completions/gcmc.fish");
  return {command, [&app, shell] { print_completion(app, *shell); }};
}
