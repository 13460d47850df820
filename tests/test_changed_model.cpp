// Every fault in a saved model's folder is told with its file.
#include <functional>
#include <limits>

#include "changed_model.hpp"
#include "gcmc/base/version.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/model/predictor.hpp"

using namespace gcmc;
namespace fs = std::filesystem;

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
    CHECK(other_type != "no error");
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
  CHECK(save([](auto& model) { model.encodings[item_side].clear(); }) == "no error");
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
    CHECK((error == "no error") == (std::string(name) == "tested.levels"));
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
  CHECK(load_error("config.json", line, "") == "no error");
  CHECK(load_error("config.json", GCMC_VERSION, "99.0.0") == "no error");
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
