// gcmc._gcmc: the library for the Python package, which turns ids and frames into columns and back (gcmc/model.py).
#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <limits>
#include <map>
#include <memory>
#include <stop_token>

#include "columns.hpp"
#include "gcmc/base/version.hpp"
#include "gcmc/files/evaluation_report.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/model/answer_text.hpp"
#include "gcmc/options/presets.hpp"
#include "gcmc/ratings/builder.hpp"
#include "gcmc/train/ensemble.hpp"

int gcmc_main(int count, char** values);  // examples/trainer/main.cpp

namespace nb = nanobind;
using gcmc::Index;
using gcmc::Predictor;

namespace {

using Texts = std::map<std::string, std::string>;  ///< options by name
using Released = nb::call_guard<nb::gil_scoped_release>;
constexpr double missing = std::numeric_limits<double>::quiet_NaN();

/// The preset with these options; without ratings, what is known of it before they are read.
gcmc::Options options_of(const std::string& preset, const Texts& texts, const gcmc::Ratings* ratings) {
  gcmc::Options options;
  gcmc::set_option(options, "preset", preset);
  const auto named = texts.find("data_name");
  const std::string name = named == texts.end() ? "ratings" : named->second;
  if (!gcmc::looks_at_ratings(preset))
    options = gcmc::preset_options(preset, name);
  else if (ratings)
    options = gcmc::preset_options(preset, name, *ratings);
  for (const auto& [option, text] : texts) gcmc::set_option(options, option, text);
  options.run.data_name = name;
  return options;
}

nb::dict progress_dict(const gcmc::Progress& progress) {
  using Phase = gcmc::Progress::Phase;
  nb::dict row;
  row["phase"] = progress.phase == Phase::training ? "training"
                 : progress.phase == Phase::refit  ? "refit"
                                                   : "embedding";
  row["model"] = progress.model;
  row["iteration"] = progress.iteration;
  row["max_iterations"] = progress.max_iterations;
  row["loss"] = progress.loss;
  row["train_rmse"] = progress.train_rmse;
  row["valid_rmse"] = progress.valid_rmse ? nb::cast(*progress.valid_rmse) : nb::none();
  row["best_valid_rmse"] = progress.best_valid_rmse;
  row["learning_rate"] = progress.learning_rate;
  row["seconds"] = progress.seconds_total;
  return row;
}

/// One row an evaluation of each model.
nb::dict history_dict(const std::vector<std::vector<gcmc::HistoryRow>>& histories) {
  std::vector<gcmc::Offset> model, iteration;
  std::vector<double> loss, train_rmse, valid_rmse, test_rmse, learning_rate, seconds;
  for (std::size_t k = 0; k < histories.size(); ++k)
    for (const gcmc::HistoryRow& row : histories[k]) {
      model.push_back(static_cast<gcmc::Offset>(k + 1));
      iteration.push_back(row.iteration);
      loss.push_back(row.loss);
      train_rmse.push_back(row.train_rmse);
      valid_rmse.push_back(row.valid_rmse.value_or(missing));
      test_rmse.push_back(row.test_rmse.value_or(missing));
      learning_rate.push_back(row.learning_rate);
      seconds.push_back(row.seconds);
    }
  nb::dict columns;
  columns["model"] = array_of(std::move(model));
  columns["iteration"] = array_of(std::move(iteration));
  columns["loss"] = array_of(std::move(loss));
  columns["train_rmse"] = array_of(std::move(train_rmse));
  columns["valid_rmse"] = array_of(std::move(valid_rmse));
  columns["test_rmse"] = array_of(std::move(test_rmse));
  columns["learning_rate"] = array_of(std::move(learning_rate));
  columns["seconds"] = array_of(std::move(seconds));
  return columns;
}

/// Calls Python after each iteration; the first Ctrl-C asks for the end, any other exception is the caller's.
class Watcher {
 public:
  Watcher(std::stop_source& stop, nb::object callback) : stop_(stop), callback_(std::move(callback)) {}

  void operator()(const gcmc::Progress& progress) const {
    const nb::gil_scoped_acquire held;
    try {
      if (PyErr_CheckSignals() != 0) throw nb::python_error();
      if (!callback_.is_none()) callback_(progress_dict(progress));
    } catch (const nb::python_error& error) {
      if (!error.matches(PyExc_KeyboardInterrupt) || stop_.stop_requested()) throw;
      stop_.request_stop();
    }
  }

 private:
  std::stop_source& stop_;
  nb::object callback_;
};

/// The predictor of the models that were trained, their history, metrics.json's text, and whether Ctrl-C ended it.
nb::tuple train(const RatingColumns& columns, const std::optional<RatingColumns>& valid, const std::string& preset,
                const Texts& texts, const nb::object& callback) {
  const gcmc::Options asked = options_of(preset, texts, nullptr);
  const gcmc::Ratings ratings = ratings_of(columns, valid, asked.run.data_name, asked.run.split);
  const gcmc::Options options = options_of(preset, texts, &ratings);
  std::stop_source stop;
  const Watcher watcher(stop, callback);
  gcmc::EnsembleResult result;
  std::unique_ptr<Predictor> predictor;
  {
    const nb::gil_scoped_release released;
    result = gcmc::train_ensemble(ratings, options, std::cref(watcher), stop.get_token());
    predictor = std::make_unique<Predictor>(std::move(result.models), options.run.threads);
  }
  const auto& members = result.metrics.members;
  const std::string metrics =
      options.train.seeds == 1 ? gcmc::metrics_json(members.front()) : gcmc::metrics_json(result.metrics);
  return nb::make_tuple(std::move(predictor), history_dict(result.histories), metrics, stop.stop_requested());
}

/// Options in which the saved model differs from its preset.
Texts options_beside_preset(const Predictor& predictor) {
  const gcmc::Options& options = predictor.model().options;
  const std::string preset = gcmc::looks_at_ratings(options.preset) ? "dgl" : options.preset;
  const gcmc::Options start = gcmc::preset_options(preset, options.run.data_name);
  Texts different;
  for (const std::string& name : gcmc::option_names())
    if (const std::string text = gcmc::option_text(options, name);
        name != "preset" && name != "threads" && text != gcmc::option_text(start, name))
      different[name] = text;
  different["seed"] = gcmc::option_text(options, "seed");
  return different;
}

std::vector<Predictor::Pair> pairs_of(const Numbers& users, const Numbers& items) {
  gcmc::require(users.size() == items.size(), [&] {
    return std::to_string(users.size()) + " users and " + std::to_string(items.size()) + " items: one item a user";
  });
  std::vector<Predictor::Pair> pairs;
  for (std::size_t k = 0; k < users.size(); ++k) pairs.emplace_back(users[k], items[k]);
  return pairs;
}

nb::tuple score_arrays(Predictor::Scores scores, std::size_t levels) {
  const std::size_t pairs = scores.ratings.size();
  return nb::make_tuple(array_of(std::move(scores.ratings)),
                        array_of(std::move(scores.probabilities), {pairs, levels}));
}

nb::tuple score(const Predictor& predictor, const Ids& users, const Ids& items) {
  const auto pairs =
      pairs_of(numbers_of(predictor, gcmc::user_side, users), numbers_of(predictor, gcmc::item_side, items));
  Predictor::Scores scores;
  {
    const nb::gil_scoped_release released;
    scores = predictor.score(pairs);
  }
  return score_arrays(std::move(scores), predictor.model().levels.size());
}

nb::tuple score_newcomer(const Predictor& predictor, const gcmc::Newcomer& newcomer, const Ids& items) {
  const Numbers numbers = numbers_of(predictor, gcmc::item_side, items);
  return score_arrays(predictor.score(newcomer, numbers), predictor.model().levels.size());
}

/// Columns of the answer: numbers of users (none of one alone), of items, ratings.
nb::tuple recommendation_arrays(const std::vector<std::vector<Predictor::Recommendation>>& lists,
                                const Numbers& users) {
  Numbers whose, items;
  std::vector<double> ratings;
  for (std::size_t k = 0; k < lists.size(); ++k)
    for (const auto& [item, rating] : lists[k]) {
      if (!users.empty()) whose.push_back(users[k]);
      items.push_back(item);
      ratings.push_back(rating);
    }
  return nb::make_tuple(array_of(std::move(whose)), array_of(std::move(items)), array_of(std::move(ratings)));
}

nb::tuple recommend(const Predictor& predictor, const Column<Index>& users, Index top, bool rated) {
  const Numbers numbers(users.data(), users.data() + users.size());
  std::vector<std::vector<Predictor::Recommendation>> lists;
  {
    const nb::gil_scoped_release released;
    lists = predictor.recommend(numbers, {.top = top, .rated = rated});
  }
  return recommendation_arrays(lists, numbers);
}

nb::tuple recommend_newcomer(const Predictor& predictor, const gcmc::Newcomer& newcomer, Index top, bool rated) {
  return recommendation_arrays({predictor.recommend(newcomer, {.top = top, .rated = rated})}, {});
}

nb::tuple similar(const Predictor& predictor, bool users, Index node, Index top, bool by_ratings) {
  const auto by = by_ratings ? Predictor::Likeness::ratings : Predictor::Likeness::embeddings;
  std::vector<Predictor::Neighbour> neighbours;
  {
    const nb::gil_scoped_release released;
    neighbours = predictor.similar(users ? gcmc::user_side : gcmc::item_side, node, top, by);
  }
  Numbers nodes;
  std::vector<double> similarities;
  for (const auto& [other, similarity] : neighbours) {
    nodes.push_back(other);
    similarities.push_back(similarity);
  }
  return nb::make_tuple(array_of(std::move(nodes)), array_of(std::move(similarities)));
}

/// As `gcmc predict --newcomer` takes ratings: of items that the model has, the last of each, at the nearest level.
gcmc::Newcomer fold_in(const Predictor& predictor, const Ids& items, const Column<double>& ratings) {
  const Numbers numbers = numbers_of(predictor, gcmc::item_side, items);
  std::map<Index, gcmc::Level> last;
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    gcmc::RatingsBuilder::require_value(ratings.data()[k]);
    if (numbers[k] >= 0) last[numbers[k]] = gcmc::nearest_level(predictor.model().levels, ratings.data()[k]);
  }
  std::vector<gcmc::NodeRating> known;
  for (const auto& [item, level] : last) known.push_back({item, level});
  const nb::gil_scoped_release released;
  return predictor.fold_in(gcmc::user_side, std::move(known));
}

nb::tuple explanation_arrays(const Predictor& predictor, const Predictor::Explanation& explanation) {
  Numbers items;
  std::vector<double> ratings, effects;
  for (const auto& [item, level, effect] : explanation.reasons) {
    items.push_back(item);
    ratings.push_back(predictor.model().levels[level]);
    effects.push_back(effect);
  }
  return nb::make_tuple(explanation.rating, array_of(std::move(items)), array_of(std::move(ratings)),
                        array_of(std::move(effects)));
}

std::string evaluate(const Predictor& predictor, const std::optional<RatingColumns>& test, Index top) {
  const std::string& name = predictor.model().dataset;
  const auto pairs =
      test ? gcmc::rated_pairs(predictor, ratings_of(*test, {}, name, "")) : gcmc::tested_pairs(predictor);
  gcmc::require(!pairs.empty(),
                "there is no pair to evaluate: the model was trained without a test part, so give test");
  const nb::gil_scoped_release released;
  return gcmc::evaluation_json(gcmc::evaluate(predictor, pairs, {.top = top}), name);
}

void translate(const std::exception_ptr& exception, void*) {
  try {
    std::rethrow_exception(exception);
  } catch (const gcmc::InputError& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
  } catch (const gcmc::FileError& error) {
    PyErr_SetString(PyExc_OSError, error.what());
  }
}

void bind_predictor(nb::module_& module) {
  nb::class_<gcmc::Newcomer>(module, "Newcomer");
  nb::class_<Predictor>(module, "Predictor")
      .def("user_ids", [](const Predictor& p) { return p.model().user_ids; })
      .def("item_ids", [](const Predictor& p) { return p.model().item_ids; })
      .def("levels", [](const Predictor& p) { return array_of(p.model().levels); })
      .def("metrics", [](const Predictor& p) { return p.model().metrics; })
      .def("preset", [](const Predictor& p) { return p.model().options.preset; })
      .def("options", &options_beside_preset)
      .def("user_numbers",
           [](const Predictor& p, const Ids& ids) { return array_of(numbers_of(p, gcmc::user_side, ids)); })
      .def("item_numbers",
           [](const Predictor& p, const Ids& ids) { return array_of(numbers_of(p, gcmc::item_side, ids)); })
      .def("score", &score)
      .def("score_newcomer", &score_newcomer)
      .def("recommend", &recommend)
      .def("recommend_newcomer", &recommend_newcomer)
      .def("similar", &similar)
      .def("fold_in", &fold_in)
      .def("explain",
           [](const Predictor& p, Index user, Index item) { return explanation_arrays(p, p.explain(user, item)); })
      .def("explain_newcomer", [](const Predictor& p, const gcmc::Newcomer& user,
                                  Index item) { return explanation_arrays(p, p.explain(user, item)); })
      .def("evaluate", &evaluate, nb::arg("test").none(), nb::arg("top"))
      .def(
          "save", [](const Predictor& p, const std::string& folder) { gcmc::save_models(folder, p.models()); },
          Released());
}

}  // namespace

NB_MODULE(_gcmc, module) {
  nb::register_exception_translator(&translate);
  module.attr("version") = GCMC_VERSION;
  nb::class_<RatingColumns>(module, "RatingColumns")
      .def(nb::init<Ids, Ids, Column<double>, std::optional<Column<double>>>(), nb::arg("users"), nb::arg("items"),
           nb::arg("ratings"), nb::arg("times").none());
  bind_predictor(module);
  module.def("run_program", [](std::vector<std::string> arguments) {
    std::vector<char*> values;
    for (std::string& argument : arguments) values.push_back(argument.data());
    return gcmc_main(static_cast<int>(values.size()), values.data());
  });
  module.def("check_options",
             [](const std::string& preset, const Texts& texts) { options_of(preset, texts, nullptr); });
  module.def("train", &train, nb::arg("ratings"), nb::arg("valid").none(), nb::arg("preset"), nb::arg("options"),
             nb::arg("callback").none());
  module.def("load", [](const std::string& folder, int threads) {
    const nb::gil_scoped_release released;
    return std::make_unique<Predictor>(gcmc::load_models(folder), threads);
  });
}
