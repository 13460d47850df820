// The whole library, less the devices: link gcmc::core, and gcmc::io for files.
#pragma once

#include "gcmc/base/version.hpp"
#include "gcmc/files/checkpoint.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/files/readers.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/files/search_folder.hpp"
#include "gcmc/layers/dense_convolution.hpp"
#include "gcmc/model/predictor.hpp"
#include "gcmc/options/given_options.hpp"
#include "gcmc/options/presets.hpp"
#include "gcmc/ratings/builder.hpp"
#include "gcmc/train/ensemble.hpp"
#include "gcmc/train/search.hpp"
#include "gcmc/train/train.hpp"
