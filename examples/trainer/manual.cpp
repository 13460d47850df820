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
void for_each_command(CLI::App& app, const std::string& before, const Visit& visit) {
  for (CLI::App* command : app.get_subcommands({})) {
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

/// Is it in the help?
bool is_offered(const CLI::Option* option) { return !option->get_group().empty(); }

void print_roff_options(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options(is_offered)) {
    std::string value = option->get_type_name();
    if (!option->get_positional() && option->get_type_size() == 0) value.clear();
    std::printf(".TP\n\\fB%s\\fR %s\n%s", for_roff(option->get_name(option->get_positional(), true)).c_str(),
                for_roff(value).c_str(), for_roff(option->get_description()).c_str());
    if (const std::string usual = option->get_default_str(); !usual.empty())
      std::printf(" (default: %s)", for_roff(usual).c_str());
    std::printf("\n");
  }
}

void print_manual(CLI::App& app) {
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

/// What an option of the library or of a training may be, by its name, where that is one of some words.
std::map<std::string, std::string> words_of_settings() {
  std::map<std::string, std::string> words;
  const auto add = [&](const gcmc::OptionRow& row, const auto& field) {
    using gcmc::names_of;
    using Field = std::remove_cvref_t<decltype(field)>;
    std::string option(row.name), of_option;
    std::replace(option.begin(), option.end(), '_', '-');
    const auto take = [&](std::string word) {
      if (const std::size_t number = word.find("-K-"); number != word.npos) word[number + 1] = '1';
      if (!word.empty()) of_option += (of_option.empty() ? "" : " ") + word;
    };
    for (const std::string_view value : row.values) take(std::string(value));
    if constexpr (std::same_as<Field, bool>)
      of_option = "true false";
    else if constexpr (gcmc::NamedOption<Field>)
      for (const auto& named : names_of(Field{})) take(std::string(named.text));
    if (!of_option.empty()) words[option] = of_option;
  };
  const Settings settings;
  gcmc::for_each_option(settings.options, add);
  for_each_option(settings.program, add);
  return words;
}

/// Those of one_of(), or of an option that settings have; empty for what may be anything.
std::string words_of(CLI::Option& option) {
  static const std::map<std::string, std::string> of_settings = words_of_settings();
  try {
    if (const std::string& words = option.get_validator(0)->get_name(); !words.empty()) return words;
  } catch (const CLI::OptionNotFound&) {  // it has none
  }
  const auto found = option.get_lnames().empty() ? of_settings.end() : of_settings.find(option.get_lnames().front());
  return found == of_settings.end() ? "" : found->second;
}

std::string long_names(const CLI::App& command) {
  std::string names;
  for (const CLI::Option* option : command.get_options(is_offered))
    for (const std::string& name : option->get_lnames()) names += (names.empty() ? "--" : " --") + name;
  return names;
}

std::string names_within(const CLI::App& app) {
  std::string names;
  for (const CLI::App* command : app.get_subcommands({})) names += (names.empty() ? "" : " ") + command->get_name();
  return names;
}

/// Lines of a case: what may come in a place behind a command.
void print_bash_places(CLI::App& app) {
  std::printf("      '1 '*) words='%s' ;;\n", names_within(app).c_str());
  for (CLI::App* command : app.get_subcommands({})) {
    std::string words = names_within(*command);
    for (CLI::Option* option : command->get_options({}))
      if (option->get_positional() && words.empty()) words = words_of(*option);
    if (!words.empty()) std::printf("      '2 %s') words='%s' ;;\n", command->get_name().c_str(), words.c_str());
  }
}

/// Options where a word begins as one, words where there is a choice, else what the shell does: files.
void print_bash(CLI::App& app) {
  std::printf("# bash completion of gcmc %s; made by: gcmc completion bash\n", GCMC_VERSION);
  std::printf(R"(_gcmc() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} place=$COMP_CWORD prefix= words=
  local first=${COMP_WORDS[1]-} second=${COMP_WORDS[2]-}
  if [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi
  if [[ $current == = ]]; then current= before=${COMP_WORDS[COMP_CWORD-1]}; fi
  if [[ $current == --*=* ]]; then before=${current%%%%=*} prefix=${current%%%%=*}= current=${current#*=}; fi
  if [[ $first == help && $place -gt 1 ]]; then first=$second second=${COMP_WORDS[3]-} place=$((place - 1)); fi
  case "$first $before" in
)");
  for_each_command(app, "", [](const std::string& name, CLI::App& command) {
    for (CLI::Option* option : command.get_options({}))
      for (const std::string& long_name : option->get_lnames())
        if (const std::string words = words_of(*option); !words.empty())
          std::printf("    '%s --%s') words='%s' ;;\n", name.substr(0, name.find(' ')).c_str(), long_name.c_str(),
                      words.c_str());
  });
  std::printf("  esac\n  if [[ $current == -* && -z $prefix ]]; then\n    case \"$first $second\" in\n");
  for (CLI::App* command : app.get_subcommands({}))
    for (CLI::App* inner : command->get_subcommands({}))
      std::printf("      '%s %s') words='%s' ;;\n", command->get_name().c_str(), inner->get_name().c_str(),
                  long_names(*inner).c_str());
  for (CLI::App* command : app.get_subcommands({}))
    std::printf("      '%s '*) words='%s' ;;\n", command->get_name().c_str(), long_names(*command).c_str());
  std::printf("    esac\n  fi\n  if [[ -z $words$prefix ]]; then\n    case \"$place $first\" in\n");
  print_bash_places(app);
  std::printf("    esac\n  fi\n  COMPREPLY=($(compgen -P \"$prefix\" -W \"$words\" -- \"$current\"))\n}\n");
  std::printf("complete -o default -F _gcmc gcmc\n");
}

/// In single quotes.
std::string quoted(std::string text) {
  for (std::size_t at = 0; (at = text.find_first_of("\\'", at)) != text.npos; at += 2) text.insert(at, "\\");
  return "'" + text + "'";
}

void print_fish(CLI::App& app) {
  std::printf("# fish completion of gcmc %s; made by: gcmc completion fish\n", GCMC_VERSION);
  const auto offer = [](const std::string& condition, CLI::App& command) {
    std::printf("complete -c gcmc -f -n %s -a %s -d %s\n", quoted(condition).c_str(), command.get_name().c_str(),
                quoted(command.get_description()).c_str());
  };
  for (CLI::App* command : app.get_subcommands({})) {
    offer("__fish_use_subcommand", *command);
    for (CLI::App* inner : command->get_subcommands({}))
      offer("__fish_seen_subcommand_from " + command->get_name(), *inner);
  }
  std::printf("complete -c gcmc -f -n __fish_use_subcommand -a help -d 'List the options of a command'\n");
  std::printf("complete -c gcmc -f -n '__fish_seen_subcommand_from help' -a '%s'\n", names_within(app).c_str());
  std::string parents;
  for (CLI::App* command : app.get_subcommands({}))
    if (!command->get_subcommands({}).empty()) parents += " " + command->get_name();
  for_each_command(app, "", [&](const std::string& name, CLI::App& command) {
    std::string condition = "__fish_seen_subcommand_from " + name.substr(0, name.find(' '));
    if (name.find(' ') != name.npos)
      condition += "; and __fish_seen_subcommand_from " + name.substr(name.find(' ') + 1);
    else
      condition += "; and not __fish_seen_subcommand_from" + parents;  // gcmc sagemaker train is another one
    for (CLI::Option* option : command.get_options(is_offered))
      for (const std::string& long_name : option->get_lnames()) {
        const std::string words = words_of(*option);
        std::printf("complete -c gcmc -n %s -l %s -d %s%s\n", quoted(condition).c_str(), long_name.c_str(),
                    quoted(option->get_description()).c_str(),
                    !words.empty()                 ? (" -x -a " + quoted(words)).c_str()
                    : option->get_type_size() == 0 ? ""
                                                   : " -r");
      }
  });
}

void print_completion(CLI::App& app, const std::string& shell) {
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
      ->check(one_of({"bash", "zsh", "fish"}))
      ->type_name("SHELL");
  command->footer(
      "Examples:\n"
      "  source <(gcmc completion bash)\n"
      "  gcmc completion fish > ~/.config/fish/completions/gcmc.fish");
  return {command, [&app, shell] { print_completion(app, *shell); }};
}
