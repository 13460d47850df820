// Saved models: what is saved loads bit for bit, and answers as it did.
#include <sys/stat.h>

#include <cmath>
#include <functional>
#include <limits>

#include "changed_model.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/random.hpp"
#include "gcmc/base/version.hpp"
#include "gcmc/cpu.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/model/predictor.hpp"
#include "gcmc/options/option_names.hpp"
#include "gcmc/ratings/generator.hpp"
#include "gcmc/train/save.hpp"
#include "gcmc/train/train.hpp"
#include "sane_answers.hpp"

using namespace gcmc;
namespace fs = std::filesystem;

namespace {

template <class T>
void check_round_trip(const SavedModel& model) {
  const ScratchFolder folder;
  save_model(folder / "model", model);
  check_equal(load_model(folder / "model"), model);
  CHECK(names_in(folder / "") == std::vector<std::string>{"model"});
}

}  // namespace

TEMPLATE_TEST_CASE("a saved model loads bit for bit, whatever its parts", "[saved_model]", float, double) {
  for (const auto aggregation : {Aggregation::sum, Aggregation::stack})
    for (int choice = 0; choice < 16; ++choice) {
      ModelOptions options;
      options.aggregation = aggregation;
      options.implicit = choice & 1;
      options.share_dense = choice & 2;
      options.dense_bias = choice & 4;
      check_round_trip<TestType>(small_model<TestType>(options, choice & 8));
    }
}

TEMPLATE_TEST_CASE("a saved model comes back into a Model, whose embeddings are the same and whose training goes on",
                   "[saved_model]", float, double) {
  const Ratings ratings = generate_ratings({.users = 120, .items = 90, .ratings = 4000});
  Options options;
  options.model.units = 30;
  options.model.output = 8;
  if (std::is_same_v<TestType, double>) options.model.precision = Precision::float64;
  options.train.max_iterations = 12;
  const TrainResult trained = train(ratings, options);
  const ScratchFolder folder;
  save_model(folder / "model", trained.model);
  const SavedModel saved = load_model(folder / "model");

  Cpu cpu(1);
  const Split parts(ratings, split_options(options));
  const auto levels = static_cast<Index>(ratings.levels.size());
  Model<Cpu, TestType> model(cpu, {ratings.users(), ratings.items(), ratings.levels}, options.model, 99);
  restore(model, saved);
  const Graph<Cpu, TestType> graph(cpu, ratings.users(), ratings.items(), levels, parts.train_and_valid());
  model.encode(graph.messages());
  CHECK(model.embedding(user_side).get() == saved.values<TestType>("user_embedding"));
  CHECK(model.embedding(item_side).get() == saved.values<TestType>("item_embedding"));

  Trainer<Cpu, TestType> further(cpu, model, ratings, parts, options);
  CHECK(further.step().loss() < trained.history.front().loss);

  ModelOptions other = options.model;
  other.output = 9;
  Model<Cpu, TestType> larger(cpu, {ratings.users(), ratings.items(), ratings.levels}, other, 1);
  CHECK(holds(error_of([&] { restore(larger, saved); }), "has another shape"));
  CHECK(holds(error_of([&] { restore(model, load_model(folder / "model", Predictor::reads)); }), "is missing"));
}

TEST_CASE("every option of a saved model comes back, not only defaults", "[saved_model]") {
  auto model = small_model<double>();
  set_option(model.options, "seed", "18446744073709551615");
  set_option(model.options, "gcn_agg_norm_symm", "false");
  set_option(model.options, "use_one_hot_fea", "true");
  set_option(model.options, "train_lr", "0.012345678901234567");
  set_option(model.options, "data_name", "a \"quoted\" \xC3\xA9 folder");
  set_option(model.options, "precision", "double");
  check_round_trip<double>(model);
}

TEST_CASE("the baseline of a loaded model is the one that was saved", "[saved_model]") {
  const auto model = small_model<float>();
  const BiasBaseline baseline = model.baseline();
  CHECK(baseline.mean == model.mean);
  CHECK(baseline.lowest == 0.5);
  CHECK(baseline.highest == 4.0);
  CHECK(baseline.user_bias == std::get<std::vector<double>>(model.tensors.at("baseline.user_bias").values));
  CHECK(baseline.item_bias == std::get<std::vector<double>>(model.tensors.at("baseline.item_bias").values));
  CHECK_THROWS_AS(SavedModel{}.baseline(), Error);
}

TEST_CASE("ids are one a line, and config.json tells what the model is", "[saved_model]") {
  const ScratchFolder folder;
  save_model(folder / "model", small_model<float>());
  CHECK(read_bytes(folder / "model/users.txt") == "u1\nuser two\n\xFCser 3\n");
  CHECK(read_bytes(folder / "model/items.txt") == "10\n9\nx,y\n#\n");
  const std::string config = read_bytes(folder / "model/config.json");
  CHECK(config.find("{\n  \"format\": \"gcmc-model\",\n  \"version\": 1,\n  \"gcmc_version\": \"" GCMC_VERSION
                    "\",\n  \"dataset\": \"small\",") == 0);
  CHECK(holds(config, "\"gcn_dropout\": 0.7,"));
  CHECK(holds(config, "\"gcn_agg_norm_symm\": true,"));
  CHECK(holds(config, "\"device\": \"-1\","));
}

TEST_CASE("a model that could not be loaded is not saved", "[saved_model]") {
  using Floats = std::vector<float>;
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(holds(save_error([](auto& m) { m.tensors.erase("decoder.basis"); }), "\"decoder.basis\" is missing"));
  CHECK(holds(save_error([](auto& m) { m.options.train.calibrate = true; }), "\"calibration\" is missing"));
  CHECK(holds(save_error([](auto& m) { m.tensors["decoder.basis"].shape = {2, 9}; }), "[2, 9]"));
  CHECK(
      holds(save_error([](auto& m) { std::get<Floats>(m.tensors["decoder.basis"].values).pop_back(); }), "17 values"));
  CHECK(holds(save_error([](auto& m) { m.user_ids[1] = "a\nb"; }), "users.txt: line 2: the id holds a line break"));
  CHECK(holds(save_error([](auto& m) { m.item_ids[0] = ""; }), "items.txt: line 1: the id is empty"));
  CHECK(holds(save_error([](auto& m) { m.item_ids[3] = "10"; }), "items.txt: line 4: the id '10' is there twice"));
  CHECK(holds(save_error([](auto& m) { m.user_ids.pop_back(); }), "need [2, 3]"));
  CHECK(holds(save_error([&](auto& m) { m.mean = nan; }), "baseline_mean"));
  CHECK(holds(save_error([&](auto& m) { m.metrics["x"] = nan; }), "\"x\" is not finite"));
  CHECK(holds(save_error([](auto& m) { m.levels = {4.0, 0.5}; }), "rating value 1"));
  CHECK(holds(save_error([](auto& m) { m.levels = {}; }), "0 rating values"));
  CHECK(holds(save_error([](auto& m) { m.dataset = "\xFF"; }), "cannot be written as JSON"));
  CHECK(holds(save_error([](auto& m) {
                m.options.model.aggregation = Aggregation::stack;
                m.options.model.units = 1;
              }),
              "config.json: model: 1 units cannot be stacked over 2 levels"));
}

TEST_CASE("a value that is not finite is told with its tensor and place", "[saved_model]") {
  for (const std::string name : {"encoder.item.weight", "decoder.coefficients", "item_embedding"}) {
    const auto message = tensor_error([&](auto& tensors) {
      std::get<std::vector<float>>(tensors[name].values)[3] = std::numeric_limits<float>::infinity();
    });
    CHECK(holds(message, "model.safetensors: tensor \"" + name + "\": value 3 is not finite"));
  }
}

TEMPLATE_TEST_CASE("whatever a model's values, it is refused or its predictions are numbers between its levels",
                   "[saved_model]", float, double) {
  const ScratchFolder folder;
  Random random(std::is_same_v<TestType, float> ? 1 : 2);
  using Limits = std::numeric_limits<TestType>;
  const auto drawn = [&](double lowest, double highest) {
    const double exponent = lowest + (highest - lowest) * random.uniform();
    const double sign = random.below(2) ? 1 : -1;
    return static_cast<TestType>(sign * std::min(std::pow(10, exponent), double{Limits::max()}));
  };
  int refused = 0, answered = 0;
  for (int round = 0; round < 150; ++round) {
    INFO("round " << round);
    SavedModel model = small_model<TestType>();
    model.options.train.calibrate = random.below(2) == 0;
    model.levels = {-std::pow(10, 24 * random.uniform() - 12), std::pow(10, 24 * random.uniform() - 12)};
    const double highest = Limits::max_exponent10;
    for (const char* name : {"user_embedding", "item_embedding", "decoder.basis", "decoder.coefficients"}) {
      const double middle = highest * (1.4 * random.uniform() - 0.4);
      for (TestType& value : std::get<std::vector<TestType>>(model.tensors[name].values))
        value = random.below(8) ? drawn(middle - 3, middle + 3) : TestType(random.below(2) ? 0 : Limits::denorm_min());
    }
    for (const char* name : {"baseline.user_bias", "baseline.item_bias"})
      for (double& value : std::get<std::vector<double>>(model.tensors[name].values))
        value = (random.below(2) ? 1 : -1) * std::pow(10, 616 * random.uniform() - 308);
    if (model.options.train.calibrate) {
      const double offset = std::pow(10, 616 * random.uniform() - 308);
      model.tensors["calibration"] = {{2}, std::vector<double>{-offset, std::pow(10, 616 * random.uniform() - 308)}};
    }
    const auto message = error_of([&] { save_model(folder / "model", model); });
    if (message != "no error") {
      CHECK(holds(message, "so large that predictions could overflow"));
      ++refused;
      continue;
    }
    ++answered;
    CHECK(answers_are_sane(Predictor(load_model(folder / "model", Predictor::reads))));
  }
  CHECK(refused > 30);
  CHECK(answered > 30);
}

TEST_CASE("values that could overflow are refused by name when a model is loaded, those that cannot are not",
          "[saved_model]") {
  const char* const names[] = {"user_embedding", "item_embedding", "decoder.basis", "decoder.coefficients"};
  const auto set = [](Tensor& tensor, float value) {
    for (float& each : std::get<std::vector<float>>(tensor.values)) each = value;
  };
  // Sums of 3 x 3 x 2 products: 1.8e37 is less than an eighth of the largest float, 1.8e38 is more.
  for (const char* large : names)
    for (const float value : {1e36f, -1e37f}) {
      const auto message = tensor_error([&](auto& tensors) {
        for (const char* name : names) set(tensors[name], name == large ? value : 1.0f);
      });
      CHECK(holds(message, "so large that predictions could overflow") == (value < 0));
    }
  CHECK(tensor_error([&](auto& tensors) { set(tensors["encoder.user.weight"], 3e38f); }) == "no error");
}

TEST_CASE("a rating value further from 0 than 1e12 is refused", "[saved_model]") {
  CHECK(holds(load_error("config.json", "4.0\n", "4e12\n"), "config.json: rating value 1 is not a number within 1e12"));
}

TEST_CASE("a pipe in the place of a model's file is refused, and not waited for", "[saved_model]") {
  for (const std::string name : {"model.safetensors", "config.json", "users.txt", "items.txt"})
    CHECK(holds(load_error([&](const std::string& folder) {
                  fs::remove(folder + "/" + name);
                  REQUIRE(::mkfifo((folder + "/" + name).c_str(), 0600) == 0);
                }),
                name + ": not a file"));
}

TEST_CASE("embeddings in fewer bits load as floats near those that were saved, and answer alike", "[saved_model]") {
  const ScratchFolder folder;
  SavedModel model = small_model<float>();
  auto& users = std::get<std::vector<float>>(model.tensors["user_embedding"].values);
  users = {0, 0, 0, -3, 1.5, 1e-20F, 0.25F, -0.125F, 0.0625F};
  const SavedModel full = model;
  for (const auto precision : {EmbeddingPrecision::bf16, EmbeddingPrecision::int8}) {
    const bool bytes = precision == EmbeddingPrecision::int8;
    save_models(folder / "model", {&model, 1}, precision);
    const auto stored = read_safetensors(folder / "model/model.safetensors");
    CHECK(stored.contains("user_embedding.scale") == bytes);
    const SavedModel loaded = load_model(folder / "model");
    for (const auto& [name, tensor] : full.tensors) {
      CAPTURE(name, bytes);
      if (!name.ends_with("_embedding")) CHECK(loaded.tensor(name) == tensor);
      const auto* before = std::get_if<std::vector<float>>(&tensor.values);
      if (!before) continue;
      const auto& after = loaded.values<float>(name);
      REQUIRE(after.size() == before->size());
      const auto width = static_cast<std::size_t>(tensor.shape.back());
      for (std::size_t k = 0; k < after.size(); ++k) {
        double largest = 0;
        for (std::size_t d = 0; d < width; ++d)
          largest = std::max<double>(largest, std::abs((*before)[k / width * width + d]));
        const double most = bytes ? largest / 254 * 1.001 : std::abs((*before)[k]) / 256;
        CHECK(std::abs(after[k] - (*before)[k]) <= most);
      }
    }
    CHECK(loaded.tensors.size() == full.tensors.size());
    const SavedModel slim = load_model(folder / "model", Predictor::reads);
    CHECK(slim.tensor("user_embedding") == loaded.tensor("user_embedding"));
    CHECK(Predictor(slim, 1).recommend(0, {.top = 1}).size() == 1);
    save_model(folder / "again", loaded);
    CHECK(load_model(folder / "again").tensors == loaded.tensors);
    save_models(folder / "twice", {&loaded, 1}, precision);
    CHECK(load_model(folder / "twice").tensors == loaded.tensors);
  }
  const SavedModel in_double = small_model<double>();
  CHECK(error_of([&] {
          save_models(folder / "double", {&in_double, 1}, EmbeddingPrecision::bf16);
        }).find("in double") != std::string::npos);
  CHECK(!std::filesystem::exists(folder / "double"));
}

TEST_CASE("scales without the numbers that they are of are refused", "[saved_model]") {
  const ScratchFolder folder;
  const SavedModel model = small_model<float>();
  const std::string path = folder / "model/model.safetensors";
  const auto error = [&](const std::string& name, Tensor tensor) {
    save_models(folder / "model", {&model, 1}, EmbeddingPrecision::int8);
    auto tensors = read_safetensors(path);
    tensors[name] = std::move(tensor);
    write_safetensors(path, tensors);
    return error_of([&] { load_model(folder / "model"); });
  };
  CHECK(error("user_embedding", {{3, 3}, std::vector<float>(9)}).find("are not I8 and F32") != std::string::npos);
  CHECK(error("user_embedding", {{9}, std::vector<Index>(9)}).find("no matrix") != std::string::npos);
  CHECK(error("user_embedding.scale", {{2}, std::vector<float>(2)}).find("as many rows") != std::string::npos);
  CHECK(error("user_embedding.scale", {{3}, std::vector<double>(3)}).find("are not I8 and F32") != std::string::npos);
  CHECK(error("user_embedding.scale", {{3}, std::vector<float>(3, std::numeric_limits<float>::infinity())})
            .find("is not finite") != std::string::npos);
}
