// gcmc._gcmc: the library for the Python package, which turns ids and frames into columns and back (gcmc/model.py).
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <map>
#include <memory>
#include <span>
#include <tuple>

#include "columns.hpp"
#include "gcmc/base/version.hpp"
#include "gcmc/files/data_report.hpp"
#include "gcmc/files/evaluation_report.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/model/answer_text.hpp"
#include "gcmc/ratings/builder.hpp"
#include "training.hpp"

int gcmc_main(int count, char** values);  // examples/trainer/main.cpp

namespace nb = nanobind;
using gcmc::Index;
using gcmc::Predictor;

namespace {

using Floats = nb::ndarray<nb::numpy, double>;
using Indices = nb::ndarray<nb::numpy, Index>;
using ScoreArrays = std::tuple<Floats, Floats>;                     ///< ratings, probabilities
using RecommendationArrays = std::tuple<Indices, Indices, Floats>;  ///< users (none of one alone), items, ratings
using Released = nb::call_guard<nb::gil_scoped_release>;

/// What use() returns, which touches nothing of Python's: other threads run meanwhile.
template <class Use>
auto without_gil(const Use& use) {
  const nb::gil_scoped_release released;
  return use();
}

std::vector<Predictor::Pair> pairs_of(const Numbers& users, const Numbers& items) {
  gcmc::require(users.size() == items.size(), [&] {
    return std::to_string(users.size()) + " users and " + std::to_string(items.size()) + " items: one item a user";
  });
  std::vector<Predictor::Pair> pairs;
  for (std::size_t k = 0; k < users.size(); ++k) pairs.emplace_back(users[k], items[k]);
  return pairs;
}

ScoreArrays score_arrays(Predictor::Scores scores, std::size_t levels) {
  const std::size_t pairs = scores.ratings.size();
  return std::make_tuple(array_of(std::move(scores.ratings)),
                         array_of(std::move(scores.probabilities), {pairs, levels}));
}

ScoreArrays score(const Predictor& predictor, const DataColumn& users, const DataColumn& items) {
  const auto pairs =
      pairs_of(numbers_of(predictor, gcmc::user_side, users), numbers_of(predictor, gcmc::item_side, items));
  return score_arrays(without_gil([&] { return predictor.score(pairs); }), predictor.model().levels.size());
}

ScoreArrays score_newcomer(const Predictor& predictor, const gcmc::Newcomer& newcomer, const DataColumn& items) {
  const Numbers numbers = numbers_of(predictor, gcmc::item_side, items);
  return score_arrays(without_gil([&] { return predictor.score(newcomer, numbers); }), predictor.model().levels.size());
}

RecommendationArrays recommendation_arrays(const std::vector<std::vector<Predictor::Recommendation>>& lists,
                                           const Numbers& users) {
  Numbers whose, items;
  std::vector<double> ratings;
  for (std::size_t k = 0; k < lists.size(); ++k)
    for (const auto& [item, rating] : lists[k]) {
      if (!users.empty()) whose.push_back(users[k]);
      items.push_back(item);
      ratings.push_back(rating);
    }
  return std::make_tuple(array_of(std::move(whose)), array_of(std::move(items)), array_of(std::move(ratings)));
}

using NumberArray = nb::ndarray<const Index, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

RecommendationArrays recommend(const Predictor& predictor, const NumberArray& users, Index top, bool rated,
                               const std::optional<NumberArray>& among) {
  const Numbers numbers(users.data(), users.data() + users.size());
  gcmc::RecommendOptions options{.top = top, .rated = rated};
  if (among) options.among = std::span(among->data(), among->size());
  return recommendation_arrays(without_gil([&] { return predictor.recommend(numbers, options); }), numbers);
}

RecommendationArrays recommend_newcomer(const Predictor& predictor, const gcmc::Newcomer& newcomer, Index top,
                                        bool rated) {
  const gcmc::RecommendOptions options{.top = top, .rated = rated};
  return recommendation_arrays({without_gil([&] { return predictor.recommend(newcomer, options); })}, {});
}

std::tuple<Indices, Floats> similar(const Predictor& predictor, bool users, Index node, Index top, bool by_ratings) {
  const auto by = by_ratings ? Predictor::Likeness::ratings : Predictor::Likeness::embeddings;
  const std::vector<Predictor::Neighbour> neighbours =
      without_gil([&] { return predictor.similar(users ? gcmc::user_side : gcmc::item_side, node, top, by); });
  Numbers nodes;
  std::vector<double> similarities;
  for (const auto& [other, similarity] : neighbours) {
    nodes.push_back(other);
    similarities.push_back(similarity);
  }
  return std::make_tuple(array_of(std::move(nodes)), array_of(std::move(similarities)));
}

/// As `gcmc predict --newcomer` takes ratings: of items that the model has, the last of each, at the nearest level.
gcmc::Newcomer fold_in(const Predictor& predictor, const DataColumn& items, const DataColumn& ratings) {
  const Numbers numbers = numbers_of(predictor, gcmc::item_side, items);
  const std::vector<double> values = values_of(ratings);
  std::map<Index, gcmc::Level> last;
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    gcmc::RatingsBuilder::require_value(values[k]);
    if (numbers[k] >= 0) last[numbers[k]] = gcmc::nearest_level(predictor.model().levels, values[k]);
  }
  std::vector<gcmc::NodeRating> known;
  for (const auto& [item, level] : last) known.push_back({item, level});
  return without_gil([&] { return predictor.fold_in(gcmc::user_side, std::move(known)); });
}

std::tuple<double, Indices, Floats, Floats> explanation_arrays(const Predictor& predictor,
                                                               const Predictor::Explanation& explanation) {
  Numbers items;
  std::vector<double> ratings, effects;
  for (const auto& [item, level, effect] : explanation.reasons) {
    items.push_back(item);
    ratings.push_back(predictor.model().levels[level]);
    effects.push_back(effect);
  }
  return std::make_tuple(explanation.rating, array_of(std::move(items)), array_of(std::move(ratings)),
                         array_of(std::move(effects)));
}

std::string evaluate(const Predictor& predictor, const std::optional<RatingColumns>& test, const Texts& texts,
                     Index top) {
  const nb::gil_scoped_release released;
  const std::string& name = predictor.model().dataset;
  gcmc::ReadReport unused;
  const auto pairs = test ? gcmc::rated_pairs(predictor, ratings_of(*test, {}, name, reading_options(texts), unused))
                          : gcmc::tested_pairs(predictor);
  gcmc::require(!pairs.empty(),
                "there is no pair to evaluate: the model was trained without a test part, so give test");
  return gcmc::evaluation_json(gcmc::evaluate(predictor, pairs, {.top = top}), name);
}

/// As `gcmc data inspect --json` describes a file.
std::string describe(const RatingColumns& columns, const Texts& texts) {
  const nb::gil_scoped_release released;
  gcmc::ReadReport report;
  gcmc::ReadOptions reading = reading_options(texts);
  reading.times = gcmc::Times::kept;
  const gcmc::Ratings ratings = ratings_of(columns, {}, "ratings", reading, report);
  return gcmc::data_json(gcmc::statistics_of(ratings), report);
}

void translate(const std::exception_ptr& exception, void*) {
  try {
    std::rethrow_exception(exception);
  } catch (const gcmc::InputError& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
  } catch (const gcmc::Error& error) {
    PyErr_SetString(PyExc_OSError, error.what());
  }
}

/// The k-th model's tensors by name, where they lie.
nb::typed<nb::dict, nb::str, nb::any> tensors(const nb::object& self, std::size_t k) {
  const auto& predictor = nb::cast<const Predictor&>(self);
  nb::typed<nb::dict, nb::str, nb::any> arrays;
  for (const auto& [name, tensor] : predictor.models()[k].tensors) {
    const std::vector<std::size_t> shape(tensor.shape.begin(), tensor.shape.end());
    nb::object array;
    std::visit(
        [&]<class T>(const std::vector<T>& values) {
          array = nb::cast(nb::ndarray<nb::numpy, const T>(values.data(), shape.size(), shape.data(), self));
        },
        tensor.values);
    arrays[name.c_str()] = array;
  }
  return arrays;
}

void bind_predictor(nb::module_& module) {
  nb::class_<gcmc::Newcomer>(module, "Newcomer");
  nb::class_<Predictor>(module, "Predictor")
      .def("user_ids", [](const Predictor& p) { return p.model().user_ids; })
      .def("item_ids", [](const Predictor& p) { return p.model().item_ids; })
      .def("levels", [](const Predictor& p) { return array_of(p.model().levels); })
      .def("metrics", [](const Predictor& p) { return p.model().metrics; })
      .def("tensors", &tensors)
      .def("seeds", [](const Predictor& p) { return p.models().size(); })
      .def("options", &options_beside_preset)
      .def("user_numbers",
           [](const Predictor& p, const DataColumn& ids) { return array_of(numbers_of(p, gcmc::user_side, ids)); })
      .def("item_numbers",
           [](const Predictor& p, const DataColumn& ids) { return array_of(numbers_of(p, gcmc::item_side, ids)); })
      .def("score", &score)
      .def("score_newcomer", &score_newcomer)
      .def("recommend", &recommend, nb::arg("users"), nb::arg("top"), nb::arg("rated"), nb::arg("among").none())
      .def("recommend_newcomer", &recommend_newcomer)
      .def("similar", &similar)
      .def("fold_in", &fold_in)
      .def("explain",
           [](const Predictor& p, Index user, Index item) {
             return explanation_arrays(p, without_gil([&] { return p.explain(user, item); }));
           })
      .def("explain_newcomer",
           [](const Predictor& p, const gcmc::Newcomer& user, Index item) {
             return explanation_arrays(p, without_gil([&] { return p.explain(user, item); }));
           })
      .def("evaluate", &evaluate, nb::arg("test").none(), nb::arg("options"), nb::arg("top"))
      .def(
          "save", [](const Predictor& p, const std::string& folder) { gcmc::save_models(folder, p.models()); },
          Released());
}

void bind_columns(nb::module_& module) {
  nb::class_<DataColumn>(module, "Column")
      .def_static("of_array", &column_of_array,
                  nb::sig("def of_array(name: str, array: NDArray[typing.Any]) -> Column"))
      .def_static("of_texts", &column_of_texts, nb::arg("name"), nb::arg("texts"))
      .def_rw("name", &DataColumn::name)
      .def_ro("type_name", &DataColumn::type_name)
      .def_prop_ro("is_text", &DataColumn::is_text)
      .def_prop_ro("is_whole", &DataColumn::is_whole)
      .def_prop_ro("is_number", &DataColumn::is_number)
      .def("id", &id_of, nb::arg("row"))
      .def("__len__", [](const DataColumn& column) { return column.size; });
  module.def("columns_of_stream", &columns_of_stream, nb::arg("capsule"));
  nb::class_<RatingColumns>(module, "RatingColumns")
      .def(nb::init<DataColumn, DataColumn, DataColumn, std::optional<DataColumn>>(), nb::arg("users"),
           nb::arg("items"), nb::arg("ratings"), nb::arg("times").none());
  nb::class_<TrainingData>(module, "TrainingData")
      .def(nb::init<RatingColumns, std::optional<RatingColumns>, Texts>(), nb::arg("ratings"), nb::arg("valid").none(),
           nb::arg("side_files"));
}

}  // namespace

NB_MODULE(_gcmc, module) {
  nb::register_exception_translator(&translate);
  module.attr("version") = GCMC_VERSION;
  bind_columns(module);
  bind_predictor(module);
  module.def("run_program", [](std::vector<std::string> arguments) {
    std::vector<char*> values;
    for (std::string& argument : arguments) values.push_back(argument.data());
    return gcmc_main(static_cast<int>(values.size()), values.data());
  });
  module.def("describe", &describe, nb::arg("ratings"), nb::arg("options"));
  module.def("check_options", &check_options, nb::arg("preset"), nb::arg("options"));
  module.def("train", &train, nb::arg("data"), nb::arg("preset"), nb::arg("options"), nb::arg("continued").none(),
             nb::arg("callback").none());
  module.def("load", [](const std::string& folder, int threads) {
    const nb::gil_scoped_release released;
    return std::make_unique<Predictor>(gcmc::load_models(folder), threads);
  });
}
