// Two processes: `other_process write FOLDER` trains, saves the model and keeps the trainer's predictions of the test
// ratings; `other_process read FOLDER` loads the model and must predict the same bits, and the trainer's test RMSE.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "gcmc/cpu.hpp"
#include "gcmc/gcmc.hpp"
#include "gcmc/train/train.hpp"

namespace {

using namespace gcmc;

Ratings ratings() { return generate_ratings({.users = 120, .items = 150, .ratings = 3000}); }

Options options(const char* precision) {
  Options options;
  options.model.units = 30;
  options.model.output = 11;
  options.train.max_iterations = 20;
  set_option(options, "precision", precision);
  return options;
}

Split parts(const Ratings& all, const Options& o) {
  return Split(all, {o.run.test_ratio, o.run.valid_ratio, o.train.seed, o.train.seed});
}

/// What the trainer itself computes for the test ratings, in the graph's order, by its own embeddings.
template <class T>
std::vector<double> trainer_predictions(Trainer<Cpu, T>& trainer, Cpu& cpu, const Ratings& all, const Split& split) {
  const Graph<Cpu, T> test(cpu, all.users(), all.items(), static_cast<Index>(all.levels.size()), split.test());
  Buffer<Cpu, T> predictions(cpu, test.edges());
  trainer.model().predict(test.pairs(), predictions.data());
  const std::vector<T> typed = predictions.get();
  return {typed.begin(), typed.end()};
}

std::vector<std::pair<Index, Index>> pairs_in_graph_order(const Ratings& all, const Split& split) {
  const HostAdjacency rows =
      make_adjacency(all.users(), static_cast<Index>(all.levels.size()), split.test(), user_side);
  std::vector<std::pair<Index, Index>> pairs;
  const auto levels = static_cast<Offset>(all.levels.size());
  for (Index user = 0; user < all.users(); ++user)
    for (Offset e = rows.offsets[user * levels]; e < rows.offsets[(user + 1) * levels]; ++e)
      pairs.emplace_back(user, rows.source[e]);
  return pairs;
}

/// The same run twice: once by train(), which makes the saved model, once by a Trainer whose predictions are kept.
template <class T>
void write(const std::string& folder, const char* precision) {
  const Ratings all = ratings();
  const Options o = options(precision);
  save_model(folder, train(all, o).model);
  Cpu cpu;
  const Split split = parts(all, o);
  Trainer<Cpu, T> trainer(cpu, all, split, o);
  while (!trainer.finished()) {
    trainer.step();
    trainer.observe(trainer.validate().rmse());
  }
  trainer.choose();
  trainer.embed();
  const std::vector<double> predictions = trainer_predictions(trainer, cpu, all, split);
  const Tensor kept{{static_cast<Offset>(predictions.size())}, predictions};
  write_safetensors(folder + "-predictions", {{"predictions", kept}});
}

bool read(const std::string& folder, const char* precision) {
  const Ratings all = ratings();
  const Split split = parts(all, options(precision));
  const Predictor predictor(load_model(folder), 1);
  const std::vector<double> ours = predictor.predict(pairs_in_graph_order(all, split));
  const auto theirs = std::get<std::vector<double>>(read_safetensors(folder + "-predictions").at("predictions").values);
  double squares = 0;
  std::vector<std::pair<Index, Index>> test;
  for (const Rating& r : split.test()) test.emplace_back(r.user, r.item);
  const std::vector<double> again = predictor.predict(test);
  for (std::size_t k = 0; k < again.size(); ++k) squares += std::pow(again[k] - all.levels[split.test()[k].level], 2);
  const double rmse = std::sqrt(squares / static_cast<double>(again.size()));
  const double saved = predictor.model().metrics.at("best_test_rmse");
  const bool equal = ours == theirs && std::abs(rmse - saved) < 1e-6;
  std::printf("%s: %zu predictions %s, test RMSE %.9f, saved %.9f\n", precision, ours.size(),
              ours == theirs ? "equal to the last bit" : "DIFFER", rmse, saved);
  return equal && !ours.empty();
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  const std::string folder = arguments[2];
  if (std::strcmp(arguments[1], "write") == 0) {
    write<float>(folder + "/float", "float");
    write<double>(folder + "/double", "double");
    return 0;
  }
  const bool single = read(folder + "/float", "float"), twice = read(folder + "/double", "double");
  return single && twice ? 0 : 1;
}
