// Saved models of which a part is there, or is read: tensors that are wanted, ratings of some users.
#include <algorithm>
#include <limits>

#include "changed_model.hpp"
#include "error_of.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/model/predictor.hpp"

using namespace gcmc;

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

TEST_CASE("a model is loaded with the ratings of some users, who are answered as with all", "[saved_model]") {
  const ScratchFolder folder;
  const auto model = small_model<float>({}, true);
  save_model(folder / "model", model);
  const std::size_t users = model.user_ids.size();
  const std::vector<std::vector<std::size_t>> choices = {{}, {0}, {users - 1, 1}, {2, 2, users / 2}};
  for (const std::vector<std::size_t>& chosen : choices) {
    std::vector<std::string> raters = {"nobody"};
    for (const std::size_t user : chosen) raters.push_back(model.user_ids[user]);
    const SavedModel some = load_model(folder / "model", {}, raters);
    for (const std::string part : {"rated", "tested"}) {
      const auto& offsets = model.values<Offset>(part + ".offsets");
      std::vector<Offset> kept = {0};
      std::vector<Index> items;
      std::vector<Level> levels;
      for (std::size_t user = 0; user < users; ++user) {
        if (std::find(chosen.begin(), chosen.end(), user) != chosen.end())
          for (Offset k = offsets[user]; k < offsets[user + 1]; ++k) {
            items.push_back(model.values<Index>(part + ".items")[static_cast<std::size_t>(k)]);
            levels.push_back(model.values<Level>(part + ".levels")[static_cast<std::size_t>(k)]);
          }
        kept.push_back(static_cast<Offset>(items.size()));
      }
      CHECK(some.values<Offset>(part + ".offsets") == kept);
      CHECK(some.values<Index>(part + ".items") == items);
      CHECK(some.values<Level>(part + ".levels") == levels);
    }
    const Predictor few(load_model(folder / "model", Predictor::reads, raters), 1), all(model, 1);
    for (const std::size_t user : chosen) {
      const auto number = static_cast<Index>(user);
      CHECK(few.ratings_of(user_side, number) == all.ratings_of(user_side, number));
      const auto expected = all.recommend(number), best = few.recommend(number);
      REQUIRE(best.size() == expected.size());
      for (std::size_t k = 0; k < best.size(); ++k) CHECK(best[k].item == expected[k].item);
    }
  }
}

TEST_CASE("ratings of some users are refused where they are not within all", "[saved_model]") {
  const ScratchFolder folder;
  const auto model = small_model<float>({}, true);
  SavedModel broken = model;
  auto& offsets = std::get<std::vector<Offset>>(broken.tensors.at("rated.offsets").values);
  const auto tensors = [&] { write_safetensors(folder / "model/model.safetensors", broken.tensors); };
  save_model(folder / "model", model);
  const std::vector<std::string> first = {model.user_ids[0]};
  for (const Offset end : {Offset{-1}, offsets.back() + 1, std::numeric_limits<Offset>::max()}) {
    offsets[1] = end;
    tensors();
    CHECK(holds(error_of([&] { load_model(folder / "model", {}, first); }), "tensor \"rated.items\" has no rows 0 to"));
  }
  offsets.pop_back();
  --broken.tensors.at("rated.offsets").shape[0];
  tensors();
  CHECK(holds(error_of([&] { load_model(folder / "model", {}, first); }), "rated.offsets"));
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
  CHECK(error("encoder.user.weight", set(std::nanf(""))) == "no error");
  CHECK(error("rated.levels", set(Level{9})) == "no error");
  CHECK(holds(error("item_embedding", set(std::nanf(""))), "\"item_embedding\": value 1 is not finite"));
  CHECK(holds(error("rated.items", set(Index{4})), "\"rated.items\": entry 1 is 4"));
}
