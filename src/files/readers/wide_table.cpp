// The wide layout: a line a user, a column an item.
#include <algorithm>

#include "rating_fields.hpp"
#include "rating_table.hpp"
#include "table_form.hpp"

namespace gcmc {
namespace {

using Fields = std::vector<std::string>;

class WideTable {
 public:
  WideTable(const std::string& path, const ReadOptions& options, DataLimit& limit, ReadReport& report)
      : options_(options), report_(report), records_(path, limit), ids_(report), values_(options, report) {
    bool whole = false;
    const std::string_view text = records_.peek(whole);
    const Separator separator = detect_form(text, whole, options, {}, {}).separator;
    records_.separate_by(separator);
    detect(first_records(text, whole, separator));
  }

  void read(RatingCollector& collector) {
    if (header_) records_.next(most_columns);
    Offset line = 0;
    read_lines(options_, report_, [&] {
      if (!records_.next(most_columns)) return false;
      ++line;
      if (records_.count() != columns_)
        records_.fail(std::to_string(records_.count()) + " columns",
                      std::to_string(columns_) + " as in the first line");
      const std::string user =
          user_ == no_column ? std::to_string(line) : std::string(ids_.read(records_, records_[user_], "user"));
      read_values();
      records_.file().with_place([&] {
        for (const auto& [column, value] : row_) collector.add(user, items_[column], value);
      });
      return true;
    });
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

  void detect(const std::vector<Fields>& sample) {
    require(!sample.empty() && sample.front().size() > 1,
            [&] { return records_.path() + ": a wide table, with a column for each item, was expected"; });
    const Fields& first = sample.front();
    columns_ = first.size();
    require(columns_ <= most_columns, [&] {
      return records_.path() + ":1: " + std::to_string(columns_) + " columns, at most " + std::to_string(most_columns) +
             " was expected";
    });
    header_ = !options_.no_header && std::any_of(first.begin() + 1, first.end(), [&](const std::string& field) {
      return !field.empty() && !is_number(field) && field != options_.not_rated;
    });
    find_user(header_ ? first : Fields(columns_));
    std::size_t skipped = user_;
    if (user_ == no_column && sample.size() > header_ &&
        std::all_of(sample.begin() + header_, sample.end(),
                    [&](const Fields& fields) { return !fields.empty() && counts_itself(fields); }))
      skipped = 0;
    skipped_ = skipped;
    for (std::size_t k = 0; k < columns_; ++k)
      items_.push_back(header_ ? first[k] : std::to_string(k + 1 - (skipped != no_column && k > skipped)));
    describe(first);
  }

  void find_user(const Fields& header) {
    const WantedColumn user = rating_columns().front();
    if (const auto told = parse_columns(options_.columns, {user}); !told.empty()) {
      user_ = told_position(told.at(user.role), header, header_);
      if (user_ == no_column) user_ = told_position(told.at(user.role), header, false);
      require(user_ < columns_, [&] {
        return records_.path() + ":1: there is no column " + shown(told.at(user.role)) + " for the user";
      });
    } else if (header_ && (header.front().empty() || find_known({user}, {plain_name(header.front())}).front() == 0)) {
      user_ = 0;
    }
  }

  void describe(const Fields& first) {
    if (!report_.columns.empty()) return;
    report_.separator = records_.separator().name();
    report_.header = header_;
    report_.columns.push_back({"user", user_ == no_column ? "the line's number" : "column " + std::to_string(user_ + 1),
                               user_ == no_column || header_ ? "" : first[user_]});
    const std::size_t items = columns_ - (skipped_ != no_column);
    report_.columns.push_back(
        {"item", "a column each, " + std::to_string(items) + " in all", items_[skipped_ == 0 && columns_ > 1 ? 1 : 0]});
    if (user_ == no_column && skipped_ == 0)
      report_.notes.push_back("the first column counts the ratings of its line, and is passed over");
  }

  /// An empty field is no rating, whatever stands for that else.
  void read_values() {
    row_.clear();
    for (std::size_t k = 0; k < columns_; ++k) {
      if (k == skipped_ || trimmed(records_[k]).empty()) continue;
      if (double value = 0; values_.read(records_, records_[k], value)) row_.emplace_back(k, value);
    }
  }

  const ReadOptions& options_;
  ReadReport& report_;
  Records records_;
  IdReader ids_;
  ValueReader values_;
  bool header_ = false;
  std::size_t columns_ = 0, user_ = no_column, skipped_ = no_column;
  Fields items_;  ///< an id a column
  std::vector<std::pair<std::size_t, double>> row_;
};

}  // namespace

void read_wide_table(const std::string& path, const ReadOptions& options, DataLimit& limit, RatingCollector& collector,
                     ReadReport& report) {
  WideTable(path, options, limit, report).read(collector);
}

}  // namespace gcmc
