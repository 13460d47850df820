// gcmc train --continue: the model that training starts from.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gcmc/model/saved_model.hpp"
#include "program_options.hpp"

/// The options of the model in `folder` that hold when it is trained on, by name: all of the model and its training,
/// but not which ratings they were nor what computed.
std::vector<std::pair<std::string, std::string>> continued_options(const std::string& folder);

/// The models to start from; none if the program was not told to.
std::vector<gcmc::SavedModel> load_continued(const ProgramOptions& program);

/// Tells on standard error who is new, who has gone, and how many of the ratings that are held out the model has seen.
void tell_continued(const gcmc::SavedModel& model, const gcmc::Ratings& ratings, const gcmc::Options& options);
