#include "side_table.hpp"

#include <algorithm>
#include <array>

#include "gcmc/options/option_names.hpp"
#include "rating_fields.hpp"
#include "table_form.hpp"

namespace gcmc {
namespace {

using Sample = std::vector<std::vector<std::string>>;

constexpr std::array<std::string_view, 4> recbole_types = {"token", "float", "token_seq", "float_seq"};

/// What stands behind the last colon of a typed name.
std::string type_of(const std::string& name) {
  const std::size_t colon = name.rfind(':');
  if (colon == std::string::npos) return {};
  const std::string type = name.substr(colon + 1);
  return std::find(recbole_types.begin(), recbole_types.end(), type) == recbole_types.end() ? "" : type;
}

/// Is there text above a column of numbers?
bool heads_numbers(const Sample& sample) {
  for (std::size_t column = 0; column < sample.front().size(); ++column) {
    if (is_missing(sample.front()[column]) || is_number(sample.front()[column])) continue;
    std::size_t numbers = 0;
    const bool others = std::all_of(sample.begin() + 1, sample.end(), [&](const auto& fields) {
      if (column >= fields.size() || is_missing(fields[column])) return true;
      ++numbers;
      return is_number(fields[column]);
    });
    if (others && numbers > 0) return true;
  }
  return false;
}

/// `named`: it names a wanted column.
bool is_header(const Sample& sample, bool named, const IdTable& known) {
  const std::vector<std::string>& first = sample.front();
  if (std::any_of(first.begin(), first.end(), [](const auto& name) { return !type_of(name).empty(); })) return true;
  if (first.empty() || known.find(first.front()) >= 0) return false;
  return named || std::none_of(first.begin(), first.end(), is_number) || heads_numbers(sample);
}

/// Of several columns with names that are wanted, as in movie_id and movie, leaves the name that ends in id, or the
/// first: nobody can be asked which it is.
void keep_clearest(const WantedColumn& wanted, std::vector<std::string>& names) {
  const auto is_named = [&](const std::string& name) {
    return std::ranges::find(wanted.names, name) != wanted.names.end();
  };
  auto kept =
      std::ranges::find_if(names, [&](const std::string& name) { return is_named(name) && name.ends_with("id"); });
  if (kept == names.end()) kept = std::ranges::find_if(names, is_named);
  for (auto name = names.begin(); name != names.end(); ++name)
    if (name != kept && is_named(*name)) name->clear();
}

}  // namespace

bool is_missing(std::string_view field) {
  if (field.empty() || field == "\\N") return true;
  const std::string text = lower(std::string(field.substr(0, 5)));
  return text == "nan" || text == "na" || text == "n/a" || text == "null";
}

SideTable::SideTable(const std::string& path, const std::vector<WantedColumn>& wanted, const IdTable& known,
                     DataLimit& limit)
    : records_(path, limit) {
  bool whole = false;
  const std::string_view text = records_.peek(whole);
  const TableForm form = detect_form(text, whole, {}, wanted, {});
  require(!form.empty, [&] { return path + ": there is no line in it"; });
  records_.separate_by(form.separator);
  const Sample sample = first_records(text, whole, form.separator);
  header_ = is_header(sample, form.header, known);
  find_columns(wanted, sample);
}

void SideTable::find_columns(const std::vector<WantedColumn>& wanted, const Sample& sample) {
  positions_.assign(wanted.size(), no_column);
  columns_ = sample.front().size();
  if (header_) {
    records_.next(most_columns);
    columns_ = records_.count();
    std::vector<std::string> plain;
    std::string room;
    for (const std::string_view field : records_.fields()) {
      names_.emplace_back(in_utf8(trimmed(field), room));
      plain.push_back(plain_name(names_.back()));
    }
    for (const WantedColumn& column : wanted) keep_clearest(column, plain);
    records_.file().with_place([&] { positions_ = find_known(wanted, plain); });
  }
  require(columns_ <= most_columns, [&] {
    return records_.path() + ": " + std::to_string(columns_) + " columns, at most " + std::to_string(most_columns) +
           " was expected";
  });
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    if (positions_[k] != no_column) continue;
    const bool taken = std::find(positions_.begin(), positions_.end(), k) != positions_.end();
    const auto numbers = std::count_if(sample.begin(), sample.end(),
                                       [&](const auto& fields) { return k < fields.size() && is_number(fields[k]); });
    const bool most = 2 * numbers > static_cast<std::ptrdiff_t>(sample.size());
    if (k < columns_ && !taken && (wanted[k].required || (!header_ && most))) positions_[k] = k;
    require(positions_[k] != no_column || !wanted[k].required, [&] {
      return records_.path() + ": there is no column of the " + wanted[k].role + " (separated by " +
             records_.separator().name() + ")";
    });
  }
}

bool SideTable::next() {
  if (!records_.next(most_columns)) return false;
  if (records_.count() != columns_)
    records_.fail(std::to_string(records_.count()) + (records_.count() == 1 ? " column" : " columns"),
                  std::to_string(columns_) + (header_ ? " as in the header" : " as in the first line"));
  return true;
}

std::string SideTable::name(std::size_t column) const {
  if (!header_ || names_[column].empty()) return "column " + std::to_string(column + 1);
  const std::string& name = names_[column];
  return type(column).empty() ? name : name.substr(0, name.rfind(':'));
}

std::string SideTable::type(std::size_t column) const { return header_ ? type_of(names_[column]) : ""; }

std::string SideTable::form() const {
  return (header_ ? "header, separator " : "no header, separator ") + records_.separator().name();
}

}  // namespace gcmc
