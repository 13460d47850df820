// The option device: what trains.
#pragma once

#include "gcmc/train/ensemble.hpp"

/// Training on the CPU, or on the CUDA device that `device` names; auto: the first one, or else the CPU, with a note on
/// standard error. Throws gcmc::Error if a device that is named by its number cannot be used.
gcmc::TrainFunction training_on(const gcmc::Device& device);
