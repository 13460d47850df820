// Rating files and pair files: what is read into what, and what is told of it.
#include "gcmc/files/rating_files.hpp"

#include <filesystem>

#include "binary_file.hpp"
#include "data_limit.hpp"
#include "parts.hpp"
#include "rating_collector.hpp"
#include "rating_fields.hpp"
#include "rating_table.hpp"
#include "side_files.hpp"
#include "table.hpp"

namespace gcmc {
namespace {

const char* role_of(Side side) { return side == user_side ? "user" : "item"; }

std::string shown_path(const std::string& path) { return path == ByteSource::standard_input ? "standard input" : path; }

/// Calls read(table, ids, limit) for each record of a table that has the wanted columns, among any others. If one is
/// wanted, and neither a header nor the options tell where it is, it is each line: an id may hold blanks and commas.
template <class Read>
void read_columns(const std::string& path, const ReadOptions& options, std::vector<WantedColumn> wanted,
                  const Read& read) {
  ReadReport unused;
  constexpr Offset spread = 16;  // a pair is kept in 192 bytes, and may be written in 4, which are compressed to 1
  DataLimit limit(shown_path(path), options.data_limit, spread);
  const bool one = wanted.size() == 1;
  Table table(path, options, std::move(wanted), limit, Table::Width::any);
  if (one && options.columns.empty() && options.separator.empty()) table.take_lines_whole();
  IdReader ids(unused);
  while (table.next()) read(table, ids, limit);
}

/// What may have been understood otherwise than it was meant.
void add_notes_of_fields(ReadReport& told) {
  if (told.unread_times > 0)
    told.notes.push_back(std::to_string(told.unread_times) +
                         " times are neither seconds nor a date such as 2005-09-06 or 6.9.2005, and not known: the "
                         "first is " +
                         told.first_unread_time);
  if (told.decimal_comma && !told.short_decimals)
    told.notes.emplace_back(
        "all commas of ratings have three digits behind them, and are read as decimal commas: if "
        "they are of thousands, take them out");
}

}  // namespace

Ratings read_rating_parts(const std::vector<std::string>& parts, const std::string& place, const std::string& name,
                          const ReadOptions& options, ReadReport& told) {
  told.place = shown_path(place);
  DataLimit limit(told.place, options.data_limit);
  RatingCollector collector(options, told, limit);
  read_ratings_into(collector, parts, options, limit, told);
  const bool empty = collector.empty();
  if (!empty) read_own_parts(collector, options, limit, told);
  require(!empty, [&] {
    const std::string none = told.place + ": no ratings, ";
    if (told.bad_lines > 0)
      return none + std::to_string(told.bad_lines) + " lines were passed over: " + told.first_bad_lines.front();
    if (told.not_rated > 0) return none + std::to_string(told.not_rated) + " lines stand for not rated";
    return none + "at least one was expected";
  });
  told.bytes = limit.bytes();
  add_notes_of_fields(told);
  Ratings ratings = collector.finish(name.empty() ? name_of_file(place) : name);
  add_side_files(ratings, with_typed_files(options, place), told);
  return ratings;
}

Ratings read_rating_file(const std::string& path, const std::string& name, const ReadOptions& options,
                         ReadReport* report) {
  ReadReport own_report;
  ReadReport& told = report ? *report : own_report;
  told = {};
  if (!is_binary_ratings(path)) return read_rating_parts({path}, path, name, options, told);
  told.place = path;
  Ratings ratings = read_binary_ratings(path, name, options, told);
  add_side_files(ratings, options, told);
  return ratings;
}

std::vector<IdPair> read_id_pairs(const std::string& path, const ReadOptions& options) {
  std::vector<IdPair> pairs;
  read_columns(path, options, pair_columns(), [&](const Table& table, IdReader& ids, DataLimit& limit) {
    constexpr Offset bytes_of_pair = 3 * sizeof(IdPair);
    IdPair pair{std::string(ids.read(table.records(), table[0], "user")), ""};
    pair.item = ids.read(table.records(), table[1], "item");
    limit.take(bytes_of_pair + static_cast<Offset>(pair.user.size() + pair.item.size()));
    pairs.push_back(std::move(pair));
  });
  return pairs;
}

std::optional<PairColumns> find_pair_columns(std::vector<std::string> header) {
  for (std::string& name : header) name = plain_name(name);
  const std::vector<std::size_t> found = find_known(pair_columns(), header);
  if (found[0] == no_column || found[1] == no_column) return {};
  return PairColumns{found[0], found[1]};
}

std::vector<std::string> read_ids(const std::string& path, Side side, const ReadOptions& options) {
  std::vector<std::string> found;
  read_columns(path, options, id_column(side), [&](const Table& table, IdReader& ids, DataLimit& limit) {
    found.emplace_back(ids.read(table.records(), table[0], role_of(side)));
    limit.take(static_cast<Offset>(2 * sizeof(std::string) + found.back().size()));
  });
  return found;
}

std::vector<IdRating> read_own_ratings(const std::string& path, Side rated, const ReadOptions& options) {
  ReadReport unused;
  ValueReader values(options, unused);
  std::vector<IdRating> ratings;
  std::string whose;
  const char *const role = role_of(rated), *const whose_role = role_of(other(rated));
  read_columns(path, options, own_rating_columns(rated), [&](const Table& table, IdReader& ids, DataLimit& limit) {
    double value = 0;
    if (table.has(2) && !trimmed(table[2]).empty()) {
      const std::string_view id = ids.read(table.records(), table[2], whose_role);
      if (whose.empty()) whose = id;
      if (whose != id)
        table.records().fail(
            std::string("a rating of the ") + whose_role + " " + shown(id) + " beside those of " + shown(whose),
            std::string("one ") + whose_role);
    }
    if (!values.read(table.records(), table[1], value)) return;
    ratings.push_back({std::string(ids.read(table.records(), table[0], role)), value});
    limit.take(static_cast<Offset>(2 * sizeof(IdRating) + ratings.back().id.size()));
  });
  return ratings;
}

std::string name_of_file(const std::string& path) {
  if (path == ByteSource::standard_input) return "ratings";
  std::filesystem::path name = std::filesystem::path(path).filename();
  if (name.extension() == ".gz") name = name.stem();
  const std::string stem = name.stem().string();
  return stem.empty() ? "ratings" : stem;
}

}  // namespace gcmc
