// With a backend of one's own and no archive of gcmc's on the link line: the layers, a trainer's loop and the whole
// run. This program is compiled with the include folder alone (tests/CMakeLists.txt).
#include <cmath>
#include <cstdio>
#include <string>

#include "gcmc/layers/model.hpp"
#include "gcmc/layers/optimizer.hpp"
#include "gcmc/ratings/builder.hpp"
#include "gcmc/testing/reference.hpp"
#include "gcmc/train/train.hpp"

namespace {

using namespace gcmc;

/// Users like every other item, those of even number the even ones: what a model can learn from a few ratings.
Ratings small_ratings() {
  RatingsBuilder builder;
  Random random(5);
  for (int user = 0; user < 30; ++user)
    for (int item = 0; item < 20; ++item)
      if (random.uniform() < 0.5)
        builder.add("u" + std::to_string(user), "i" + std::to_string(item), (user + item) % 2 == 0 ? 4.5 : 1.5);
  return builder.finish("parity");
}

Options small_options() {
  Options options;
  options.model = {.units = 12, .output = 6, .node_dropout = 0.2};
  options.train.max_iterations = 60;
  options.train.learning_rate = 0.05;
  return options;
}

bool check(bool holds, const char* what) {
  std::printf("%s: %s\n", holds ? "ok" : "FAILED", what);
  return holds;
}

/// Graph, Model and Optimizer without a Trainer.
template <class B>
double loss_after(B& backend, const Ratings& ratings, int steps) {
  const Options options = small_options();
  const Graph<B, double> graph(backend, ratings.users(), ratings.items(), 2, ratings.entries);
  Model<B, double> model(backend, {ratings.users(), ratings.items(), ratings.levels, {}}, options.model, 1);
  Optimizer<B, double> optimizer(backend, model.parameters(), OptimizerKind::adam, 1.0);
  double loss = 0;
  for (int step = 0; step <= steps; ++step) {
    model.forward_backward(graph.messages(), graph.pairs());
    loss = model.metrics().loss();
    optimizer.step(0.05);
  }
  return loss;
}

}  // namespace

int main() {
  const Ratings ratings = small_ratings();
  testing::Reference backend;
  bool good = check(loss_after(backend, ratings, 40) < 0.5 * loss_after(backend, ratings, 0), "the layers learn");

  const Split parts(ratings, {0.1, 0.1, 1, 1});
  const Options options = small_options();
  Trainer<testing::Reference, float> trainer(backend, ratings, parts, options);
  while (!trainer.finished()) {
    trainer.step();
    trainer.observe(trainer.validate().rmse());
  }
  trainer.choose();
  good &= check(trainer.test().rmse() < 0.75, "a trainer's model beats the mean, whose RMSE is 1.5");

  const TrainResult result = train(backend, ratings, options);
  good &= check(result.metrics.best_test_rmse < result.metrics.baseline_test_rmse, "a run's model beats its baseline");
  good &= check(result.metrics.backend == backend.name(), "the run names its backend");
  good &= check(result.model.tensor("user_embedding").shape == std::vector<Offset>{30, 6}, "the run leaves a model");
  return good ? 0 : 1;
}
