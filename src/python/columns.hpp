// Columns as they come from Python and go back.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data_column.hpp"
#include "gcmc/files/read_options.hpp"
#include "gcmc/model/predictor.hpp"
#include "gcmc/ratings/ratings.hpp"

using Numbers = std::vector<gcmc::Index>;

/// NumPy's whole and floating numbers, where they lie.
DataColumn column_of_array(
    std::string name,
    nanobind::ndarray<nanobind::ro, nanobind::ndim<1>, nanobind::c_contig, nanobind::device::cpu> array);
/// A copy of a list of str.
DataColumn column_of_texts(std::string name, const nanobind::typed<nanobind::list, nanobind::str>& texts);
/// What an object's __arrow_c_stream__() returned.
std::vector<DataColumn> columns_of_stream(const nanobind::object& capsule);

/// Their numbers in the model; -1: unknown.
Numbers numbers_of(const gcmc::Predictor& predictor, gcmc::Side side, const DataColumn& ids);

/// One of them, as text. Cost: O(row).
std::string id_of(const DataColumn& ids, std::size_t row);

std::vector<double> values_of(const DataColumn& numbers);

/// Columns of one length: who, what, how much and when.
struct RatingColumns {
  DataColumn users, items, ratings;
  std::optional<DataColumn> times;
};

/// The ratings as a reader of files would number them: pairs that are rated twice are merged alike. `valid` is their
/// own validation part. `report` gets notes. Throws InputError as RatingCollector does. Cost: O(ratings); 12 bytes a
/// rating, 8 more with times, 8 more unless each user's rows stand together, beside the columns.
gcmc::Ratings ratings_of(const RatingColumns& columns, const std::optional<RatingColumns>& valid,
                         const std::string& name, const gcmc::ReadOptions& options, gcmc::ReadReport& report);

/// An array that owns the values, of these extents.
template <class T>
nanobind::ndarray<nanobind::numpy, T> array_of(std::vector<T> values, std::initializer_list<std::size_t> extents) {
  auto* kept = new std::vector<T>(std::move(values));
  nanobind::capsule owner(kept, [](void* pointer) noexcept { delete static_cast<std::vector<T>*>(pointer); });
  return nanobind::ndarray<nanobind::numpy, T>(kept->data(), extents, owner);
}
template <class T>
nanobind::ndarray<nanobind::numpy, T> array_of(std::vector<T> values) {
  const std::size_t count = values.size();
  return array_of(std::move(values), {count});
}
