#include "table_form.hpp"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <tuple>

#include "gcmc/options/option_names.hpp"

namespace gcmc {
namespace {

using Fields = std::vector<std::string>;
using Told = std::map<std::string, std::string>;

constexpr std::size_t most_sample_lines = 100;

std::vector<std::string_view> first_lines(std::string_view text, bool whole) {
  std::vector<std::string_view> lines;
  while (!text.empty() && lines.size() < most_sample_lines) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos && !whole && !lines.empty()) break;
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!trimmed(line).empty()) lines.push_back(line);
  }
  return lines;
}

/// The fields of a line alone; none if its quotes are wrong, or go on in the next line.
Fields fields_of(std::string_view line, const Separator& separator) {
  std::vector<std::string_view> fields;
  QuotedRecord quoted;
  if (!separator.has_quotes() || line.find('"') == std::string_view::npos)
    separator.cut(line, most_columns, fields);
  else if (quoted.cut(
               line, separator, most_columns, [](std::string_view&) { return false; }, fields))
    return {};
  Fields texts;
  for (const std::string_view field : fields) texts.emplace_back(trimmed(field));
  return texts;
}

/// How many of the wanted columns a header of these fields would name.
std::size_t known_columns(const Fields& fields, const std::vector<WantedColumn>& wanted, const Told& told) {
  Fields names;
  std::transform(fields.begin(), fields.end(), std::back_inserter(names), plain_name);
  std::size_t known = 0;
  for (const WantedColumn& column : wanted) {
    const auto is_there = [&](std::string_view name) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    const auto by_user = told.find(column.role);
    known += by_user != told.end() ? told_position(by_user->second, fields, true) != no_column
                                   : std::any_of(column.names.begin(), column.names.end(), is_there) ||
                                         std::any_of(column.other_names.begin(), column.other_names.end(), is_there);
  }
  return known;
}

std::size_t required_columns(const std::vector<WantedColumn>& wanted) {
  return static_cast<std::size_t>(
      std::count_if(wanted.begin(), wanted.end(), [](const WantedColumn& column) { return column.required; }));
}

Separator detect_separator(const std::vector<std::string_view>& lines, const std::vector<WantedColumn>& wanted,
                           const Told& told) {
  using Merit = std::tuple<std::size_t, bool, bool, bool, std::size_t>;
  const std::size_t required = required_columns(wanted);
  Separator best(",");
  Merit most{};
  for (const char* name : {",", "tab", ";", "|", "::", "blanks"}) {
    const Separator separator(name);
    const Fields first = fields_of(lines.front(), separator);
    if (first.size() < 2) continue;
    const bool agreed = std::all_of(lines.begin() + 1, lines.end(), [&](std::string_view line) {
      return fields_of(line, separator).size() == first.size();
    });
    const Merit merit{known_columns(first, wanted, told), first.size() >= required, agreed, !separator.is_blanks(),
                      first.size()};
    if (merit <= most) continue;
    most = merit;
    best = separator;
  }
  return best;
}

/// A first line that names columns, or that has text where a rating would be.
bool is_header(const Fields& first, const std::vector<WantedColumn>& wanted, const Told& told) {
  const std::size_t required = required_columns(wanted);
  const std::size_t known = known_columns(first, wanted, told);
  if (known >= required) return true;
  if (known > 0) return std::none_of(first.begin(), first.end(), is_number);
  const auto rating = std::find_if(wanted.begin(), wanted.end(), [](const auto& w) { return w.role == "rating"; });
  if (rating == wanted.end()) return false;
  const auto by_user = told.find("rating");
  const std::size_t position = by_user != told.end() ? told_position(by_user->second, first, false)
                                                     : static_cast<std::size_t>(rating - wanted.begin());
  if (position >= first.size()) return std::none_of(first.begin(), first.end(), is_number);
  const std::string text = lower(first[position]);
  return !text.empty() && text != "nan" && text != "na" && text != "null" && !is_number(text);
}

}  // namespace

bool is_number(std::string_view field) {
  std::string text(trimmed(field));
  std::replace(text.begin(), text.end(), ',', '.');
  double value = 0;
  return parse_number(text, value);
}

std::size_t told_position(const std::string& told, const Fields& fields, bool by_name) {
  for (std::size_t k = 0; by_name && k < fields.size(); ++k)
    if (lower(fields[k]) == lower(told)) return k;
  std::size_t position = 0;
  const auto [end, code] = std::from_chars(told.data(), told.data() + told.size(), position);
  const bool counted = code == std::errc() && end == told.data() + told.size() && position >= 1;
  return counted && !by_name ? position - 1 : no_column;
}

std::vector<Fields> first_records(std::string_view text, bool whole, const Separator& separator) {
  std::vector<Fields> records;
  for (const std::string_view line : first_lines(text, whole)) records.push_back(fields_of(line, separator));
  return records;
}

TableForm detect_form(std::string_view text, bool whole, const ReadOptions& options,
                      const std::vector<WantedColumn>& wanted, const Told& told) {
  const std::vector<std::string_view> lines = first_lines(text, whole);
  TableForm form;
  if (!options.separator.empty()) form.separator = Separator(options.separator);
  form.empty = lines.empty();
  if (form.empty) return form;
  if (options.separator.empty()) form.separator = detect_separator(lines, wanted, told);
  const Fields top = fields_of(lines.front(), form.separator);
  form.header = !options.no_header && is_header(top, wanted, told);
  if (form.header) {
    form.named = known_columns(top, wanted, told) >= required_columns(wanted);
    form.names = top;
  }
  for (std::size_t k = form.header; k < lines.size() && form.first.empty(); ++k)
    form.first = fields_of(lines[k], form.separator);  // not one whose quotes go on in the next line
  return form;
}

}  // namespace gcmc
