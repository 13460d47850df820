// The options of `gcmc train` and `gcmc tune` that are the program's and not the library's, as rows like the library's.
#pragma once

#include <concepts>
#include <string>

#include "gcmc/files/read_options.hpp"
#include "gcmc/options/option_names.hpp"
#include "recorded_data.hpp"

struct ProgramOptions {
  std::string ratings;        ///< file or folder; empty: the set is looked for by name
  gcmc::ReadOptions reading;  ///< of tables of ratings
  std::string data_dir;       ///< empty: GCMC_DATA_DIR, else downloaded
  std::string data_url;       ///< empty: GCMC_DATA_URL, else GroupLens
  std::string save_dir;       ///< empty: nothing is written
  std::string save_id;
  std::string model_dir;       ///< empty: model/ in the run's folder
  std::string checkpoint_dir;  ///< empty: none, unless `resume`
  bool resume = false;         ///< checkpoints are in the run's own folder
  double checkpoint_minutes = 10;
  std::string continued;  ///< folder of the model whose weights training starts from; empty: drawn
  bool test_predictions = false;
  bool silent = false;
  gcmc::Offset log_interval = 1;
};

/// As the library's (option_rows.hpp).
template <class O, class Visit>
requires std::same_as<std::remove_const_t<O>, ProgramOptions>
void for_each_option(O& o, Visit&& visit) {
  const auto own = [](auto name, auto help) { return gcmc::OptionRow{name, "Your own ratings", help}; };
  visit(own("ratings", "table of ratings in a file, a folder or zip of a data set, or - for standard input").path(),
        o.ratings);
  visit(own("test_ratings", "file of the test part; empty: by split").path(), o.reading.test_ratings);
  visit(own("valid_ratings",
            "file of the validation part; without one of the test part, nothing is tested; empty: drawn at random")
            .path(),
        o.reading.valid_ratings);
  visit(own("columns",
            "user=NAME,item=NAME,rating=NAME,time=NAME: names of the header, or positions from 1; empty: "
            "by well-known names"),
        o.reading.columns);
  visit(own("separator", "one character, ::, tab or blanks; empty: detected"), o.reading.separator);
  visit(own("decimal", ". or , in ratings; empty: either"), o.reading.decimal);
  visit(own("no_header", "the first line is a rating; else detected"), o.reading.no_header);
  visit(own("layout",
            "rows (a rating each), wide (a line a user, a column an item) or netflix (ITEM: above its ratings)"),
        o.reading.layout);
  visit(own("not_rated", "rating that stands for none, such as 0, -1, 99 or NA: left out"), o.reading.not_rated);
  visit(own("bad_lines", "lines that are wrong: error, or skip, which tells the first ten"), o.reading.bad_lines);
  visit(own("duplicates", "which rating of a pair counts: last (by time where there is one), first, mean, or error"),
        o.reading.duplicates);
  visit(own("rating_levels",
            "levels for values that are too many: quantiles:K, log:K or edges such as 1,10,100; a "
            "level is its bin's mean. Empty: each value"),
        o.reading.rating_levels);
  visit(own("user_features", "table of features, a line a user: numbers, categories, lists a|b|c").path(),
        o.reading.user_features);
  visit(own("item_features", "the same of items").path(), o.reading.item_features);
  visit(own("user_graph", "file of edges between users, FILE[,FILE]: two ids and perhaps a weight").paths(),
        o.reading.user_graph);
  visit(own("item_graph", "the same between items").paths(), o.reading.item_graph);
  visit(own("data_limit", "MB of memory that reading may take; 0: 64 and 16 times the file's size").in({.high = 1e9}),
        o.reading.data_limit);
  const auto row = [](auto name, auto help) { return gcmc::OptionRow{name, "Files and output", help}.harmless(); };
  visit(row("data_dir", "folder that holds the data set, its folder or its zip; empty: $GCMC_DATA_DIR, else download")
            .path(),
        o.data_dir);
  visit(row("data_url", "address that NAME.zip is downloaded from; empty: $GCMC_DATA_URL, else GroupLens"), o.data_url);
  visit(
      row("save_dir", "folder for config.json, history.csv, metrics.json, curve.svg and model/; empty: write nothing"),
      o.save_dir);
  visit(row("save_id", "names a sub-folder of save_dir, so that runs lie side by side"), o.save_id);
  visit(row("model_dir", "folder for the model alone; empty: model/ beside the run's other files"), o.model_dir);
  visit(row("test_predictions",
            "write test_predictions.csv into save_dir, too: user, item, rating and prediction of the test part"),
        o.test_predictions);
  visit(row("checkpoint_dir",
            "folder for checkpoints, from which the same command goes on after a cut; empty: none, or see resume"),
        o.checkpoint_dir);
  visit(row("resume", "checkpoints in save_dir/checkpoint: the same command goes on after a cut"), o.resume);
  visit(row("checkpoint_interval", "minutes between two checkpoints; 0: after every iteration").in({.high = 1e6}),
        o.checkpoint_minutes);
  visit(row("continue",
            "folder of a run or model to train on: its weights and options, on the whole new set of ratings (old and "
            "new ones together); users and items by their ids; empty: from nothing")
            .path(),
        o.continued);
  visit(row("silent", "print the last line alone"), o.silent);
  visit(row("train_log_interval", "iterations between two printed lines; preset paper: 10").in(gcmc::ranges::from_one),
        o.log_interval);
}

/// All that a run of the program is told.
struct Settings {
  gcmc::Options options;
  ProgramOptions program;
  bool data_named = false;     ///< the user named the data set, or a split that one set alone has
  RecordedData recorded = {};  ///< of the run that is repeated; then of this one

  Settings with(const gcmc::Options& others) const {
    Settings settings = *this;
    settings.options = others;
    return settings;
  }
};
