// Trains a small model on generated ratings, saves it, and asks the saved model what one user would like.
#include <gcmc/base/error.hpp>
#include <gcmc/files/model_folder.hpp>
#include <gcmc/model/predictor.hpp>
#include <gcmc/ratings/generator.hpp>
#include <gcmc/train/train.hpp>
#include <iostream>

int main() try {
  const gcmc::Ratings ratings = gcmc::generate_ratings({.users = 300, .items = 200, .ratings = 25000});

  gcmc::Options options;  // DGL's; gcmc::preset_options("paper", name) gives the paper's
  options.model.units = 60;
  options.model.output = 16;
  options.model.node_dropout = 0.5;
  options.train.learning_rate = 0.02;
  options.train.max_iterations = 300;
  const auto show = [](const gcmc::Progress& p) {
    if (p.iteration % 50 == 0) std::cout << p.iteration << ": validation RMSE " << p.valid_rmse.value() << '\n';
  };
  const gcmc::TrainResult result = gcmc::train(ratings, options, show);
  std::cout << "test RMSE " << result.metrics.best_test_rmse << ", of mean and biases alone "
            << result.metrics.baseline_test_rmse << '\n';

  gcmc::save_model("quickstart-model", result.model);
  const gcmc::Predictor predictor(gcmc::load_model("quickstart-model"));
  for (const auto& [item, rating] : predictor.recommend(predictor.user_index("7"), {.top = 3}))
    std::cout << "user 7 would rate item " << predictor.model().item_ids[item] << ' ' << rating << '\n';
} catch (const gcmc::Error& error) {
  std::cerr << "quickstart: " << error.what() << '\n';
  return 1;
}
