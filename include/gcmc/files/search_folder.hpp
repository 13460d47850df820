// What a search leaves in its folder: results.csv, results.json and results.svg; and the file of what is searched.
#pragma once

#include <string>
#include <vector>

#include "gcmc/base/export.hpp"
#include "gcmc/train/search.hpp"

namespace gcmc {

/// A search and what it found: all that is written of it.
struct TuneReport {
  TunePlan plan;
  std::string dataset, backend;
  Offset users = 0, items = 0, levels = 0, ratings = 0;  ///< training and validation ratings
  std::string checksum;            ///< of ratings in their order, levels and side features: 16 hexadecimal digits
  double baseline_valid_rmse = 0;  ///< of the bias baseline, mean over the seeds
  TuneResult result;
};

/// The report before the first run. `ratings` are without the test part. Throws InputError, before anything is trained,
/// if a trial does not fit them or no rating is validated.
GCMC_EXPORT TuneReport begin_report(const TunePlan& plan, const Ratings& ratings, std::string backend);

/// Reads {"train_lr": "0.003..0.03:log", "gcn_agg_units": [250, 500]}. Throws InputError with the file's name.
GCMC_EXPORT std::vector<SearchOption> read_search_file(const std::string& path);

/// results.csv: a row for each trial, the best first, with its values and its RMSE in each rung.
GCMC_EXPORT std::string tune_csv(const TuneReport& report);
/// results.json: the search, its trials and all runs.
GCMC_EXPORT std::string tune_json(const TuneReport& report);
/// The runs in the results.json at `path`; none if there is no such file. Throws InputError if it is of another search
/// than `report`'s, and names what differs: the plan, the options that change a result, the ratings or the backend.
GCMC_EXPORT std::vector<TuneRun> read_tune_runs(const TuneReport& report, const std::string& path);
/// Validation RMSE of each trial over the rungs, the best marked, and the values of the five best. Self-contained,
/// 960 x 540, light background.
GCMC_EXPORT std::string tune_svg(const TuneReport& report);

}  // namespace gcmc
