#include "feature_fields.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "features.hpp"
#include "gcmc/options/option_names.hpp"
#include "rating_fields.hpp"
#include "text_file.hpp"

namespace gcmc {
namespace {

using Numbers = std::vector<double>;

constexpr Offset bytes_of_category = 160;

std::optional<double> number_of(std::string_view field) {
  double value = 0;
  std::string room;
  if (!parse_decimal(trimmed(field), value, room)) return {};
  return value;
}

/// A whole number of at most 4 digits at the beginning, which is taken off with what stands behind it.
std::optional<int> take_number(std::string_view& text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0 || digits > 4) return {};
  int value = 0;
  for (const char c : text.substr(0, digits)) value = 10 * value + (c - '0');
  text.remove_prefix(std::min(digits + 1, text.size()));
  return value;
}

std::optional<int> take_month(std::string_view& text) {
  constexpr std::array<std::string_view, 12> names = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
  const auto found = std::find(names.begin(), names.end(), lower(std::string(text.substr(0, 3))));
  if (text.size() < 4 || found == names.end()) return {};
  text.remove_prefix(4);
  return static_cast<int>(found - names.begin()) + 1;
}

/// The year of 1995-01-31 (and what may follow), 1995/01/31 or 31-Jan-1995, with the part of it that has passed; or
/// that of a title (1995).
std::optional<double> year_of(std::string_view field) {
  std::string_view text = trimmed(field);
  if (text.find("://") != std::string_view::npos) return {};
  if (const int year = year_of_title(text); year > 0) return year;
  if (text.size() < 8 || text.find_first_of("-/") == std::string_view::npos) return {};
  const bool year_first = text.find_first_of("-/") == 4;
  const auto first = take_number(text);
  const auto month = first && !year_first ? take_month(text) : take_number(text);
  const auto last = month ? take_number(text) : std::nullopt;
  if (!first || !last) return {};
  const int year = year_first ? *first : *last, day = year_first ? *last : *first;
  if (year < 1000 || *month < 1 || *month > 12 || day < 1 || day > 31) return {};
  return year + (*month - 1 + (day - 1) / 31.0) / 12;
}

/// The values of a field: all of it, or what lies between bars or blanks.
std::vector<std::string_view> parts_of(FeatureKind kind, std::string_view field) {
  if (kind == FeatureKind::category) return {trimmed(field)};
  std::vector<std::string_view> parts;
  while (!field.empty()) {
    const std::size_t end = std::min(field.find_first_of(kind == FeatureKind::list ? "|" : blanks), field.size());
    if (const std::string_view part = trimmed(field.substr(0, end)); !part.empty()) parts.push_back(part);
    field.remove_prefix(std::min(end + 1, field.size()));
  }
  return parts;
}

std::optional<Numbers> sequence_of(std::string_view field) {
  Numbers values;
  for (const std::string_view part : parts_of(FeatureKind::words, field)) {
    const auto value = number_of(part);
    if (!value) return {};
    values.push_back(*value);
  }
  return values;
}

std::optional<Numbers> numbers_of(FeatureKind kind, std::size_t count, std::string_view field) {
  if (kind == FeatureKind::number && count != 1) {
    const auto values = sequence_of(field);
    return values && values->size() == count ? values : std::nullopt;
  }
  const auto value = kind == FeatureKind::date ? year_of(field) : number_of(field);
  return value ? std::optional(Numbers{*value}) : std::nullopt;
}

std::string counted(std::size_t count, const std::string& what) { return std::to_string(count) + " " + what; }

/// Mean and deviation of each of `count` numbers, over the fields that have them.
FittedColumn fit_numbers(const std::string& name, FeatureKind kind, std::size_t count, const ColumnFields& fields) {
  FeatureEncoding encoding{.name = name, .kind = kind, .means = Numbers(count), .deviations = Numbers(count)};
  std::vector<Numbers> known;
  for (const std::string_view field : fields)
    if (auto values = numbers_of(kind, count, field)) known.push_back(std::move(*values));
  bool varies = false;
  for (std::size_t k = 0; k < count; ++k) {
    double sum = 0, squares = 0;
    for (const Numbers& values : known) sum += values[k];
    encoding.means[k] = sum / static_cast<double>(known.size());
    for (const Numbers& values : known) squares += (values[k] - encoding.means[k]) * (values[k] - encoding.means[k]);
    const double deviation = std::sqrt(squares / static_cast<double>(known.size()));
    if (!std::isfinite(encoding.means[k]) || !std::isfinite(deviation)) return {{}, "no numbers, or too large ones"};
    encoding.deviations[k] = deviation > 0 ? deviation : 1;
    varies |= deviation > 0;
  }
  if (!varies) return {{}, "one value alone"};
  const std::size_t wrong = fields.size() - known.size();
  return {std::move(encoding), wrong > 0 ? counted(wrong, "fields are none, and count as missing") : ""};
}

FittedColumn fit_categories(const std::string& name, FeatureKind kind, const ColumnFields& fields, std::size_t rows,
                            std::size_t most_categories, DataLimit& limit) {
  std::map<std::string, std::size_t, std::less<>> counts;
  std::size_t parts = 0;
  std::string room;
  for (const std::string_view field : fields)
    for (const std::string_view part : parts_of(kind, field)) {
      const std::string_view text = in_utf8(part, room);
      ++parts;
      if (const auto found = counts.find(text); found != counts.end()) {
        ++found->second;
        continue;
      }
      if (counts.size() == most_categories) return {{}, "more than " + counted(most_categories, "distinct values")};
      limit.take(bytes_of_category + static_cast<Offset>(text.size()));
      counts.emplace(text, 1);
    }
  if (2 * counts.size() > parts) return {{}, counted(counts.size(), "distinct values in ") + counted(parts, "fields")};
  if (counts.size() == 1 && counts.begin()->second >= rows) return {{}, "one value alone"};
  FeatureEncoding encoding{.name = name, .kind = kind};
  for (const auto& [text, count] : counts) encoding.categories.push_back(text);
  return {std::move(encoding), ""};
}

}  // namespace

FittedColumn fit_column(const std::string& name, const std::string& type, const ColumnFields& fields, std::size_t rows,
                        std::size_t most_categories, DataLimit& limit) {
  if (fields.empty()) return {{}, "empty"};
  const auto count = [&](auto parse) {
    return static_cast<std::size_t>(
        std::count_if(fields.begin(), fields.end(), [&](std::string_view field) { return bool(parse(field)); }));
  };
  if (type == "float" || (type.empty() && count(number_of) == fields.size()))
    return fit_numbers(name, FeatureKind::number, 1, fields);
  if (type == "float_seq") {
    const auto first = sequence_of(fields.front());
    if (!first || first->empty()) return {{}, "its first field is no list of numbers"};
    limit.take(static_cast<Offset>(2 * sizeof(double) * first->size() * fields.size()));
    return fit_numbers(name, FeatureKind::number, first->size(), fields);
  }
  if (type.empty() && 10 * count(year_of) >= 9 * fields.size()) return fit_numbers(name, FeatureKind::date, 1, fields);
  const bool bars =
      std::any_of(fields.begin(), fields.end(), [](auto field) { return field.find('|') != std::string_view::npos; });
  const FeatureKind kind = type == "token" || (type.empty() && !bars) ? FeatureKind::category
                           : bars                                     ? FeatureKind::list
                                                                      : FeatureKind::words;
  return fit_categories(name, kind, fields, rows, most_categories, limit);
}

FieldEncoder::FieldEncoder(const FeatureEncoding& encoding) : encoding_(encoding) {
  for (std::size_t k = 0; k < encoding.categories.size(); ++k)
    numbers_.emplace(encoding.categories[k], static_cast<Index>(k));
}

std::optional<std::vector<double>> FieldEncoder::numbers(std::string_view field) const {
  auto values = numbers_of(encoding_.kind, encoding_.means.size(), field);
  if (!values) return {};
  for (std::size_t k = 0; k < values->size(); ++k)
    (*values)[k] = ((*values)[k] - encoding_.means[k]) / encoding_.deviations[k];
  return values;
}

std::vector<Index> FieldEncoder::categories(std::string_view field) const {
  std::vector<Index> columns;
  std::string room;
  const auto look_up = [&](std::string_view part) {
    const auto found = numbers_.find(in_utf8(part, room));
    if (found != numbers_.end()) columns.push_back(found->second);
  };
  for (const std::string_view part : parts_of(encoding_.kind, field)) look_up(part);
  std::sort(columns.begin(), columns.end());
  columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
  return columns;
}

}  // namespace gcmc
