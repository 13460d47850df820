// From a trained model to one that is saved and asked, and back.
#pragma once

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "gcmc/layers/model.hpp"
#include "gcmc/model/saved_model.hpp"
#include "gcmc/options/option_names.hpp"
#include "gcmc/options/split_names.hpp"
#include "gcmc/train/result.hpp"

namespace gcmc {

/// Ratings by user, and each user's by item and level: PART.offsets, .items and .levels.
inline void add_rated(SavedModel& saved, const std::string& part, std::span<const Rating> rated) {
  require_in_range(rated, saved.user_ids.size(), saved.item_ids.size(), saved.levels.size(), part.c_str());
  std::vector<Offset> offsets(saved.user_ids.size() + 1);
  for (const Rating& r : rated) ++offsets[static_cast<std::size_t>(r.user) + 1];
  for (std::size_t i = 1; i < offsets.size(); ++i) offsets[i] += offsets[i - 1];
  std::vector<std::pair<Index, Level>> rows(rated.size());
  std::vector<Offset> next = offsets;
  for (const Rating& r : rated) rows[static_cast<std::size_t>(next[r.user]++)] = {r.item, r.level};
  std::vector<Index> items;
  std::vector<Level> levels;
  items.reserve(rows.size());
  levels.reserve(rows.size());
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    std::sort(rows.begin() + offsets[i], rows.begin() + offsets[i + 1]);
    for (Offset e = offsets[i]; e < offsets[i + 1]; ++e) {
      items.push_back(rows[static_cast<std::size_t>(e)].first);
      levels.push_back(rows[static_cast<std::size_t>(e)].second);
    }
  }
  const auto users = static_cast<Offset>(offsets.size()), count = static_cast<Offset>(rated.size());
  saved.tensors[part + ".offsets"] = {{users}, std::move(offsets)};
  saved.tensors[part + ".items"] = {{count}, std::move(items)};
  saved.tensors[part + ".levels"] = {{count}, std::move(levels)};
}

/// A saved model before its weights and embeddings: what is known of the ratings. `rated` are those behind the
/// embeddings, `tested` those of the test part.
inline SavedModel saved_without_weights(const Ratings& ratings, const Options& options, std::span<const Rating> rated,
                                        const BiasBaseline& baseline, std::span<const Rating> tested) {
  SavedModel saved;
  saved.options = options;
  if (!ratings.name.empty()) saved.options.run.data_name = ratings.name;
  saved.dataset = ratings.name;
  saved.levels = ratings.levels;
  saved.user_ids = ratings.user_ids;
  saved.item_ids = ratings.item_ids;
  saved.item_titles = ratings.item_titles;
  saved.mean = baseline.mean;
  if (options.model.features) saved.encodings = {ratings.user_features.encodings, ratings.item_features.encodings};
  saved.tensors["baseline.user_bias"] = {{ratings.users()}, baseline.user_bias};
  saved.tensors["baseline.item_bias"] = {{ratings.items()}, baseline.item_bias};
  add_rated(saved, "rated", rated);
  add_rated(saved, "tested", tested);
  return saved;
}

/// Parameters, by their names.
template <class B, class T>
requires Backend<B, T>
void add_weights(SavedModel& saved, Model<B, T>& model) {
  const std::vector<ParameterPiece>& pieces = model.parameters().pieces();
  for (std::size_t k = 0; k < pieces.size(); ++k)
    saved.tensors[pieces[k].name] = {pieces[k].shape(), model.parameters().get(static_cast<int>(k))};
}

/// The embeddings of the last encode.
template <class B, class T>
requires Backend<B, T>
void add_embeddings(SavedModel& saved, Model<B, T>& model) {
  for (const Side side : {user_side, item_side}) {
    std::vector<T> values = model.embedding(side).get();
    const Offset output = model.options().output;
    saved.tensors[ModelLayers::name(side) + "_embedding"] = {{static_cast<Offset>(values.size()) / output, output},
                                                             std::move(values)};
  }
}

inline void add_calibration(SavedModel& saved, const std::optional<Calibration>& calibration) {
  if (calibration) saved.tensors["calibration"] = {{2}, std::vector{calibration->offset, calibration->slope}};
}

/// Parameters and the embeddings of the last encode, in host memory, with the ids that they are of. `rated` are the
/// ratings behind the embeddings, `tested` those of the test part.
template <class B, class T>
requires Backend<B, T> SavedModel save(Model<B, T>& model, const Ratings& ratings, const Options& options,
                                       std::span<const Rating> rated, const BiasBaseline& baseline,
                                       const std::optional<Calibration>& calibration = {},
                                       std::span<const Rating> tested = {}) {
  SavedModel saved = saved_without_weights(ratings, options, rated, baseline, tested);
  add_weights(saved, model);
  add_embeddings(saved, model);
  add_calibration(saved, calibration);
  return saved;
}

/// Which ratings a run tested: the text of a saved model's split.
inline std::string test_part_text(const Ratings& ratings, const RunOptions& run) {
  if (ratings.has_fixed_test()) return "the data set's own";
  if (run.folds > 0) return "fold " + std::to_string(run.fold) + " of " + std::to_string(run.folds);
  return split_rule(run.split) == SplitRule::random ? "random" : run.split;
}

/// Adds what is known of the run that the model is of: its split, and its figures.
inline void add_run(SavedModel& saved, const RunMetrics& m, const Ratings& ratings) {
  saved.split = {
      {"test", test_part_text(ratings, saved.options.run)},     {"seed", std::to_string(saved.options.train.seed)},
      {"test_seed", std::to_string(saved.options.test_seed())}, {"train_ratings", std::to_string(m.train_ratings)},
      {"valid_ratings", std::to_string(m.valid_ratings)},       {"test_ratings", std::to_string(m.test_ratings)}};
  if (m.best_valid_rmse) saved.metrics["best_valid_rmse"] = *m.best_valid_rmse;
  if (m.test_ratings > 0) {
    saved.metrics["best_test_rmse"] = m.best_test_rmse;
    saved.metrics["best_test_mae"] = m.best_test_mae;
    saved.metrics["baseline_test_rmse"] = m.baseline_test_rmse;
  }
}

/// The way back: the parameters of a saved model's member in a Model made for the same sizes and options, whose
/// training may go on from there. Throws InputError if a tensor is missing or has another shape or element type.
template <class B, class T>
requires Backend<B, T>
void restore(Model<B, T>& model, const SavedModel& saved, Index member = 0) {
  std::map<std::string, std::vector<T>> values;
  for (const ParameterPiece& piece : model.parameters().pieces()) {
    const Tensor& tensor = saved.tensor(piece.name);
    require(tensor.shape == saved.shape_with_members(piece.shape()),
            [&] { return "restore: tensor \"" + piece.name + "\" has another shape than the model"; });
    const std::span<const T> from = saved.values_of<T>(member, piece.name, piece.shape());
    values[piece.name] = {from.begin(), from.end()};
  }
  model.parameters().set(values);
}

/// Ratings whose levels are those given, for a model that has them: a level that no rating has is legal. Throws
/// InputError, with the value, if the ratings have another one, or an entry a level that they do not have.
inline Ratings with_levels(Ratings ratings, const std::vector<double>& levels) {
  std::vector<Level> number;
  for (const double value : ratings.levels) {
    const auto found = std::find(levels.begin(), levels.end(), value);
    require(found != levels.end(), [&] {
      return "the ratings have the value " + number_text(value) + ", which is none of the model's " +
             std::to_string(levels.size()) +
             " levels: train a new model on all ratings, or round the value to one of them";
    });
    number.push_back(static_cast<Level>(found - levels.begin()));
  }
  for (Rating& rating : ratings.entries) {
    require(rating.level < number.size(), [&] {
      return "the ratings have " + std::to_string(number.size()) + " levels, and one of them level " +
             std::to_string(rating.level);
    });
    rating.level = number[rating.level];
  }
  ratings.levels = levels;
  return ratings;
}

/// `to` takes the values of `from`, which has as many blocks and columns: row i those of row source[i], and keeps its
/// own where that is negative.
template <class T, class Saved>
void take_rows(std::vector<T>& to, std::span<const Saved> from, const ParameterPiece& piece, Offset from_rows,
               std::span<const Index> source) {
  const Offset columns = piece.columns;
  for (Offset block = 0; block < piece.blocks; ++block)
    for (Offset i = 0; i < piece.rows; ++i)
      if (source[static_cast<std::size_t>(i)] >= 0)
        std::transform(from.begin() + (block * from_rows + source[static_cast<std::size_t>(i)]) * columns,
                       from.begin() + (block * from_rows + source[static_cast<std::size_t>(i)] + 1) * columns,
                       to.begin() + (block * piece.rows + i) * columns,
                       [](Saved value) { return static_cast<T>(value); });
}

/// For each of `ids`, its place in `known`, or -1.
inline std::vector<Index> places_of(const std::vector<std::string>& ids, const std::vector<std::string>& known) {
  std::unordered_map<std::string_view, Index> place;
  place.reserve(known.size());
  for (std::size_t k = 0; k < known.size(); ++k) place.emplace(known[k], static_cast<Index>(k));
  std::vector<Index> places;
  places.reserve(ids.size());
  for (const std::string& id : ids) {
    const auto found = place.find(id);
    places.push_back(found == place.end() ? -1 : found->second);
  }
  return places;
}

/// What a side's sparse feature columns are of, by name: a category of a table's column, or a node of the graph,
/// whatever file that was read from.
inline std::vector<std::string> sparse_column_names(const std::vector<FeatureEncoding>& encodings,
                                                    const std::vector<std::string>& ids) {
  std::vector<std::string> names;
  for (const FeatureEncoding& encoding : encodings) {
    const bool of_nodes = encoding.kind == FeatureKind::graph;
    for (const std::string& of : of_nodes ? ids : encoding.categories)
      names.push_back((of_nodes ? "\n" : encoding.name + '\n') + of);
  }
  return names;
}

/// "gcn_agg_units 500, ...": the options that the shapes of a model's tensors come of.
inline std::string widths_text(const Options& options) {
  std::string text;
  for (const char* name : {"gcn_agg_units", "gcn_agg_accum", "gcn_out_units", "gen_r_num_basis_func", "feature_units"})
    text += (text.empty() ? "" : ", ") + std::string(name) + ' ' + option_text(options, name);
  return text;
}

/// The parameters of a member of a model of other ratings in a Model made for `ratings`, whose training may go on from
/// there: users and items are the same where their ids are, categories of features where their names are, and who is
/// new keeps the model's own row. Numbers of the other precision are converted. Throws InputError if the levels, or the
/// shape of what does not go by users or items, are others, and if the model was saved without its encoder.
template <class B, class T>
requires Backend<B, T>
void restore(Model<B, T>& model, const SavedModel& saved, const Ratings& ratings, Index member = 0) {
  require(saved.levels == ratings.levels, "restore: the saved model has other levels than the ratings");
  std::map<std::string, std::vector<T>> values = model.parameters().get();
  require(saved.tensors.contains(ModelLayers::encoder_name(user_side) + ".weight"),
          "restore: the saved model has no encoder, whose weights would be trained on: was it exported slim? Use the "
          "model that it was exported from");
  for (const auto& [name, tensor] : saved.tensors)
    require(!name.starts_with("features.") || values.contains(name), [&name = name] {
      const std::string side = name.starts_with("features.user") ? "user" : "item";
      return "restore: the model was trained with features of " + side +
             "s, but these ratings have none, or the options leave them out: give them (" + side +
             "_features), or train a model anew";
    });
  for (const ParameterPiece& piece : model.parameters().pieces()) {
    std::vector<Index> source(static_cast<std::size_t>(piece.rows));
    std::iota(source.begin(), source.end(), 0);
    Offset saved_rows = piece.rows;
    const auto by_names = [&](const std::vector<std::string>& names, const std::vector<std::string>& known) {
      source = places_of(names, known);
      saved_rows = static_cast<Offset>(known.size());
    };
    for (const Side side : {user_side, item_side}) {
      const bool users = side == user_side;
      const std::vector<std::string>&ids = users ? ratings.user_ids : ratings.item_ids,
            &saved_ids = users ? saved.user_ids : saved.item_ids;
      const SideFeatures& features = users ? ratings.user_features : ratings.item_features;
      if (piece.name == ModelLayers::encoder_name(side) + ".weight") by_names(ids, saved_ids);
      if (piece.name == ModelLayers::features_name(side) + ".sparse" && !features.encodings.empty())
        by_names(sparse_column_names(features.encodings, ids), sparse_column_names(saved.encodings[side], saved_ids));
    }
    const Tensor& tensor = saved.tensor(piece.name);
    ParameterPiece there = piece;
    there.rows = static_cast<Index>(saved_rows);
    const std::vector<Offset> shape = saved.shape_with_members(there.shape());
    require(tensor.shape == shape, [&] {
      return "restore: tensor \"" + piece.name + "\" is " + shape_text(tensor.shape) + ", the model needs " +
             shape_text(shape) + ": other options, levels or side features (the saved model has " +
             widths_text(saved.options) + ")";
    });
    const Offset count = saved_rows * piece.blocks * piece.columns;
    const auto take = [&](const auto& from) {
      require(static_cast<Offset>(from.size()) == saved.members() * count,
              [&] { return "restore: tensor \"" + piece.name + "\" has not the numbers that its shape says"; });
      const auto part =
          std::span(from).subspan(static_cast<std::size_t>(member * count), static_cast<std::size_t>(count));
      take_rows(values[piece.name], part, piece, saved_rows, source);
    };
    std::visit(take, tensor.values);
  }
  model.parameters().set(values);
}

}  // namespace gcmc
