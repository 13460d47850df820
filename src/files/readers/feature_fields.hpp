// Fields of a column as features: which encoding suits them, and what it makes of one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data_limit.hpp"
#include "gcmc/ratings/features.hpp"

namespace gcmc {

/// Fields of one column, those that are missing left out.
using ColumnFields = std::vector<std::string_view>;

/// What a column is taken for, or why it is of no use.
struct FittedColumn {
  std::optional<FeatureEncoding> encoding;
  std::string remark;
};

/// `type` is RecBole's, which is believed, or empty: then a column of numbers is numbers, one of which nine in ten
/// fields are dates, or titles with a year in brackets, is dates, one that has a | in a field is a list, and any other
/// is a category. Of no use is a column without a field, with one value in all `rows`, or whose values come less than
/// twice each: names, titles and addresses. At most `most_categories`.
FittedColumn fit_column(const std::string& name, const std::string& type, const ColumnFields& fields, std::size_t rows,
                        std::size_t most_categories, DataLimit& limit);

/// What an encoding makes of a field.
class FieldEncoder {
 public:
  explicit FieldEncoder(const FeatureEncoding& encoding);

  /// Values for the dense columns; none for a field that is not of the encoding's kind.
  std::optional<std::vector<double>> numbers(std::string_view field) const;
  /// The sparse columns that are 1, ascending; categories that are not known are left out.
  std::vector<Index> categories(std::string_view field) const;

 private:
  const FeatureEncoding& encoding_;
  std::unordered_map<std::string_view, Index> numbers_;
};

}  // namespace gcmc
