#include "rating_table.hpp"

#include <cmath>
#include <filesystem>

#include "../../cpu/available_threads.hpp"
#include "in_order.hpp"
#include "parts.hpp"
#include "rating_fields.hpp"

namespace gcmc {
namespace {

enum { user_column, item_column, rating_column, time_column };

/// The ratings of a piece of `whole`, as far as there is none that ends reading.
void read_block(const Table& whole, const TextPiece& piece, const ReadOptions& options, RatingBlock& block) try {
  block.clear();
  block.bytes = piece.bytes;
  block.text_bytes = static_cast<Offset>(piece.text.size());
  DataLimit limit(whole.records().path(), options.data_limit);
  limit.add_bytes(block.text_bytes);
  Table table(whole, piece, limit);
  IdReader users(block.report), items(block.report);
  ValueReader values(options, block.report);
  const Records& records = table.records();
  const bool timed = table.has(time_column), keep_values = keeps_values(options);
  read_lines(options, block.report, [&] {
    if (!table.next()) return false;
    double value = 0;
    const bool rated = values.read(records, table[rating_column], value);
    const std::string_view user = users.read(records, table[user_column], "user"),
                           item = items.read(records, table[item_column], "item");
    if (!rated) return true;
    const double time = timed ? parse_time(table[time_column]) : no_time;
    if (options.times == Times::needed && std::isnan(time))
      records.fail("the time is " + shown(table[time_column]), "seconds or a date such as 2005-09-06");
    if (timed && std::isnan(time) && !trimmed(table[time_column]).empty() && block.report.unread_times++ == 0)
      block.report.first_unread_time = shown(table[time_column]);
    const auto place = [&] { return records.file().place(); };
    records.file().with_place([&] { block.add(user, item, value, keep_values, place); });
    if (timed) block.times.push_back(time);
    return true;
  });
} catch (const Error&) {
  block.error = std::current_exception();
}

/// "user=2,item=1", with no name of a column.
bool are_positions(const std::string& columns) {
  for (std::size_t at = columns.find('='); at != columns.npos; at = columns.find('=', at + 1))
    if (columns.substr(at + 1, columns.find(',', at) - at - 1).find_first_not_of("0123456789") != columns.npos)
      return false;
  return true;
}

/// Whether the columns of a table are told by well-known names in its first line.
bool has_known_header(const std::string& path, ReadOptions options) {
  std::error_code none;
  if (!std::filesystem::is_regular_file(path, none)) return false;  // what is read once is not looked at before
  options.columns.clear();
  DataLimit limit(path, options.data_limit);
  try {
    return !Table(path, options, rating_columns(), limit).columns().names.empty();
  } catch (const InputError&) {
    return false;
  }
}

}  // namespace

void read_ratings_into(RatingCollector& collector, const std::vector<std::string>& files, const ReadOptions& options,
                       DataLimit& limit, ReadReport& report) {
  std::optional<FoundColumns> columns;
  std::optional<WideColumns> wide;
  for (const std::string& path : files) switch (options.layout) {
      case TableLayout::rows:
        read_rating_table(path, options, limit, collector, report, columns);
        break;
      case TableLayout::wide:
        read_wide_table(path, options, limit, collector, report, wide);
        break;
      case TableLayout::netflix:
        read_netflix_blocks(path, options, limit, collector, report);
        break;
    }
}

void read_own_parts(RatingCollector& collector, const ReadOptions& options, DataLimit& limit, ReadReport& report) {
  if (!options.has_own_parts()) return;
  const bool by_position = !options.columns.empty() && !report.header && are_positions(options.columns);
  const auto read = [&](const std::string& path) {
    const std::vector<std::string> files = files_at(path);
    ReadOptions of_part = options;  // positions are those of a table without a header; this one may have its own
    if (by_position && has_known_header(files.front(), options)) of_part.columns.clear();
    const std::size_t before = collector.size();
    read_ratings_into(collector, files, of_part, limit, report);
    require(collector.size() > before, [&] { return path + ": no ratings, at least one was expected"; });
  };
  if (!options.valid_ratings.empty()) {
    collector.begin_valid();
    read(options.valid_ratings);
  }
  collector.begin_test();
  if (!options.test_ratings.empty()) read(options.test_ratings);
}

void read_rating_table(const std::string& path, const ReadOptions& options, DataLimit& limit,
                       RatingCollector& collector, ReadReport& report, std::optional<FoundColumns>& columns,
                       std::size_t piece_size) {
  DataLimit text_limit = limit;  // counted by who takes pieces, while another adds ratings
  Table table(path, options, rating_columns(), text_limit, Table::Width::equal, columns ? &*columns : nullptr);
  if (table.empty()) return;  // a part that a job left
  if (!columns) columns = table.columns();
  if (report.columns.empty()) table.describe(report);
  require(options.times != Times::needed || table.has(time_column), [&] {
    return table.records().path() +
           ": no column is known as the time, by which the ratings are to be split: name it, as "
           "in columns time=NAME";
  });
  ValueReader(options, report);  // refuses wrong options, whether there are lines or not
  const int threads = table.fits(piece_size) ? 1 : options.threads > 0 ? options.threads : available_threads();
  for_each_in_order<TextPiece, RatingBlock>(
      threads, [&](TextPiece& piece) { return table.take(piece_size, piece); },
      [&](const TextPiece& piece, RatingBlock& block) { read_block(table, piece, options, block); },
      [&](RatingBlock& block) { collector.add(block); });
  limit.add_bytes(text_limit.bytes() - limit.bytes());
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
    double value = 0;
    const bool rated = values.read(records, records[1], value);
    const std::string_view user = users.read(records, records[0], "user");
    if (!rated) return true;
    const double time = records.count() == 3 ? parse_time(records[2]) : no_time;
    records.file().with_place([&] { collector.add(user, block, value, time); });
    return true;
  });
}

}  // namespace gcmc
