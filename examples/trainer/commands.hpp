// The program's commands. Each throws gcmc::Error on wrong input and returns when its work is done.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gcmc/files/read_options.hpp"
#include "gcmc/ratings/ratings.hpp"
#include "program_options.hpp"

/// The options of a run: without ratings, what is known before they are read; then what the preset auto chooses by
/// them.
using OptionsFor = std::function<Settings(const gcmc::Ratings*)>;

/// config.json: every option of a run by name, paths whole, and the ratings that it read.
std::string settings_json(const Settings& settings);

void run_train(const OptionsFor& options_for);

struct TuneArguments {
  std::vector<std::string> searches;  ///< NAME=VALUES
  std::string search_file;            ///< empty: none
  gcmc::Index trials = 27, eta = 3, rungs = 3;
  std::uint64_t seed = 1;
  std::vector<std::string> given;  ///< names of the other options of the command line
};
void run_tune(const OptionsFor& options_for, const TuneArguments& arguments);
