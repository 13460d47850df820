#include "table.hpp"

#include <algorithm>

namespace gcmc {
namespace {

constexpr std::size_t most_columns_without_header = 8;

using Told = std::map<std::string, std::string>;

/// Seconds since 1970, or more of them, or a date.
bool looks_like_time(std::string_view field) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !field.empty() && digit(field[0]) && std::count_if(field.begin(), field.end(), digit) >= 8;
}

/// Digits alone: seconds since 1970, or more of them, or 20050906.
bool is_count_of_time(std::string_view field) {
  return looks_like_time(field) && field.find_first_not_of("0123456789") == std::string_view::npos;
}

/// "'userId,itemId'", of any length; a space behind each comma where commas do not separate.
std::string shown_header(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return shown(text);
}

}  // namespace

Table::Table(const std::string& path, const ReadOptions& options, std::vector<WantedColumn> wanted, DataLimit& limit,
             Width width, const FoundColumns* before)
    : records_(path, limit), wanted_(std::move(wanted)), width_(width) {
  const Told told = parse_columns(options.columns, wanted_);
  bool whole = false;
  TableForm form = detect_form(records_.peek(whole), whole, options, wanted_, told);
  first_ = std::move(form.first);
  empty_ = form.empty && whole;
  if (before && !before->names.empty() && !form.named && form.names != before->names) {
    columns_ = *before;
    records_.separate_by(columns_.separator);
    return;
  }
  columns_.separator = form.separator;
  columns_.positions.assign(wanted_.size(), no_column);
  records_.separate_by(form.separator);
  if (form.header)
    find_by_name(told);
  else if (!form.empty)
    find_by_position(told);
  for (const std::size_t position : columns_.positions)
    if (position != no_column) columns_.kept = std::max(columns_.kept, position + 1);
}

Table::Table(const Table& whole, const TextPiece& piece, DataLimit& limit)
    : records_(whole.records_, piece, limit), width_(whole.width_), columns_(whole.columns_) {}

void Table::find_by_name(const Told& told) {
  std::vector<std::size_t>& positions = columns_.positions;
  records_.next(most_columns);
  columns_.count = records_.count();
  require(columns_.count <= most_columns, [&] {
    return records_.place() + "a header of " + std::to_string(columns_.count) + " columns, at most " +
           std::to_string(most_columns) + " was expected";
  });
  std::vector<std::string> plain;
  for (const std::string_view field : records_.fields()) {
    columns_.names.emplace_back(trimmed(field));
    plain.push_back(plain_name(columns_.names.back()));
  }
  std::vector<WantedColumn> untold = wanted_;
  for (WantedColumn& column : untold)
    if (told.contains(column.role)) column.names = {}, column.other_names = {};
  records_.file().with_place([&] { positions = find_known(untold, plain); });
  for (std::size_t k = 0; k < wanted_.size(); ++k) {
    const std::string& role = wanted_[k].role;
    if (const auto by_user = told.find(role); by_user != told.end()) {
      positions[k] = told_position(by_user->second, columns_.names, true);
      if (positions[k] == no_column) positions[k] = told_position(by_user->second, columns_.names, false);
      if (positions[k] >= columns_.count)
        throw InputError(records_.place() + "the header " + shown_header(columns_.names) + " has no column " +
                         shown(by_user->second) + " for the " + role);
    } else if (positions[k] == no_column && wanted_[k].required) {
      throw InputError(records_.place() + "the header is " + shown_header(columns_.names) + " (separated by " +
                       records_.separator().name() + "), in which no column is known as the " + role +
                       ": name it, as in columns " + role + "=NAME");
    }
  }
}

void Table::find_by_position(const Told& told) {
  std::vector<std::size_t>& positions = columns_.positions;
  columns_.count = first_.size();
  const std::string place = records_.path() + ":1: ";
  require(!told.empty() || width_ == Width::any || columns_.count <= most_columns_without_header, [&] {
    return place + std::to_string(columns_.count) +
           " columns and no header: a line for each rating, with its user, item and "
           "rating, was expected; of a table with a line a user, layout is wide; else say which columns they "
           "are, as in columns user=1,item=2,rating=3";
  });
  for (const auto& by_user : told) {
    const std::string &role = by_user.first, &text = by_user.second;
    const auto wanted = std::find_if(wanted_.begin(), wanted_.end(), [&](const auto& w) { return w.role == role; });
    const std::size_t position = told_position(text, first_, false);
    require(position < columns_.count, [&] {
      return place + "there is no header, so that the " + role + "'s column " + shown(text) +
             " has to be a number from 1 to " + std::to_string(columns_.count);
    });
    positions[static_cast<std::size_t>(wanted - wanted_.begin())] = position;
  }
  for (std::size_t k = 0; k < wanted_.size(); ++k) {
    if (positions[k] != no_column) continue;
    const std::string& role = wanted_[k].role;
    const bool free = k < columns_.count && std::find(positions.begin(), positions.end(), k) == positions.end();
    if (free && (wanted_[k].required || (role == "time" && looks_like_time(first_[k])))) positions[k] = k;
    require(!free || role != "rating" || !is_count_of_time(first_[k]), [&] {
      return place + shown(first_[k]) + " in column " + std::to_string(k + 1) + ", where the rating would be, looks " +
             "like a time: say where the ratings are, as in columns rating=" + std::to_string(k + 1) +
             " (purchases, clicks and the like are not ratings)";
    });
    require(positions[k] != no_column || !wanted_[k].required, [&] {
      return place + std::to_string(columns_.count) + (columns_.count == 1 ? " column" : " columns") +
             " and no header (separator " + records_.separator().name() + "), so that the " + role +
             "'s column is not known: name it, as in " + "columns " + role + "=" + std::to_string(k + 1);
    });
  }
}

void Table::take_lines_whole() {
  if (!columns_.names.empty()) return;
  columns_.separator = Separator("\x1f");  // of ASCII for this, and in no text
  columns_.positions.assign(wanted_.size(), no_column);
  columns_.positions[0] = 0;
  columns_.count = columns_.kept = 1;
  records_.separate_by(columns_.separator);
}

bool Table::next() {
  if (!records_.next(columns_.kept)) return false;
  const std::size_t count = records_.count();
  const bool few = count < columns_.kept, many = !columns_.names.empty() && count > columns_.count;
  if (width_ == Width::equal ? count == columns_.count : !few && !many) return true;
  const std::string like = !columns_.names.empty() ? " as in the header" : " as in the first line";
  records_.fail(std::to_string(count) + (count == 1 ? " column" : " columns"),
                width_ == Width::equal || many ? std::to_string(columns_.count) + like
                                               : "at least " + std::to_string(columns_.kept));
}

void Table::describe(ReadReport& report) const {
  report.separator = records_.separator().name();
  report.header = !columns_.names.empty();
  report.columns.clear();
  for (std::size_t k = 0; k < wanted_.size(); ++k) {
    if (!has(k)) continue;
    const std::size_t position = columns_.positions[k];
    report.columns.push_back(
        {wanted_[k].role, !columns_.names.empty() ? columns_.names[position] : "column " + std::to_string(position + 1),
         position < first_.size() ? first_[position] : ""});
  }
}

}  // namespace gcmc
