// Trainings that Python asks for: options by name, ratings and side data, progress, Ctrl-C.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "columns.hpp"
#include "gcmc/model/predictor.hpp"

using Texts = std::map<std::string, std::string>;  ///< by name

/// How columns are read; other options are passed over.
gcmc::ReadOptions reading_options(const Texts& texts);

/// Throws InputError for an option or value that is none, or not for `train`, in what is known of it before ratings are
/// read.
void check_options(const std::string& preset, const Texts& texts);

/// Files of features and edges by the reader's option: its path, as ReadOptions takes it.
struct TrainingData {
  RatingColumns ratings;
  std::optional<RatingColumns> valid;
  Texts side_files;
};

/// By name.
using Columns = nanobind::typed<nanobind::dict, nanobind::str, nanobind::any>;

/// The predictor of the models that were trained, their history, metrics.json's text, notes on what was read, and
/// whether Ctrl-C ended it.
using Trained = std::tuple<std::unique_ptr<gcmc::Predictor>, Columns, std::string, std::vector<std::string>, bool>;

/// With `continued`, training starts from that predictor's weights and options. Throws what the library and the
/// callback do.
Trained train(const TrainingData& data, const std::string& preset, const Texts& texts, const gcmc::Predictor* continued,
              const nanobind::object& callback);

/// A preset, and the options in which the saved model differs from it: what `train` is told to train it again.
Texts options_beside_preset(const gcmc::Predictor& predictor);
