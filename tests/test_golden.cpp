// Forward values, gradients and three training steps against the golden cases of an independent implementation.
// GCMC_GOLDEN_DIR names another folder of cases.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "backends.hpp"
#include "gcmc/layers/model.hpp"
#include "gcmc/layers/optimizer.hpp"

namespace {

using gcmc::Index;
using Json = nlohmann::json;

std::filesystem::path golden_folder() {
  if (const char* folder = std::getenv("GCMC_GOLDEN_DIR")) return folder;
  const char* data = std::getenv("GCMC_TEST_DATA");
  return std::filesystem::path(data ? data : "tests/data") / "golden";
}

std::vector<std::filesystem::path> golden_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(golden_folder()))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

void flatten(const Json& nested, std::vector<double>& out) {
  if (nested.is_array())
    for (const Json& inner : nested) flatten(inner, out);
  else
    out.push_back(nested.get<double>());
}
std::vector<double> numbers(const Json& nested) {
  std::vector<double> out;
  flatten(nested, out);
  return out;
}

std::vector<gcmc::Rating> ratings(const Json& triples) {
  std::vector<gcmc::Rating> out;
  for (const Json& t : triples) out.push_back({t[0].get<Index>(), t[1].get<Index>(), t[2].get<gcmc::Level>()});
  return out;
}

gcmc::ModelOptions options_of(const Json& golden) {
  const Json& o = golden["options"];
  gcmc::ModelOptions options;
  options.aggregation = o["aggregation"] == "stack" ? gcmc::Aggregation::stack : gcmc::Aggregation::sum;
  options.normalization = o["normalization"] == "left" ? gcmc::Normalization::left : gcmc::Normalization::symmetric;
  const std::string activation = o["activation"];
  const std::map<std::string, gcmc::Activation> activations = {{"leaky_relu", gcmc::Activation::leaky_relu},
                                                               {"relu", gcmc::Activation::relu},
                                                               {"tanh", gcmc::Activation::tanh},
                                                               {"sigmoid", gcmc::Activation::sigmoid},
                                                               {"softsign", gcmc::Activation::softsign},
                                                               {"linear", gcmc::Activation::linear}};
  options.activation = activations.at(activation);
  options.units = o["units"];
  options.output = o["output"];
  options.bases = o["bases"];
  options.dense_bias = o["dense_bias"];
  options.share_dense = o["share_dense"];
  options.ordinal = o["ordinal"];
  options.features = o["features"];
  if (options.features) options.feature_units = static_cast<Index>(golden["parameters"]["features.user.bias"].size());
  options.node_dropout = 0;
  return options;
}

gcmc::SideFeatures features_of(const Json& rows) {
  gcmc::SideFeatures features;
  features.columns = static_cast<Index>(rows.at(0).size());
  for (const double x : numbers(rows)) features.values.push_back(x);
  return features;
}

/// |a - b| <= tolerance * the largest |b| of the tensor.
template <class T, class Number = T>
void check_close(const std::string& what, const std::vector<Number>& actual, const std::vector<double>& expected) {
  const double tolerance = sizeof(T) == 8 ? 1e-9 : 1e-4;
  INFO(what);
  REQUIRE(actual.size() == expected.size());
  double largest = 0, error = 0;
  for (std::size_t k = 0; k < expected.size(); ++k) {
    largest = std::max(largest, std::abs(expected[k]));
    error = std::max(error, std::abs(static_cast<double>(actual[k]) - expected[k]));
  }
  CHECK(error <= tolerance * std::max(largest, 1e-3));
}

template <class B, class T>
std::vector<T> host(B& backend, const gcmc::MatrixView<const T>& view) {
  std::vector<T> out(static_cast<std::size_t>(view.rows) * view.columns);
  for (Index i = 0; i < view.rows; ++i)
    backend.copy_to_host(out.data() + gcmc::Offset{i} * view.columns, view.row(i), view.columns * sizeof(T));
  return out;
}

/// One golden case as a model, its graphs and what is expected.
template <class B, class T>
struct Case {
  explicit Case(B& backend, const Json& golden)
      : features{side_features(golden, "user"), side_features(golden, "item")},
        model(backend,
              {golden["users"], golden["items"], numbers(golden["rating_values"]), {&features[0], &features[1]}},
              options_of(golden), 1),
        train(graph(backend, golden, "train")),
        test(graph(backend, golden, "test")) {
    std::map<std::string, std::vector<T>> values;
    for (const auto& [name, tensor] : golden["parameters"].items()) {
      const std::vector<double> flat = numbers(tensor);
      values[name] = {flat.begin(), flat.end()};
    }
    model.parameters().set(values);
  }
  static gcmc::SideFeatures side_features(const Json& golden, const char* side) {
    return golden["options"]["features"].get<bool>() ? features_of(golden["features"][side]) : gcmc::SideFeatures{};
  }
  static gcmc::Graph<B, T> graph(B& backend, const Json& golden, const char* part) {
    const auto normalization = options_of(golden).normalization;
    return {backend,
            golden["users"],
            golden["items"],
            static_cast<Index>(golden["rating_values"].size()),
            ratings(golden[part]),
            normalization};
  }
  std::array<gcmc::SideFeatures, 2> features;
  gcmc::Model<B, T> model;
  gcmc::Graph<B, T> train, test;
};

template <class B, class T>
void check_test_predictions(Case<B, T>& c, const Json& golden, B& backend) {
  const Json& expected = golden["expected"];
  const auto levels = golden["rating_values"].size();
  gcmc::Buffer<B, T> predictions(backend, c.test.edges()),
      probabilities(backend, c.test.edges() * static_cast<gcmc::Offset>(levels));
  c.model.predict(c.test.pairs(), predictions.data(), probabilities.data());
  check_close<T, double>("test_rmse", {c.model.metrics().rmse()}, {expected["test_rmse"].get<double>()});
  // The graph orders pairs by user, level and item: find each golden pair there.
  const std::vector<gcmc::Rating> pairs = ratings(golden["test"]);
  std::vector<std::size_t> order(pairs.size());
  for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::tuple(pairs[a].user, pairs[a].level, pairs[a].item) <
           std::tuple(pairs[b].user, pairs[b].level, pairs[b].item);
  });
  std::vector<double> wanted, wanted_probabilities;
  for (const std::size_t k : order) {
    wanted.push_back(expected["test_predictions"][k].get<double>());
    const std::vector<double> logits = numbers(expected["test_logits"][k]);
    double total = 0;
    for (const double logit : logits) total += std::exp(logit);
    for (const double logit : logits) wanted_probabilities.push_back(std::exp(logit) / total);
  }
  check_close<T>("test_predictions", predictions.get(), wanted);
  check_close<T>("test probabilities", probabilities.get(), wanted_probabilities);
}

template <class T, class B>
void check_golden(const std::filesystem::path& file, B& backend) {
  INFO(file.string());
  std::ifstream in(file);
  const Json golden = Json::parse(in);
  const Json& expected = golden["expected"];
  Case<B, T> c(backend, golden);

  c.model.forward_backward(c.train.messages(), c.train.pairs());
  check_close<T>("user_hidden", host(backend, c.model.hidden(gcmc::user_side)), numbers(expected["user_hidden"]));
  check_close<T>("item_hidden", host(backend, c.model.hidden(gcmc::item_side)), numbers(expected["item_hidden"]));
  check_close<T>("user_embedding", c.model.embedding(gcmc::user_side).get(), numbers(expected["user_embedding"]));
  check_close<T>("item_embedding", c.model.embedding(gcmc::item_side).get(), numbers(expected["item_embedding"]));
  check_close<T, double>("train_loss", {c.model.metrics().loss()}, {expected["train_loss"].get<double>()});
  const auto gradients = c.model.parameters().get_gradient();
  REQUIRE(gradients.size() == expected["gradients"].size());
  for (const auto& [name, tensor] : expected["gradients"].items())
    check_close<T>(name, gradients.at(name), numbers(tensor));
  check_test_predictions(c, golden, backend);

  gcmc::Optimizer<B, T> optimizer(backend, c.model.parameters(), gcmc::OptimizerKind::adam, 1.0);
  for (int step = 0; step < 3; ++step) {
    c.model.forward_backward(c.train.messages(), c.train.pairs());
    check_close<T, double>("three_steps loss", {c.model.metrics().loss()},
                           {expected["three_steps"]["losses"][step].get<double>()});
    optimizer.step(0.01);
    if (step == 0)
      check_close<T, double>("gradient_norm", {optimizer.gradient_norm()}, {expected["gradient_norm"].get<double>()});
  }
  const auto values = c.model.parameters().get();
  for (const auto& [name, tensor] : expected["three_steps"]["parameters"].items())
    check_close<T>("after three steps: " + name, values.at(name), numbers(tensor));
}

}  // namespace

TEST_CASE("golden cases agree in double", "[golden]") {
  REQUIRE(golden_files().size() >= (std::getenv("GCMC_GOLDEN_DIR") ? 1 : 7));
  gcmc::for_each_backend([](auto& backend) {
    for (const auto& file : golden_files()) check_golden<double>(file, backend);
  });
}

TEST_CASE("golden cases agree in float", "[golden]") {
  REQUIRE(golden_files().size() >= (std::getenv("GCMC_GOLDEN_DIR") ? 1 : 7));
  gcmc::for_each_backend([](auto& backend) {
    for (const auto& file : golden_files()) check_golden<float>(file, backend);
  });
}
