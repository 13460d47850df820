// The families of benchmarks that gcmc_bench registers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "laboratory.hpp"

namespace gcmc::benchmarks {

/// epoch/CASE: one training step, with its phases in milliseconds; evaluate/CASE: one evaluation.
void register_epochs(const std::shared_ptr<Laboratory>& laboratory, const std::vector<std::string>& shapes);

}  // namespace gcmc::benchmarks
