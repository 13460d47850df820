// gcmc sagemaker: the container's entry point on Amazon SageMaker. docs/sagemaker.md says what it keeps.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "asking.hpp"

/// Runs the program with these arguments, a command first. Throws what the command throws.
using RunProgram = std::function<void(std::vector<std::string> arguments)>;

Command add_sagemaker(CLI::App& app, const RunProgram& run_program);

/// `gcmc sagemaker train`: a job's hyperparameters and channels become a command line, which `run_program` runs. What
/// is wrong goes to output/failure as well.
void sagemaker_train(const RunProgram& run_program);

/// `gcmc sagemaker serve`.
void sagemaker_serve();
