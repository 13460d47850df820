// Trainings that Python asks for: options by name, ratings and side data, progress, Ctrl-C.
#pragma once

#include <nanobind/nanobind.h>

#include <map>
#include <optional>
#include <string>

#include "columns.hpp"
#include "gcmc/model/predictor.hpp"

using Texts = std::map<std::string, std::string>;  ///< by name

/// Throws InputError for an option or value that is none, in what is known of it before ratings are read.
void check_options(const std::string& preset, const Texts& texts);

/// Files of features and edges by the reader's option: its path, as ReadOptions takes it.
struct TrainingData {
  RatingColumns ratings;
  std::optional<RatingColumns> valid;
  Texts side_files;
};

/// The predictor of the models that were trained, their history (a dict of columns), metrics.json's text, notes on what
/// was read, and whether Ctrl-C ended it. With `continued`, training starts from that predictor's weights and options.
nanobind::tuple train(const TrainingData& data, const std::string& preset, const Texts& texts,
                      const gcmc::Predictor* continued, const nanobind::object& callback);

/// Options in which the saved model differs from its preset.
Texts options_beside_preset(const gcmc::Predictor& predictor);
