// The whole library: data, training, saved models, predictions. Link gcmc::core, and gcmc::io for files.
#pragma once

#include "gcmc/cpu.hpp"
#include "gcmc/data.hpp"
#include "gcmc/predictor.hpp"
#include "gcmc/report.hpp"
#include "gcmc/saved_model.hpp"
#include "gcmc/trainer.hpp"
