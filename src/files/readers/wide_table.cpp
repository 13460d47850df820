// The wide layout: a line a user, a column an item.
#include <algorithm>
#include <cmath>

#include "rating_fields.hpp"
#include "rating_table.hpp"
#include "table_form.hpp"

namespace gcmc {
namespace {

using Fields = std::vector<std::string>;

class WideTable {
 public:
  WideTable(const std::string& path, const ReadOptions& options, DataLimit& limit, ReadReport& report,
            const std::optional<WideColumns>& before)
      : options_(options), report_(report), records_(path, limit), ids_(report), values_(options, report) {
    bool whole = false;
    const std::string_view text = records_.peek(whole);
    const Separator separator = detect_form(text, whole, options, {}, {}).separator;
    records_.separate_by(separator);
    const std::vector<Fields> sample = first_records(text, whole, separator);
    header_ = !sample.empty() && has_header(sample);
    if (before) columns_ = *before;
    if (!header_ && before) return;
    detect(sample);
    describe(sample.front());
  }

  /// Returns what the next part is to know.
  WideColumns read(RatingCollector& collector) {
    if (header_) records_.next(most_columns);
    const std::size_t count = columns_.items.size();
    read_lines(options_, report_, [&] {
      if (!records_.next(most_columns)) return false;
      ++columns_.lines;
      if (records_.count() != count)
        records_.fail(std::to_string(records_.count()) + " columns", std::to_string(count) + " as in the first line");
      const std::string user = columns_.user == no_column
                                   ? std::to_string(columns_.lines)
                                   : std::string(ids_.read(records_, records_[columns_.user], "user"));
      read_values();
      records_.file().with_place([&] {
        for (const auto& [column, value] : row_) collector.add(user, columns_.items[column], value);
      });
      return true;
    });
    return std::move(columns_);
  }

 private:
  bool is_rated(const std::string& field) {
    double value = 0;
    return values_.parse(field, value) && !values_.is_not_rated(field, value);
  }

  /// Its first column has the number of values that the line's others have.
  bool counts_itself(const Fields& fields) {
    double count = 0;
    const auto rated = std::count_if(fields.begin() + 1, fields.end(), [&](const auto& f) { return is_rated(f); });
    return parse_number(fields.front(), count) && count == static_cast<double>(rated);
  }

  /// Whole numbers that grow, behind the first field: ids of items rather than ratings.
  static bool are_ascending(const Fields& fields) {
    double before = 0, number = 0;
    for (std::size_t k = 1; k < fields.size(); ++k, before = number)
      if (!parse_number(fields[k], number) || number != std::floor(number) || (k > 1 && number <= before)) return false;
    return fields.size() > 2;
  }

  static bool names_users(const std::string& field) {
    return find_known({rating_columns().front()}, {plain_name(field)}).front() == 0;
  }

  /// What the options call the users' column; empty where they do not.
  std::string told_user() const {
    const WantedColumn user = rating_columns().front();
    const auto told = parse_columns(options_.columns, {user});
    return told.empty() ? "" : told.at(user.role);
  }

  /// Is the first line one of names? Of items, or of numbers under something that can only be the users' name.
  bool has_header(const std::vector<Fields>& sample) const {
    const Fields& first = sample.front();
    if (options_.no_header || first.empty()) return false;
    const auto is_text = [&](const std::string& field) {
      return !field.empty() && !is_number(field) && field != options_.not_rated;
    };
    if (std::any_of(first.begin() + 1, first.end(), is_text)) return true;
    const std::string& corner = first.front();
    if (!corner.empty() && !is_text(corner)) return false;
    if (!corner.empty() && (told_user() == corner || names_users(corner))) return true;
    const auto is_below = [&](const Fields& fields) {
      return !fields.empty() && (corner.empty() ? !fields.front().empty() : is_number(fields.front()));
    };
    return are_ascending(first) && sample.size() > 1 && std::all_of(sample.begin() + 1, sample.end(), is_below);
  }

  void detect(const std::vector<Fields>& sample) {
    require(!sample.empty() && sample.front().size() > 1,
            [&] { return records_.path() + ": a wide table, with a column for each item, was expected"; });
    const Fields& first = sample.front();
    const std::size_t count = first.size();
    require(count <= most_columns, [&] {
      return records_.path() + ":1: " + std::to_string(count) + " columns, at most " + std::to_string(most_columns) +
             " was expected";
    });
    columns_.user = find_user(header_ ? first : Fields(count));
    columns_.passed_over = columns_.user;
    if (columns_.user == no_column && sample.size() > header_ &&
        std::all_of(sample.begin() + header_, sample.end(),
                    [&](const Fields& fields) { return !fields.empty() && counts_itself(fields); }))
      columns_.passed_over = 0;
    columns_.items.clear();
    for (std::size_t k = 0; k < count; ++k)
      columns_.items.push_back(
          header_ ? id_of(first[k])
                  : std::to_string(k + 1 - (columns_.passed_over != no_column && k > columns_.passed_over)));
  }

  /// Of a header, in the form that IdReader gives ids.
  std::string id_of(const std::string& name) {
    std::string room;
    const std::string_view plain = trimmed(name), id = in_utf8(plain, room);
    report_.latin1_ids += id.data() != plain.data();
    return std::string(id);
  }

  /// no_column where no column is the users'. Blank fields stand for no header.
  std::size_t find_user(const Fields& header) const {
    if (const std::string name = told_user(); !name.empty()) {
      const std::size_t named = told_position(name, header, header_), at = told_position(name, header, false);
      const bool heads_numbers = at < header.size() && header_ && is_number(name) && !is_number(header[at]);
      const std::size_t found = named == no_column || heads_numbers ? at : named;
      require(found < header.size(),
              [&] { return records_.path() + ":1: there is no column " + shown(name) + " for the user"; });
      return found;
    }
    const std::string& corner = header.front();
    const bool heads =
        header_ && (corner.empty() || names_users(corner) || (!is_number(corner) && are_ascending(header)));
    return heads ? 0 : no_column;
  }

  void describe(const Fields& first) {
    if (!report_.columns.empty()) return;
    const auto& [items, user, passed_over, lines] = columns_;
    report_.separator = records_.separator().name();
    report_.header = header_;
    report_.columns.push_back({"user", user == no_column ? "the line's number" : "column " + std::to_string(user + 1),
                               user == no_column || header_ ? "" : first[user]});
    const std::size_t count = items.size() - (passed_over != no_column);
    report_.columns.push_back(
        {"item", "a column each, " + std::to_string(count) + " in all", items[passed_over == 0 ? 1 : 0]});
    if (header_ && are_ascending(first))
      report_.notes.push_back(
          "the numbers of the first line are taken for ids of items: set no_header if they are ratings");
    if (user == no_column && passed_over == 0)
      report_.notes.push_back("the first column counts the ratings of its line, and is passed over");
  }

  /// An empty field is no rating, whatever stands for that else.
  void read_values() {
    row_.clear();
    for (std::size_t k = 0; k < columns_.items.size(); ++k) {
      if (k == columns_.passed_over || trimmed(records_[k]).empty()) continue;
      if (double value = 0; values_.read(records_, records_[k], value)) row_.emplace_back(k, value);
    }
  }

  const ReadOptions& options_;
  ReadReport& report_;
  Records records_;
  IdReader ids_;
  ValueReader values_;
  bool header_ = false;
  WideColumns columns_;
  std::vector<std::pair<std::size_t, double>> row_;
};

}  // namespace

void read_wide_table(const std::string& path, const ReadOptions& options, DataLimit& limit, RatingCollector& collector,
                     ReadReport& report, std::optional<WideColumns>& columns) {
  columns = WideTable(path, options, limit, report, columns).read(collector);
}

}  // namespace gcmc
