// Columns of numbers and ids, as they come from Python and go back.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/variant.h>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "gcmc/model/predictor.hpp"
#include "gcmc/ratings/ratings.hpp"

template <class T>
using Column = nanobind::ndarray<const T, nanobind::ndim<1>, nanobind::c_contig, nanobind::device::cpu>;
using Numbers = std::vector<gcmc::Index>;

/// Ids are whole numbers, or a list of str.
using Ids = std::variant<Column<std::int64_t>, nanobind::list>;

/// Calls use(k, text) for each id, in order; the text is valid for the call.
void for_each_id(const Ids& ids, const std::function<void(std::size_t, std::string_view)>& use);

/// Their numbers in the model; -1: unknown.
Numbers numbers_of(const gcmc::Predictor& predictor, gcmc::Side side, const Ids& ids);

/// Columns of one length: who, what, how much and when.
struct RatingColumns {
  Ids users, items;
  Column<double> ratings;
  std::optional<Column<double>> times;
};

/// The ratings as a reader of files would number them: pairs that are rated twice are merged alike. `valid` is their
/// own validation part. `split` tells whether times are kept. Throws InputError as RatingCollector does.
gcmc::Ratings ratings_of(const RatingColumns& columns, const std::optional<RatingColumns>& valid,
                         const std::string& name, std::string_view split);

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
