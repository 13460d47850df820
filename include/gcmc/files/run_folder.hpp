// What a training run leaves in its folder: config.json, history.csv, metrics.json and curve.svg.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "gcmc/base/export.hpp"
#include "gcmc/files/read_options.hpp"
#include "gcmc/options/option_names.hpp"
#include "gcmc/train/result.hpp"

namespace gcmc {

/// Options by name, as JSON text; reading it gives equal options. Of several structs of options, the values one behind
/// the other. Throws InputError on a number that is not finite or a text that is not UTF-8.
GCMC_EXPORT std::string options_json(std::span<const OptionValue> options);

/// Calls set(name, text) for each member of the JSON object in `path`, in order; the texts are as set_option reads
/// them. Throws InputError with the file's name and what is wrong: with the file, or with what `set` says of it.
GCMC_EXPORT void read_options_file(const std::string& path,
                                   const std::function<void(const std::string& name, const std::string& text)>& set);

/// Texts of the files. Numbers print so that they read back to the same bits; throws InputError on one that is not
/// finite.
GCMC_EXPORT std::string history_csv(const std::vector<HistoryRow>& history);
/// `read` adds what was done to the lines of the ratings' files.
GCMC_EXPORT std::string metrics_json(const RunMetrics& metrics, const ReadReport* read = nullptr);
GCMC_EXPORT std::string metrics_json(const EnsembleMetrics& metrics, const ReadReport* read = nullptr);
GCMC_EXPORT std::string metrics_json(const FoldMetrics& metrics, const ReadReport* read = nullptr);
/// RMSE (validation, test where read, the baseline dashed; training where there is neither) above loss, over one
/// iteration axis, the best iteration marked, title from the metrics. Early outliers are clipped, other values that
/// are not finite left out. A self-contained SVG of some 30 kB at most, 960 x 540, light background.
GCMC_EXPORT std::string curve_svg(const std::vector<HistoryRow>& history, const RunMetrics& metrics);

/// Writes `text` under a name of its own beside `path`, then renames: `path` is the older file or the new one at every
/// moment; a link of that name is replaced, never followed. Throws FileError, or InputError where the path is wrong,
/// with the system's reason.
GCMC_EXPORT void write_file_atomically(const std::string& path, const std::string& text);
/// What a user names as output: "-" is standard output; a link is followed; a pipe or a device is written to, anything
/// else as above.
GCMC_EXPORT void write_output(const std::string& path, const std::string& text);

}  // namespace gcmc
