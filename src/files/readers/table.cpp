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

/// "'userId,itemId'", of any length; a space behind each comma where commas do not separate.
std::string shown_header(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return shown(text);
}

}  // namespace

Table::Table(const std::string& path, const ReadOptions& options, std::vector<WantedColumn> wanted, DataLimit& limit,
             Width width)
    : records_(path, limit), wanted_(std::move(wanted)), width_(width) {
  const Told told = parse_columns(options.columns, wanted_);
  bool whole = false;
  form_ = detect_form(records_.peek(whole), whole, options, wanted_, told);
  records_.separate_by(form_.separator);
  positions_.assign(wanted_.size(), no_column);
  if (form_.header)
    find_by_name(told);
  else if (!form_.empty)
    find_by_position(told, form_.first);
  for (const std::size_t position : positions_)
    if (position != no_column) kept_ = std::max(kept_, position + 1);
}

Table::Table(const Table& whole, const TextPiece& piece, DataLimit& limit)
    : records_(whole.records_, piece, limit),
      width_(whole.width_),
      form_(whole.form_),
      positions_(whole.positions_),
      columns_(whole.columns_),
      kept_(whole.kept_) {}

void Table::find_by_name(const Told& told) {
  records_.next(most_columns);
  columns_ = records_.count();
  require(columns_ <= most_columns, [&] {
    return records_.place() + "a header of " + std::to_string(columns_) + " columns, at most " +
           std::to_string(most_columns) + " was expected";
  });
  std::vector<std::string> plain;
  for (const std::string_view field : records_.fields()) {
    names_.emplace_back(trimmed(field));
    plain.push_back(plain_name(names_.back()));
  }
  std::vector<WantedColumn> untold = wanted_;
  for (WantedColumn& column : untold)
    if (told.contains(column.role)) column.names = {}, column.other_names = {};
  records_.file().with_place([&] { positions_ = find_known(untold, plain); });
  for (std::size_t k = 0; k < wanted_.size(); ++k) {
    const std::string& role = wanted_[k].role;
    if (const auto by_user = told.find(role); by_user != told.end()) {
      positions_[k] = told_position(by_user->second, names_, true);
      if (positions_[k] == no_column) positions_[k] = told_position(by_user->second, names_, false);
      if (positions_[k] >= columns_)
        throw InputError(records_.place() + "the header " + shown_header(names_) + " has no column " +
                         shown(by_user->second) + " for the " + role);
    } else if (positions_[k] == no_column && wanted_[k].required) {
      throw InputError(records_.place() + "the header is " + shown_header(names_) + " (separated by " +
                       records_.separator().name() + "), in which no column is known as the " + role +
                       ": name it, as in columns " + role + "=NAME");
    }
  }
}

void Table::find_by_position(const Told& told, const std::vector<std::string>& first) {
  columns_ = first.size();
  const std::string place = records_.path() + ":1: ";
  require(!told.empty() || width_ == Width::any || columns_ <= most_columns_without_header, [&] {
    return place + std::to_string(columns_) +
           " columns and no header: a line for each rating, with its user, item and "
           "rating, was expected; of a table with a line a user, layout is wide; else say which columns they "
           "are, as in columns user=1,item=2,rating=3";
  });
  for (const auto& by_user : told) {
    const std::string &role = by_user.first, &text = by_user.second;
    const auto wanted = std::find_if(wanted_.begin(), wanted_.end(), [&](const auto& w) { return w.role == role; });
    const std::size_t position = told_position(text, first, false);
    require(position < columns_, [&] {
      return place + "there is no header, so that the " + role + "'s column " + shown(text) +
             " has to be a number from 1 to " + std::to_string(columns_);
    });
    positions_[static_cast<std::size_t>(wanted - wanted_.begin())] = position;
  }
  for (std::size_t k = 0; k < wanted_.size(); ++k) {
    if (positions_[k] != no_column) continue;
    const bool free = k < columns_ && std::find(positions_.begin(), positions_.end(), k) == positions_.end();
    if (free && (wanted_[k].required || looks_like_time(first[k]))) positions_[k] = k;
    require(positions_[k] != no_column || !wanted_[k].required, [&] {
      return place + std::to_string(columns_) + (columns_ == 1 ? " column" : " columns") +
             " and no header (separator " + records_.separator().name() + "), so that the " + wanted_[k].role +
             "'s column is not known: name it, as in " + "columns " + wanted_[k].role + "=" + std::to_string(k + 1);
    });
  }
}

bool Table::next() {
  if (!records_.next(kept_)) return false;
  const std::size_t count = records_.count();
  if (width_ == Width::equal ? count == columns_ : count >= kept_) return true;
  const std::string like = form_.header ? " as in the header" : " as in the first line";
  records_.fail(std::to_string(count) + (count == 1 ? " column" : " columns"),
                width_ == Width::equal ? std::to_string(columns_) + like : "at least " + std::to_string(kept_));
}

void Table::describe(ReadReport& report) const {
  report.separator = records_.separator().name();
  report.header = form_.header;
  report.columns.clear();
  for (std::size_t k = 0; k < wanted_.size(); ++k) {
    if (!has(k)) continue;
    const std::size_t position = positions_[k];
    report.columns.push_back({wanted_[k].role,
                              form_.header ? names_[position] : "column " + std::to_string(position + 1),
                              position < form_.first.size() ? form_.first[position] : ""});
  }
}

}  // namespace gcmc
