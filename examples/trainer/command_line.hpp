// From arguments to options: every library option on the command line, and who wins over whom.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gcmc/ratings/ratings.hpp"
#include "program_options.hpp"

/// What `gcmc train` was told: option texts by name, and a file of options.
struct TrainArguments {
  std::map<std::string, std::string> texts;
  std::string config;
  /// What that file says, read once: it may be a pipe.
  std::vector<std::pair<std::string, std::string>> config_options;
  RecordedData recorded = {};  ///< of that file
};

/// argv after the program's name, made uniform: - for _ in names, "true" after a boolean option without a value, which
/// a path is not, and `help train` as `train --help`.
std::vector<std::string> uniform_arguments(int count, char** values);

/// Throws Error, with the nearest name, unless the arguments begin with a command of `app` or one of its options and
/// have options of that command alone. Called before CLI11 parses, which would complain of what is missing first.
/// Returns the command, "gcmc data inspect".
std::string check_names(const CLI::App& app, const std::vector<std::string>& arguments);

/// One text option for each of the library's and the program's, by group, its default shown. A search has none of the
/// files that no trial of it leaves.
void add_train_options(CLI::App& command, TrainArguments& arguments, bool of_search = false);

/// Those alone that say how ratings are read and, with_split, how they are split.
void add_reading_options(CLI::App& command, TrainArguments& arguments, bool with_split);

/// Those alone that say how one table of ratings is read.
void add_table_options(CLI::App& command, TrainArguments& arguments);

/// Of those that add_table_options() added, what the command line gave. Throws Error as set_option does.
gcmc::ReadOptions table_options(const CLI::App& command, const TrainArguments& arguments);

/// Does the argument lead to ratings, or look as if it should? Else it names a data set.
bool is_path(const std::string& argument);

/// Refuses what is no whole number from 0 on.
CLI::Validator whole_number();

/// "train-lr" for train_lr.
std::string hyphenated(std::string name);

/// Names of the options, of those in `arguments`, that the command line gave.
std::vector<std::string> given_options(const CLI::App& command, const TrainArguments& arguments);

/// The options of a run: the preset, then the file, then the command line. The preset auto chooses by `ratings`;
/// without them its choices are missing. `ratings` that stand in for others give the data set's name. Throws Error as
/// set_option and validate do.
Settings resolve(const CLI::App& command, const TrainArguments& arguments, const gcmc::Ratings* ratings = nullptr);

/// Throws Error on arguments that `command` did not take, but for one path of ratings; says how a data set is named.
void refuse_extras(const CLI::App& command);
