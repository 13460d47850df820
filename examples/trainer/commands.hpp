// The program's three commands. Each throws gcmc::Error on wrong input and returns when its work is done.
#pragma once

#include <string>

#include "gcmc/options.hpp"

void run_train(const gcmc::Options& options);

struct PredictArguments {
  std::string model, pairs, output;  ///< pairs "-": standard input; output empty: standard output
  bool probabilities = false;
  int threads = 0;
};
void run_predict(const PredictArguments& arguments);

struct RecommendArguments {
  std::string model, user;
  gcmc::Index top = 10;
  int threads = 0;
};
void run_recommend(const RecommendArguments& arguments);
