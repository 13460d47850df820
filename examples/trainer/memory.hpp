// Whether this machine has the memory that a training takes, before it begins.
#pragma once

#include <vector>

#include "gcmc/options/options.hpp"
#include "gcmc/ratings/ratings.hpp"
#include "gcmc/train/search.hpp"

/// Bytes on this machine of the weights, their gradients, the optimizer's moments, the moving average and, where
/// validation chooses, the best weights so far; of a training that may be a device's, of the weights alone, which are
/// drawn here. Messages, activations and the ratings come on top.
gcmc::Offset least_training_memory(const gcmc::Ratings& ratings, const gcmc::Options& options);

/// Bytes that this process may still take: by its own limit, its control group's, and what the machine has free.
gcmc::Offset available_memory();

/// Throws gcmc::InputError, with both and the options that lower it, if a training cannot fit. The device's memory is
/// looked at by the training itself.
void check_memory(const gcmc::Ratings& ratings, const gcmc::Options& options);

/// The same of each of a search's trials, and of those that its first rung trains side by side, `threads` at once.
/// Trials that have a run among `done` are not looked at.
void check_memory(const gcmc::Ratings& ratings, const gcmc::TunePlan& plan, const std::vector<gcmc::TuneRun>& done,
                  int threads);
