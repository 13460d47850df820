// A predictor refuses by name what it cannot use, and tells which number of a question is wrong.
#include <functional>

#include "catch.hpp"
#include "error_of.hpp"
#include "gcmc/model/answer_text.hpp"
#include "gcmc/model/predictor.hpp"
#include "small_model.hpp"

using namespace gcmc;
using IdPairs = std::vector<Predictor::Pair>;

TEST_CASE("a model without a tensor, or with one of another shape or type, is refused by the tensor's name",
          "[predictor]") {
  const auto error = [](const std::function<void(SavedModel&)>& change, const std::string& name) {
    SavedModel model = small_model<float>();
    model.tensors["calibration"] = {{2}, std::vector<double>{0, 1}};
    change(model);
    const std::string message = error_of([&] { Predictor(std::move(model), 1).recommend(0, {.top = 1}); });
    CAPTURE(name, message);
    CHECK(message.find('"' + name + '"') != message.npos);
    return message;
  };
  int read = 0;
  for (const auto& [name, tensor] : small_model<float>().tensors) {
    if (!Predictor::reads(name)) continue;
    ++read;
    if (name.starts_with("tested.")) continue;  // may be missing
    error([&, &key = name](SavedModel& m) { m.tensors.erase(key); }, name);
    error([&, &key = name](SavedModel& m) { m.tensors[key].values = std::vector<Level>(99); }, name);
  }
  CHECK(read == 10);
  for (const auto& [name, tensor] : small_model<float>().tensors)
    if (Predictor::reads(name) && name != "rated.items" && !name.starts_with("tested.")) {
      error([&, &key = name](SavedModel& m) { ++m.tensors[key].shape.back(); }, name);
      error([&, &key = name](SavedModel& m) { m.tensors[key].shape.push_back(1); }, name);
      error([&, &key = name](SavedModel& m) { std::visit([](auto& v) { v.pop_back(); }, m.tensors[key].values); },
            name);
    }
  error([](SavedModel& m) { m.tensors["calibration"].shape = {3}; }, "calibration");
  CHECK(error(
            [](SavedModel& m) {
              m.tensors["item_embedding"].shape = {3, 4};
            },
            "item_embedding")
            .find("shape [3, 4] and 12 values, not shape [4, 3]") != std::string::npos);
}

TEST_CASE("a model without levels, or whose levels do not ascend, is refused", "[predictor]") {
  SavedModel model = small_model<float>();
  model.levels = {};
  CHECK(error_of([&] { Predictor(model, 1); }) == "predictor: the model has no rating values");
  model.levels = {4, 0.5};
  CHECK(error_of([&] { Predictor(model, 1); }).find("level") != std::string::npos);
}

TEST_CASE("numbers beyond the model's, negative counts and rooms of a wrong size are refused", "[predictor]") {
  const Predictor predictor(small_model<float>(), 1);
  CHECK(error_of([&] {
          predictor.score(IdPairs{{0, 0}, {3, 0}});
        }) == "predictor: pair 1 is user 3, item 0, but the model has 3 users and 4 items");
  CHECK(error_of([&] { predictor.predict(IdPairs{{-1, 4}}); }).find("item 4") != std::string::npos);
  const IdPairs pairs = {{0, 0}, {1, 1}};
  std::vector<double> one(1), two(2), four(4);
  CHECK(error_of([&] { predictor.score(pairs, one, four); }).find("room for 1 ratings") != std::string::npos);
  CHECK(error_of([&] { predictor.score(pairs, two, two); }).find("2 probabilities") != std::string::npos);
  CHECK(error_of([&] { predictor.score(pairs, two, four); }) == "no error");
  CHECK(error_of([&] { predictor.recommend(-1, {.top = 1}); }).find("user number -1") != std::string::npos);
  CHECK(error_of([&] { predictor.recommend(3, {.top = 1}); }).find("user number 3") != std::string::npos);
  CHECK(error_of([&] { predictor.recommend(0, {.top = -1}); }).find("-1 items of at least") != std::string::npos);
}

TEST_CASE("rated items out of range are refused where they are asked for", "[predictor]") {
  const auto error = [](const char* name, auto values, Index user) {
    SavedModel model = small_model<float>();
    model.tensors[name].values = values;
    return error_of([&] { Predictor(std::move(model), 1).recommend(user, {.top = 2}); });
  };
  using Offsets = std::vector<Offset>;
  CHECK(error("rated.offsets", Offsets{0, 3, 2, 5}, 1).find("are 3 to 2") != std::string::npos);
  CHECK(error("rated.offsets", Offsets{-1, 2, 2, 5}, 0).find("are -1 to 2") != std::string::npos);
  CHECK(error("rated.offsets", Offsets{0, 2, 2, 6}, 2).find("rated.items has 5") != std::string::npos);
  CHECK(error("rated.items", std::vector<Index>{0, 3, 4, 2, 3}, 2).find("entry 2 is 4") != std::string::npos);
  CHECK(error("rated.items", std::vector<Index>{0, -1, 1, 2, 3}, 0).find("entry 1 is -1") != std::string::npos);
}

TEST_CASE("what there is to say of a pair is asked of numbers that may be none", "[predictor]") {
  SavedModel model = small_model<float>();
  model.item_titles = {"a", "b"};  // by hand: fewer than items
  CHECK(title_of(model, 1) == "b");
  CHECK(title_of(model, -1).empty());
  CHECK(title_of(model, 3).empty());
  model.levels.clear();
  CHECK(rating_decimals(model) == 6);
  const std::vector<double> two = {.5, .5}, one = {1};
  CHECK(central_interval(two, std::vector<double>{1, 2}).low == 1);
  const Interval median = central_interval(two, std::vector<double>{1, 2}, 0);
  CHECK(median.low == 1);
  CHECK(median.high == 2);
  CHECK(error_of([&] { central_interval(two, one); }) == "interval: 2 probabilities of 1 levels, share 0.800000");
  CHECK_THROWS_AS(central_interval({}, {}), InputError);
  CHECK_THROWS_AS(central_interval(one, one, -2), InputError);
}
