// The options of `gcmc train` and `gcmc tune` that are the program's and not the library's, as rows like the library's.
#pragma once

#include <concepts>
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
  const auto row = [](auto name, auto help) { return gcmc::OptionRow{name, "Files and output", help}.harmless(); };
  visit(row("data_dir", "folder that holds the data set or its folder; empty: $GCMC_DATA_DIR, else download"),
        o.data_dir);
  visit(
      row("save_dir", "folder for config.json, history.csv, metrics.json, curve.svg and model/; empty: write nothing"),
      o.save_dir);
  visit(row("save_id", "names a sub-folder of save_dir, so that runs lie side by side"), o.save_id);
  visit(row("silent", "print the last line alone"), o.silent);
  visit(row("train_log_interval", "iterations between two printed lines").in(gcmc::ranges::from_one), o.log_interval);
}

/// All that a run of the program is told.
struct Settings {
  gcmc::Options options;
  ProgramOptions program;
  bool data_named = false;  ///< the user named the data set, or a split that one set alone has
};
