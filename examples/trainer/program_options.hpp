// The options of `gcmc train` and `gcmc tune` that are the program's and not the library's, as rows like the library's.
#pragma once

#include <string>

#include "gcmc/options/option_names.hpp"

struct ProgramOptions {
  std::string data_dir;  ///< empty: GCMC_DATA_DIR, else downloaded
  std::string save_dir;  ///< empty: nothing is written
  std::string save_id;
  bool silent = false;
  gcmc::Offset log_interval = 1;
};

/// As the library's (option_rows.hpp).
template <class O, class Visit>
requires std::same_as<std::remove_const_t<O>, ProgramOptions>
void for_each_option(O& o, Visit&& visit) {
  constexpr std::string_view group = "Files and output";
  visit(gcmc::OptionRow{.name = "data_dir",
                        .group = group,
                        .help = "folder that holds the data set or its folder; empty: $GCMC_DATA_DIR, else download",
                        .changes_results = false},
        o.data_dir);
  visit(gcmc::OptionRow{.name = "save_dir",
                        .group = group,
                        .help = "folder for config.json, history.csv, metrics.json, curve.svg and model/; empty: write "
                                "nothing",
                        .changes_results = false},
        o.save_dir);
  visit(gcmc::OptionRow{.name = "save_id",
                        .group = group,
                        .help = "names a sub-folder of save_dir, so that runs lie side by side",
                        .changes_results = false},
        o.save_id);
  visit(
      gcmc::OptionRow{.name = "silent", .group = group, .help = "print the last line alone", .changes_results = false},
      o.silent);
  visit(gcmc::OptionRow{.name = "train_log_interval",
                        .group = group,
                        .help = "iterations between two printed lines",
                        .range = gcmc::ranges::from_one,
                        .changes_results = false},
        o.log_interval);
}

/// All that a run of the program is told.
struct Settings {
  gcmc::Options options;
  ProgramOptions program;
};
