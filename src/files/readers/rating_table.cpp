#include "rating_table.hpp"

#include <cmath>

#include "rating_fields.hpp"
#include "table.hpp"

namespace gcmc {
namespace {

enum { user_column, item_column, rating_column, time_column };

}  // namespace

void read_ratings_into(RatingCollector& collector, const std::string& path, const ReadOptions& options,
                       DataLimit& limit, ReadReport& report) {
  switch (options.layout) {
    case TableLayout::rows:
      return read_rating_table(path, options, limit, collector, report);
    case TableLayout::wide:
      return read_wide_table(path, options, limit, collector, report);
    case TableLayout::netflix:
      return read_netflix_blocks(path, options, limit, collector, report);
  }
}

void read_own_parts(RatingCollector& collector, const ReadOptions& options, DataLimit& limit, ReadReport& report) {
  require(options.valid_ratings.empty() || !options.test_ratings.empty(),
          "valid_ratings needs test_ratings beside it: a test part drawn at random would be of the training ratings");
  if (!options.valid_ratings.empty()) {
    collector.begin_valid();
    read_ratings_into(collector, options.valid_ratings, options, limit, report);
  }
  if (!options.test_ratings.empty()) {
    collector.begin_test();
    read_ratings_into(collector, options.test_ratings, options, limit, report);
  }
}

void read_rating_table(const std::string& path, const ReadOptions& options, DataLimit& limit,
                       RatingCollector& collector, ReadReport& report) {
  Table table(path, options, rating_columns(), limit);
  if (report.columns.empty()) table.describe(report);
  require(options.times != Times::needed || table.has(time_column), [&] {
    return table.records().path() +
           ": no column is known as the time, by which the ratings are to be split: name it, as "
           "in columns time=NAME";
  });
  IdReader users(report), items(report);
  ValueReader values(options, report);
  const Records& records = table.records();
  read_lines(options, report, [&] {
    if (!table.next()) return false;
    const auto value = values.read(records, table[rating_column]);
    const std::string_view user = users.read(records, table[user_column], "user"),
                           item = items.read(records, table[item_column], "item");
    if (!value) return true;
    const double time = table.has(time_column) ? parse_time(table[time_column]) : no_time;
    if (options.times == Times::needed && std::isnan(time))
      records.fail("the time is " + shown(table[time_column]), "seconds or a date such as 2005-09-06");
    records.file().with_place([&] { collector.add(user, item, *value, time); });
    return true;
  });
}

void read_netflix_blocks(const std::string& path, const ReadOptions& options, DataLimit& limit,
                         RatingCollector& collector, ReadReport& report) {
  Records records(path, limit);
  IdReader users(report), items(report);
  ValueReader values(options, report);
  std::string block;
  read_lines(options, report, [&] {
    if (!records.next(3)) return false;
    if (records.count() == 1 && records[0].ends_with(':')) {
      block = items.read(records, records[0].substr(0, records[0].size() - 1), "item");
      return true;
    }
    if (block.empty()) records.fail("a rating above the first item", "a line such as 1:");
    if (records.count() < 2 || records.count() > 3)
      records.fail(std::to_string(records.count()) + " columns", "ITEM: or user,rating,date");
    const auto value = values.read(records, records[1]);
    const std::string_view user = users.read(records, records[0], "user");
    if (!value) return true;
    const double time = records.count() == 3 ? parse_time(records[2]) : no_time;
    records.file().with_place([&] { collector.add(user, block, *value, time); });
    return true;
  });
}

}  // namespace gcmc
