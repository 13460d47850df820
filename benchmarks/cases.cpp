// The options of each case, and the graphs: generated or from a file.
#include "cases.hpp"

#include <algorithm>
#include <charconv>

#include "gcmc/base/random.hpp"
#include "gcmc/cpu.hpp"
#include "gcmc/files/readers.hpp"
#include "gcmc/options/presets.hpp"
#include "graph_file.hpp"

namespace gcmc::benchmarks {
namespace {

/// MovieLens' own numbers: ml-100k has age, sex and 21 occupations; 18 genres and year.
constexpr Index user_feature_columns = 23, item_feature_columns = 19;

SideFeatures random_features(Index nodes, Index columns, std::uint32_t stream) {
  SideFeatures features{columns, std::vector<double>(static_cast<std::size_t>(nodes) * columns), {}};
  Random random(1, stream);
  for (double& value : features.values) value = random.uniform() < 0.1 ? 1 : 0;
  for (Index c = 0; c < columns; ++c) features.names.push_back("feature " + std::to_string(c));
  return features;
}

Shape shape_of(Ratings ratings, std::span<const Rating> training) {
  std::vector<Rating> valid;
  for (std::size_t e = 0; e < training.size(); e += 10) valid.push_back(training[e]);
  Shape shape{std::move(ratings), Split(training, valid, {})};
  shape.ratings.user_features = random_features(shape.ratings.users(), user_feature_columns, 1);
  shape.ratings.item_features = random_features(shape.ratings.items(), item_feature_columns, 2);
  return shape;
}

}  // namespace

std::string short_text(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value, std::chars_format::general, 3).ptr};
}

std::string Case::name() const {
  return shape + (aggregation == Aggregation::stack ? "/stack/" : "/sum/") + variant + "/keep:" + short_text(keep) +
         "/threads:" + std::to_string(threads);
}

Options Case::options() const {
  Options options = variant == "best" ? preset_options("best", shape) : preset_options("dgl", "");
  ModelOptions& model = options.model;
  model.aggregation = aggregation;
  model.node_dropout = 1 - keep;
  model.features = variant == "best" || variant == "features";
  if (variant == "features") model.feature_dropout = 0.5;
  if (variant == "implicit") model.implicit = true;
  if (variant == "bases4") model.bases = 4;
  if (variant == "bf16") options.model.precision = Precision::bf16_tables;
  if (variant == "removal") options.train.target_removal = 0.1;
  return options;
}

std::vector<int> thread_counts() {
  const int cores = Cpu().threads();
  std::vector<int> counts = {1};
  if (cores > 1) counts.push_back(2);
  if (cores > 2) counts.push_back(cores);
  return counts;
}

Shape generated_shape(const std::string& name) {
  Ratings ratings = generate_ratings(synthetic_shape("synthetic" + name.substr(name.find('-'))));
  const Split parts(ratings, {name == "ml-100k" ? 0.2 : 0.1, 0.0, 1, 1});
  std::vector<Rating>().swap(ratings.entries);  // = {} would keep the memory
  return shape_of(std::move(ratings), parts.train());
}

Shape shape_from_file(const std::string& path) {
  Ratings ratings = read_graph_file(path);
  std::vector<Rating> training = std::exchange(ratings.entries, {});
  return shape_of(std::move(ratings), std::move(training));
}

std::string shape_name(const Ratings& ratings) {
  for (const char* name : {"100k", "1m", "10m"}) {
    const GeneratorOptions known = synthetic_shape(std::string("synthetic-") + name);
    if (ratings.users() == known.users && ratings.items() == known.items) return std::string("ml-") + name;
  }
  return ratings.name;
}

}  // namespace gcmc::benchmarks
