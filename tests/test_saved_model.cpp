// Saved models: what is saved loads bit for bit, a folder is replaced whole or not at all, and every fault in a folder
// is told with its file.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <sys/resource.h>
#include <sys/stat.h>

#include <cmath>
#include <csignal>
#include <functional>
#include <limits>

#include "error_of.hpp"
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
#include "scratch_folder.hpp"
#include "small_model.hpp"

using namespace gcmc;
namespace fs = std::filesystem;

namespace {

template <class Act>
std::string error_of(Act&& act) {
  try {
    act();
  } catch (const Error& error) {
    const std::string message = error.what();
    CHECK(message.find('\n') == message.npos);
    return message;
  }
  return "";
}

void check_equal(const SavedModel& a, const SavedModel& b) {
  CHECK(a.options == b.options);
  CHECK(a.dataset == b.dataset);
  CHECK(a.levels == b.levels);
  CHECK(a.user_ids == b.user_ids);
  CHECK(a.item_ids == b.item_ids);
  CHECK(a.tensors == b.tensors);
  CHECK(a.encodings == b.encodings);
  CHECK(a.mean == b.mean);
  CHECK(a.metrics == b.metrics);
  CHECK(a.split == b.split);
}

template <class T>
void check_round_trip(const SavedModel& model) {
  const ScratchFolder folder;
  save_model(folder / "model", model);
  check_equal(load_model(folder / "model"), model);
  CHECK(names_in(folder / "") == std::vector<std::string>{"model"});
}

/// The message of saving small_model<float>() after `change`; nothing may have been written.
std::string save_error(const std::function<void(SavedModel&)>& change) {
  const ScratchFolder folder;
  auto model = small_model<float>();
  change(model);
  const auto message = error_of([&] { save_model(folder / "model", model); });
  CHECK(fs::is_empty(folder / "."));
  return message;
}

/// The message of loading small_model<float>() after `change` to its files.
std::string load_error(const std::function<void(const std::string&)>& change) {
  const ScratchFolder folder;
  save_model(folder / "model", small_model<float>());
  change(folder / "model");
  return error_of([&] { load_model(folder / "model"); });
}

/// The same, after one piece of a file's text is replaced.
std::string load_error(const std::string& name, const std::string& piece, const std::string& replacement) {
  return load_error([&](const std::string& folder) {
    std::string text = read_bytes(folder + "/" + name);
    const auto at = text.find(piece);
    REQUIRE(at != text.npos);
    write_bytes(folder + "/" + name, text.replace(at, piece.size(), replacement));
  });
}

/// The same, after the tensors are changed and written again.
std::string tensor_error(const std::function<void(std::map<std::string, Tensor>&)>& change) {
  return load_error([&](const std::string& folder) {
    auto tensors = read_safetensors(folder + "/model.safetensors");
    change(tensors);
    write_safetensors(folder + "/model.safetensors", tensors);
  });
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

TEST_CASE("a model is loaded with the tensors that are wanted, and answers as with all", "[saved_model]") {
  const ScratchFolder folder;
  const auto model = small_model<float>({}, true);
  save_models(folder / "model", std::vector{model, model});
  const std::vector<SavedModel> served = load_models(folder / "model", Predictor::reads);
  REQUIRE(served.size() == 2);
  std::size_t kept = 0;
  for (const auto& [name, tensor] : model.tensors) {
    INFO(name);
    CHECK(served[1].tensors.contains(name) == Predictor::reads(name));
    CHECK((name.starts_with("encoder.") && Predictor::reads(name)) == false);
    if (Predictor::reads(name)) CHECK(served[1].tensor(name) == tensor);
    kept += Predictor::reads(name);
  }
  CHECK(kept == 10);
  CHECK(served[1].tensors.size() == kept);
  const std::vector<Predictor::Pair> pairs = {{0, 1}, {2, 3}, {-1, 0}};
  const Predictor few(served, 1), all(load_models(folder / "model"), 1);
  CHECK(few.score(pairs).ratings == all.score(pairs).ratings);
  CHECK(few.score(pairs).probabilities == all.score(pairs).probabilities);
  CHECK(few.recommend(2, {.top = 1}).front().item == all.recommend(2, {.top = 1}).front().item);
  const auto none = load_model(folder / "model/1", [](const std::string&) { return false; });
  CHECK(none.tensors.empty());
  CHECK(none.user_ids == model.user_ids);
  CHECK(error_of([&] { save_model(folder / "copy", served[0]); }) != "no error");
}

TEST_CASE("a model may lack its encoder, all of it, and answers the same", "[saved_model]") {
  const ScratchFolder folder;
  SavedModel model = small_model<float>({}, true);
  const Predictor whole(model, 1);
  model.encodings = {};
  const auto is_of_encoder = [](const auto& tensor) {
    return tensor.first.starts_with("encoder.") || tensor.first.starts_with("dense.") ||
           tensor.first.starts_with("features.");
  };
  const auto user_tables = model.tensors.extract("encoder.user.weight");
  CHECK(holds(error_of([&] { save_model(folder / "model", model); }), "\"encoder.user.weight\" is missing"));
  CHECK(std::erase_if(model.tensors, is_of_encoder) > 4);
  save_model(folder / "model", model);
  const Predictor slim(load_model(folder / "model"), 1);
  const std::vector<Predictor::Pair> pairs = {{0, 1}, {2, 3}, {-1, 0}};
  CHECK(slim.score(pairs).probabilities == whole.score(pairs).probabilities);
  CHECK(holds(error_of([&] { slim.explain(0, 0); }), "\"encoder.item.weight\" is missing"));
}

TEST_CASE("shapes are checked of tensors that are not read, and values of those that are", "[saved_model]") {
  const ScratchFolder folder;
  save_model(folder / "model", small_model<float>());
  const std::string path = folder / "model/model.safetensors";
  const auto whole = read_safetensors(path);
  const auto error = [&](const std::string& name, auto change) {
    auto tensors = whole;
    change(tensors.at(name));
    write_safetensors(path, tensors);
    return error_of([&] { load_model(folder / "model", Predictor::reads); });
  };
  const auto reshape = [](Tensor& tensor) { tensor.shape.push_back(1); };
  const auto set = [](auto value) {
    return [value](Tensor& tensor) { std::get<std::vector<decltype(value)>>(tensor.values)[1] = value; };
  };
  CHECK(holds(error("encoder.user.weight", reshape), "\"encoder.user.weight\" has shape [2, 3, 7, 1]"));
  CHECK(error("encoder.user.weight", set(std::nanf(""))).empty());
  CHECK(error("rated.levels", set(Level{9})).empty());
  CHECK(holds(error("item_embedding", set(std::nanf(""))), "\"item_embedding\": value 1 is not finite"));
  CHECK(holds(error("rated.items", set(Index{4})), "\"rated.items\": entry 1 is 4"));
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
    if (!message.empty()) {
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
  CHECK(tensor_error([&](auto& tensors) { set(tensors["encoder.user.weight"], 3e38f); }).empty());
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

TEST_CASE("a tensor that is missing, of another shape or another type is told by name", "[saved_model]") {
  const auto model = small_model<float>();
  for (const auto& [name, tensor] : model.tensors) {
    CHECK(holds(tensor_error([&, &key = name](auto& tensors) { tensors.erase(key); }), "\"" + name + "\""));
    CHECK(holds(tensor_error([&, &key = name](auto& tensors) {
                  tensors[key] = {{1}, std::vector<Level>{1}};
                }),
                "\"" + name + "\""));
    const auto other_type = tensor_error([&, &key = name](auto& tensors) {
      auto& changed = tensors[key];
      const auto count = std::visit([](const auto& values) { return values.size(); }, changed.values);
      if (std::holds_alternative<std::vector<double>>(changed.values))
        changed.values = std::vector<float>(count);
      else
        changed.values = std::vector<double>(count);
    });
    // The first tensor that is checked sets the type of all.
    if (name != "user_embedding") CHECK(holds(other_type, "\"" + name + "\" is F"));
    CHECK_FALSE(other_type.empty());
  }
}

TEST_CASE("features are all there for a side, or none", "[saved_model]") {
  for (const std::string part : {"bias", "dense"}) {
    auto model = small_model<float>({}, true);
    model.tensors.erase("features.item." + part);
    const ScratchFolder folder;
    CHECK(holds(error_of([&] { save_model(folder / "model", model); }), "\"features.item." + part + "\" is missing"));
  }
}

TEST_CASE("how features are encoded fits their weights, or is not known", "[saved_model]") {
  const auto save = [](const std::function<void(SavedModel&)>& change) {
    const ScratchFolder folder;
    auto model = small_model<float>({}, true);
    change(model);
    return error_of([&] { save_model(folder / "model", model); });
  };
  CHECK(save([](auto& model) { model.encodings[item_side].clear(); }).empty());
  CHECK(holds(save([](auto& model) { model.encodings[item_side].pop_back(); }),
              "\"features\" of item: the encodings describe 2 dense and 2 sparse columns, not 2 and 6"));
  CHECK(holds(save([](auto& model) { model.tensors.erase("features.item.weight"); }),
              "describe 2 dense and 6 sparse columns, not 0 and 6"));
  CHECK(holds(save([](auto& model) { model.encodings[user_side] = model.encodings[item_side]; }),
              "\"features\" of user"));

  const auto load = [](const std::string& from, const std::string& to) {
    const ScratchFolder folder;
    save_model(folder / "model", small_model<float>({}, true));
    std::string config = read_bytes(folder / "model/config.json");
    REQUIRE(config.find(from) != config.npos);
    write_bytes(folder / "model/config.json", config.replace(config.find(from), from.size(), to));
    return error_of([&] { load_model(folder / "model"); });
  };
  CHECK(holds(load("\"kind\": \"graph\"", "\"kind\": \"tree\""), "there is no kind of features \"tree\""));
  CHECK(holds(load("\"name\": \"kind\"", "\"name\": 3"), "\"features\" has the wrong form"));
  CHECK(holds(load("\"item\": [", "\"item\": [{},"), "\"features\" has the wrong form"));
  CHECK(holds(load("\"deviations\": [", "\"deviations\": [0, "), "the encoding of 'size' has not what"));
}

TEST_CASE("ratings behind the embeddings must be in range", "[saved_model]") {
  const auto set = [](const char* name, auto values) {
    return tensor_error([&](auto& tensors) { tensors[name].values = values; });
  };
  using Offsets = std::vector<Offset>;
  for (const auto& offsets : {Offsets{0, 3, 2, 5}, Offsets{1, 2, 2, 5}, Offsets{0, 2, 2, 4}, Offsets{0, 2, 6, 5}})
    CHECK(holds(set("rated.offsets", offsets), "\"rated.offsets\" does not ascend"));
  CHECK(holds(set("rated.items", std::vector<Index>{0, 3, 4, 2, 3}), "\"rated.items\": entry 2 is 4, there are 4"));
  CHECK(holds(set("rated.items", std::vector<Index>{0, 3, -1, 2, 3}), "entry 2 is -1"));
  CHECK(holds(set("rated.levels", std::vector<Level>{1, 0, 0, 1, 2}), "\"rated.levels\": entry 4 is 2, there are 2"));
  CHECK(holds(set("tested.offsets", Offsets{0, 2, 1, 2}), "\"tested.offsets\" does not ascend"));
  CHECK(holds(set("tested.items", std::vector<Index>{2, 4}), "\"tested.items\": entry 1 is 4, there are 4"));
  CHECK(holds(set("tested.levels", std::vector<Level>{0, 2}), "\"tested.levels\": entry 1 is 2, there are 2"));
}

TEST_CASE("titles are saved with the model, and must be as many as items, a line each", "[saved_model]") {
  const ScratchFolder folder;
  SavedModel model = small_model<float>();
  save_model(folder / "model", model);
  CHECK(load_model(folder / "model").item_titles.empty());
  model.item_titles = {"Dune", "", "Solaris, \xC3\xA9", "#"};
  save_model(folder / "model", model);
  CHECK(load_model(folder / "model").item_titles == model.item_titles);
  write_bytes(folder / "model/titles.txt", "Dune\nSolaris\n");
  CHECK(holds(error_of([&] { load_model(folder / "model"); }), "titles.txt: 2 lines, config.json says 4 items"));
  model.item_titles.pop_back();
  CHECK(holds(error_of([&] { save_model(folder / "other", model); }), "titles.txt: 3 titles, there are 4 items"));
  model.item_titles.push_back("two\nlines");
  CHECK(holds(error_of([&] { save_model(folder / "other", model); }), "titles.txt: line 4: the title holds"));
  model.item_titles = {};
  save_model(folder / "model", model);
  CHECK(load_model(folder / "model").item_titles.empty());
}

TEST_CASE("the ratings of the test part may be missing, all of them, as in models of older versions", "[saved_model]") {
  SavedModel model = small_model<float>();
  for (const char* name : {"tested.offsets", "tested.items", "tested.levels"}) {
    const ScratchFolder folder;
    model.tensors.erase(name);
    const std::string error = error_of([&] { save_model(folder / "model", model); });
    CHECK(error.empty() == (std::string(name) == "tested.levels"));
  }
  CHECK(Predictor(model).recommend(0, {.top = 4}).size() == 2);
  CHECK(Predictor(small_model<float>()).recommend(0, {.top = 4}).size() == 1);
}

TEST_CASE("a changed config.json is refused with its name", "[saved_model]") {
  const auto config_error = [](const std::string& piece, const std::string& replacement) {
    const auto message = load_error("config.json", piece, replacement);
    CHECK(holds(message, "config.json"));
    return message;
  };
  CHECK(holds(config_error("\"version\": 1", "\"version\": 2"), "version 2 of the format"));
  CHECK(holds(config_error("gcmc-model", "other"), "not the configuration of a saved model"));
  CHECK(holds(config_error("{", ""), "JSON"));
  CHECK(holds(config_error("\"gcn_dropout\": 0.7", "\"gcn_dropot\": 0.7"), "gcn_dropout"));
  CHECK(holds(config_error("\"gcn_dropout\": 0.7", "\"gcn_dropout\": 7"), "gcn_dropout"));
  CHECK(holds(config_error("\"gcn_dropout\": 0.7", "\"gcn_dropout\": null"), "gcn_dropout"));
  CHECK(holds(config_error("\"dataset\": \"small\"", "\"dataset\": 3"), "\"dataset\" has the wrong type"));
  CHECK(holds(config_error("\"baseline_mean\"", "\"mean\""), "\"baseline_mean\" is missing"));
  CHECK(holds(config_error("\"users\": 3", "\"users\": 4"), "3 lines, config.json says 4 users"));
  CHECK(holds(config_error("\"version\": 1", "\"version\": 1, \"version\": 1"), "given twice"));
}

TEST_CASE("a model loads whichever version of the library wrote it", "[saved_model]") {
  const std::string line = "  \"gcmc_version\": \"" GCMC_VERSION "\",\n";
  CHECK(load_error("config.json", line, "") == "");
  CHECK(load_error("config.json", GCMC_VERSION, "99.0.0") == "");
}

TEST_CASE("options that do not fit the tensors are refused", "[saved_model]") {
  const auto message = load_error("config.json", "\"gcn_agg_units\": 7", "\"gcn_agg_units\": 8");
  CHECK(
      holds(message, "\"encoder.user.weight\" has shape [2, 3, 7], the options, ids and rating values need [2, 3, 8]"));
}

TEST_CASE("changed id files are refused with their line", "[saved_model]") {
  CHECK(holds(load_error("users.txt", "u1\n", ""), "users.txt: 2 lines"));
  CHECK(holds(load_error("users.txt", "u1\n", "\n"), "users.txt: line 1: the id is empty"));
  CHECK(holds(load_error("users.txt", "u1", "user two"), "users.txt: line 2: the id 'user two' is there twice"));
  CHECK(holds(load_error("items.txt", "9\n", "9\r\n"), "items.txt: line 2: the id holds a line break"));
  CHECK(holds(load_error("items.txt", "#\n", "#"), "items.txt: its last line does not end"));
}

TEST_CASE("a folder without one of its files is refused with the file's name", "[saved_model]") {
  for (const std::string name : {"model.safetensors", "config.json", "users.txt", "items.txt"}) {
    CHECK(holds(load_error([&](const std::string& folder) { fs::remove(folder + "/" + name); }),
                name + ": no such file"));
    CHECK(holds(load_error([&](const std::string& folder) {
                  fs::remove(folder + "/" + name);
                  fs::create_directory(folder + "/" + name);
                }),
                name + ": not a file"));
  }
}

TEST_CASE("saving replaces an older model whole, and touches nothing else", "[saved_model]") {
  const ScratchFolder folder;
  auto model = small_model<float>();
  save_model(folder / "model", model);
  for (const std::string mine : {"model.tmp", "model.old"}) {
    fs::create_directory(folder / mine);
    write_bytes(folder / mine + "/x", "x");
  }
  model.mean = 2;
  fs::permissions(folder / "model", fs::perms::owner_all);
  save_model(folder / "model/", model);
  check_equal(load_model(folder / "model/"), model);
  CHECK(fs::status(folder / "model").permissions() == fs::perms::owner_all);
  CHECK(names_in(folder / "") == std::vector<std::string>{"model", "model.old", "model.tmp"});
  CHECK(read_bytes(folder / "model.old/x") == "x");
}

TEST_CASE("a model folder that holds more than a model is left alone", "[saved_model]") {
  const ScratchFolder folder;
  const auto model = small_model<float>();
  save_model(folder / "model", model);
  write_bytes(folder / "model/notes.txt", "mine");
  const std::string message = error_of([&] { save_model(folder / "model", model); });
  CHECK(holds(message, "model: holds notes.txt, which is not of a saved model"));
  CHECK(error_of([&] { check_model_folder(folder / "model"); }) == message);
  CHECK(read_bytes(folder / "model/notes.txt") == "mine");
  CHECK(names_in(folder / "") == std::vector<std::string>{"model"});
}

TEST_CASE("several savers at once leave a whole model of one of them", "[saved_model]") {
  const ScratchFolder folder;
  std::vector<std::thread> savers;
  for (int k = 0; k < 4; ++k)
    savers.emplace_back([&folder, k] {
      auto model = small_model<float>();
      model.mean = k;
      for (int times = 0; times < 5; ++times) save_model(folder / "model", model);
    });
  for (std::thread& saver : savers) saver.join();
  CHECK_NOTHROW(load_model(folder / "model"));
  CHECK(names_in(folder / "") == std::vector<std::string>{"model"});
}

TEST_CASE("a model that is read while it is replaced is the older one or the newer one", "[saved_model]") {
  const ScratchFolder folder;
  auto one = small_model<float>(), other = one;
  one.mean = 1;
  one.user_ids.front() = "one";
  other.mean = 2;
  other.user_ids.front() = "other";
  save_model(folder / "model", one);
  std::atomic<bool> ended = false;
  std::thread saver([&] {
    for (int times = 0; times < 30; ++times) save_model(folder / "model", times % 2 ? one : other);
    ended = true;
  });
  bool mixed = false;
  while (!ended) {
    const SavedModel read = load_model(folder / "model");
    mixed |= read.user_ids.front() != (read.mean == 1 ? "one" : "other");
  }
  saver.join();
  CHECK_FALSE(mixed);
}

TEST_CASE("missing parents are made, and a folder of other files is left alone", "[saved_model]") {
  const ScratchFolder folder;
  save_model(folder / "a/b/model", small_model<float>());
  CHECK_NOTHROW(load_model(folder / "a/b/model"));
  CHECK(holds(error_of([&] { save_model(folder / "a", small_model<float>()); }),
              "a: holds b, which is not of a saved model"));
  CHECK(holds(error_of([&] { save_model("", small_model<float>()); }), "no name"));
  CHECK(holds(error_of([&] { save_model("/", small_model<float>()); }), "cannot be"));
  write_bytes(folder / "file", "x");
  CHECK(holds(error_of([&] { save_model(folder / "file", small_model<float>()); }), "is not a folder"));
  CHECK_FALSE(error_of([&] { save_model(folder / "file/model", small_model<float>()); }).empty());
  CHECK(read_bytes(folder / "file") == "x");
}

TEST_CASE("a disk that fills up leaves the older model as it was", "[saved_model]") {
  const ScratchFolder folder;
  const auto model = small_model<float>();
  save_model(folder / "model", model);
  auto newer = model;
  newer.mean = 2;

  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const auto whole = fs::file_size(folder / "model/model.safetensors");
  for (const auto room : {rlim_t{0}, rlim_t{100}, static_cast<rlim_t>(whole) - 1}) {
    const rlimit limited{room, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limited);
    std::string message;
    try {
      save_model(folder / "model", newer);
    } catch (const FileError& error) {
      message = error.what();
    } catch (const Error&) {
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
    CHECK(holds(message, "/new/model.safetensors: cannot be written: "));
    check_equal(load_model(folder / "model"), model);
    CHECK(names_in(folder / "") == std::vector<std::string>{"model"});
  }
  std::signal(SIGXFSZ, handler);
}
