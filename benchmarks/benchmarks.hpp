// The families of benchmarks that gcmc_bench registers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "laboratory.hpp"

namespace gcmc::benchmarks {

/// epoch/CASE: one training step, with its phases in milliseconds; evaluate/CASE: one evaluation;
/// evaluated_epoch/CASE: a step and an evaluation.
void register_epochs(const std::shared_ptr<Laboratory>& laboratory, const std::vector<std::string>& shapes);

/// prepare/split/SHAPE/threads:N and prepare/graph/SHAPE/threads:N: what is done once before the first step.
void register_preparing(const std::shared_ptr<Laboratory>& laboratory, const std::vector<std::string>& shapes);

/// kernel/PHASE/CASE: each operation of a step by itself, for the shapes and 3 shares of dropout.
void register_kernels(const std::shared_ptr<Laboratory>& laboratory, const std::vector<std::string>& shapes);

/// Prior forms of the same work. baseline/eigen_sparse_dense/CASE: the products of one direction of the graph
/// convolution, of all edges, as Eigen does them; baseline/unfused_decoder/CASE: the decoder's formulas, one pass each.
void register_eigen(const std::shared_ptr<Laboratory>& laboratory, const std::vector<std::string>& shapes);
void register_unfused_decoders(const std::shared_ptr<Laboratory>& laboratory, const std::vector<std::string>& shapes);

/// ask/...: recommendations, predictions and folding in by a model of ml-1m's and ml-10m's shape.
void register_asking();

/// cuda/aggregate/WHO/CASE and cuda/aggregate_backward/WHO/CASE: a step's sums of messages on the first CUDA device, by
/// gcmc's kernels (own) and by cuSPARSE (csr_alg2, csr_alg3). Registers nothing and returns why if there is no device.
std::string register_cuda(const std::shared_ptr<Laboratory>& laboratory, const std::vector<std::string>& shapes);

/// ceiling/...: what ceilings.hpp measures, at sizes from the second-level cache to main memory.
void register_ceilings();

}  // namespace gcmc::benchmarks
