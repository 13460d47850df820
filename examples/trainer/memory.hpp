// Whether this machine has the memory that a training takes, before it begins.
#pragma once

#include "gcmc/options/options.hpp"
#include "gcmc/ratings/ratings.hpp"

/// Bytes of the weights, their gradients, the optimizer's moments and the moving average. The best weights so far,
/// messages, activations and the ratings come on top.
gcmc::Offset least_training_memory(const gcmc::Ratings& ratings, const gcmc::Options& options);

/// Bytes that this process may still take: by its own limit, its control group's, and what the machine has free.
gcmc::Offset available_memory();

/// Throws gcmc::InputError, with both and the options that lower it, if a training on the CPU cannot fit.
void check_memory(const gcmc::Ratings& ratings, const gcmc::Options& options);
