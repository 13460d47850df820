// From arguments to options: every library option on the command line, and who wins over whom.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

#include "gcmc/ratings/ratings.hpp"
#include "program_options.hpp"

/// What `gcmc train` was told: option texts by name, and a file of options.
struct TrainArguments {
  std::map<std::string, std::string> texts;
  std::string config;
};

/// argv after the program's name, made uniform: - for _ in names, and "true" after a boolean option without a value.
/// CLI11 takes the last argument first, so the order is reversed.
std::vector<std::string> uniform_arguments(int count, char** values);

/// One text option for each of the library's and the program's, by group, its default shown.
void add_train_options(CLI::App& command, TrainArguments& arguments);

/// The options of a run: the preset, then the file, then the command line. The preset auto chooses by `ratings`;
/// without them its choices are missing. Throws Error as set_option and validate do.
Settings resolve(const CLI::App& command, const TrainArguments& arguments, const gcmc::Ratings* ratings = nullptr);

/// Throws Error on what `command` did not understand, with the nearest option's name.
void refuse_extras(const CLI::App& command);
