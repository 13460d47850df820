// The part of the program that needs CUDA's libraries: a module beside it, loaded when a device is asked for, so that
// the program starts without them. Both are of one build, since C++ objects pass between them.
#pragma once

#include <string>

#include "gcmc/base/export.hpp"
#include "gcmc/train/ensemble.hpp"

/// The module's one function (cuda_module.cpp): sets `training` to training on the CUDA device of that number. Throws
/// DeviceError as gcmc::Cuda's constructor.
extern "C" GCMC_EXPORT void gcmc_training_on_cuda(int number, gcmc::TrainFunction& training);

/// That function of the module at `path`, relative to the program's folder; the module stays for the rest of the
/// process. Throws DeviceError too if it cannot be loaded, with the loader's reason.
gcmc::TrainFunction training_of_module(const std::string& path, int number);
