// Trains a small model on generated ratings and predicts one of them.
#include <gcmc/files/readers.hpp>
#include <gcmc/model/predictor.hpp>
#include <gcmc/train/train.hpp>
#include <iostream>
#include <utility>
#include <vector>

int main() {
  const gcmc::Ratings ratings = gcmc::generate_ratings({.users = 80, .items = 60, .ratings = 1500});

  gcmc::Options options;
  options.model.units = 50;
  options.model.output = 10;
  options.train.max_iterations = 20;
  gcmc::TrainResult result = gcmc::train(ratings, options);
  std::cout << "test RMSE " << result.metrics.best_test_rmse << " after " << result.metrics.iterations
            << " iterations\n";

  const gcmc::Predictor predictor(std::move(result.model));
  const std::vector<std::pair<gcmc::Index, gcmc::Index>> pairs = {{0, 0}};
  std::cout << "user " << ratings.user_ids[0] << " would rate item " << ratings.item_ids[0] << ' '
            << predictor.predict(pairs)[0] << '\n';
}
