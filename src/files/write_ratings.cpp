// Ratings into files: a table, and the binary form.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string_view>

#include "binary_ratings.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/files/rating_files.hpp"
#include "gcmc/options/option_names.hpp"
#include "gcmc/ratings/builder.hpp"
#include "models/encodings_json.hpp"
#include "output_file.hpp"

namespace gcmc {
namespace {

/// Whole numbers without an exponent, so that dates stay readable; empty where it is not known.
std::string time_field(double time) {
  if (std::isnan(time)) return {};
  return std::trunc(time) == time && std::abs(time) < 0x1p53 ? std::to_string(static_cast<Offset>(time))
                                                             : number_text(time);
}

/// The arrays of the binary form that are by rating: users in order, each user's ratings in theirs.
struct ByUser {
  std::vector<std::uint64_t> offsets;
  std::vector<std::uint32_t> items;
  std::vector<Level> levels;
  std::vector<std::uint32_t> order;  ///< where each stands among the entries; empty: they stand in this order
  std::vector<double> times;

  explicit ByUser(const Ratings& ratings)
      : offsets(ratings.user_ids.size() + 1),
        items(ratings.entries.size()),
        levels(ratings.entries.size()),
        times(ratings.times.size()) {
    const std::vector<Rating>& entries = ratings.entries;
    const bool ordered = std::is_sorted(entries.begin(), entries.end(),
                                        [](const Rating& a, const Rating& b) { return a.user < b.user; });
    require(ordered || entries.size() <= std::numeric_limits<std::uint32_t>::max(),
            "more than 4294967295 ratings whose users are not in order");
    if (!ordered) order.resize(entries.size());
    for (const Rating& rating : entries) ++offsets[static_cast<std::size_t>(rating.user) + 1];
    std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
    std::vector<std::uint64_t> next = offsets;
    for (std::size_t k = 0; k < entries.size(); ++k) {
      const auto e = static_cast<std::size_t>(next[static_cast<std::size_t>(entries[k].user)]++);
      items[e] = static_cast<std::uint32_t>(entries[k].item);
      levels[e] = entries[k].level;
      if (!ordered) order[e] = static_cast<std::uint32_t>(k);
      if (!times.empty()) times[e] = ratings.times[k];
    }
  }
};

std::string lines(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) joined += text + "\n";
  return joined;
}

/// The names of all feature columns, on a line each.
std::string column_names(const Ratings& ratings) {
  std::string joined;
  for (const SideFeatures* side : {&ratings.user_features, &ratings.item_features})
    for (std::size_t k = 0; k < static_cast<std::size_t>(side->columns); ++k)
      joined +=
          (k < side->names.size() && is_line(side->names[k]) ? side->names[k] : "column " + std::to_string(k + 1)) +
          "\n";
  return joined;
}

/// How the columns of features are encoded, as in a saved model; empty where that is not known.
std::string encodings_text(const Ratings& ratings) {
  if (ratings.user_features.encodings.empty() && ratings.item_features.encodings.empty()) return {};
  nlohmann::ordered_json object;
  object["user"] = encodings_to_json(ratings.user_features.encodings);
  object["item"] = encodings_to_json(ratings.item_features.encodings);
  return json_text(object, "how features are encoded");
}

template <class Number>
std::string_view bytes_of(const std::vector<Number>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(Number)};
}

}  // namespace

void write_rating_csv(const std::string& path, const Ratings& ratings, const std::vector<Offset>* positions) {
  constexpr std::size_t piece = 1 << 20;
  validate(ratings);
  if (positions)
    for (const Offset position : *positions)
      require(position >= 0 && position < static_cast<Offset>(ratings.entries.size()), [&] {
        return "position " + std::to_string(position) + " of " + std::to_string(ratings.entries.size()) + " ratings";
      });
  UserOutput output(path);
  const bool timed = !ratings.times.empty();
  std::string text = timed ? "user,item,rating,time\n" : "user,item,rating\n";
  std::vector<std::string> values;
  for (const double level : ratings.levels) values.push_back(number_text(level));
  const std::size_t count = positions ? positions->size() : ratings.entries.size();
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t at = positions ? static_cast<std::size_t>((*positions)[k]) : k;
    const Rating& rating = ratings.entries[at];
    append_csv_field(text, ratings.user_ids[static_cast<std::size_t>(rating.user)]);
    text += ',';
    append_csv_field(text, ratings.item_ids[static_cast<std::size_t>(rating.item)]);
    text += ',';
    text += values[rating.level];
    if (timed) text += ',' + time_field(ratings.times[at]);
    text += '\n';
    if (text.size() < piece) continue;
    output.write(text);
    text.clear();
  }
  output.write(text);
  output.commit();
}

void write_binary_ratings(const std::string& path, const Ratings& ratings) {
  validate(ratings);
  require(!ratings.entries.empty(), "there are no ratings to write");
  require_ids(ratings.user_ids, "user");
  require_ids(ratings.item_ids, "item");
  require_rated_once(ratings);
  for (const std::string& title : ratings.item_titles)
    require(is_title(title), [&] { return "the title " + printable(title, 80) + " is not text on one line"; });
  const ByUser by_user(ratings);
  const std::string users = lines(ratings.user_ids), items = lines(ratings.item_ids), columns = column_names(ratings),
                    titles = lines(ratings.item_titles), encodings = encodings_text(ratings);
  const SparseFeatures &user_sparse = ratings.user_features.sparse, &item_sparse = ratings.item_features.sparse;
  BinaryHeader header;
  header.flags =
      (by_user.order.empty() ? 0 : BinaryHeader::has_order) | (by_user.times.empty() ? 0 : BinaryHeader::has_times);
  header.users = ratings.user_ids.size();
  header.items = ratings.item_ids.size();
  header.ratings = ratings.entries.size();
  header.levels = ratings.levels.size();
  header.valid_begin = static_cast<std::uint64_t>(ratings.valid_begin + 1);
  header.test_begin = static_cast<std::uint64_t>(ratings.test_begin + 1);
  header.user_columns = static_cast<std::uint64_t>(ratings.user_features.columns);
  header.item_columns = static_cast<std::uint64_t>(ratings.item_features.columns);
  header.name_bytes = ratings.name.size();
  header.user_id_bytes = users.size();
  header.item_id_bytes = items.size();
  header.column_name_bytes = columns.size();
  const auto counts_of = [](const SparseFeatures& sparse) {
    return BinaryCounts::Sparse{static_cast<std::uint64_t>(sparse.columns), sparse.column.size()};
  };
  const BinaryCounts counts{counts_of(user_sparse), counts_of(item_sparse), titles.size(), encodings.size(), {}};
  const BinaryLayout layout(header, counts, std::numeric_limits<std::uint64_t>::max() / 2);
  header.file_bytes = layout.end();

  const std::array<std::string_view, binary_sections> sections = {bytes_of(by_user.offsets),
                                                                  bytes_of(by_user.items),
                                                                  bytes_of(by_user.levels),
                                                                  bytes_of(by_user.order),
                                                                  bytes_of(by_user.times),
                                                                  bytes_of(ratings.levels),
                                                                  bytes_of(ratings.user_features.values),
                                                                  bytes_of(ratings.item_features.values),
                                                                  ratings.name,
                                                                  users,
                                                                  items,
                                                                  columns,
                                                                  bytes_of(user_sparse.begin),
                                                                  bytes_of(user_sparse.column),
                                                                  bytes_of(user_sparse.value),
                                                                  bytes_of(item_sparse.begin),
                                                                  bytes_of(item_sparse.column),
                                                                  bytes_of(item_sparse.value),
                                                                  titles,
                                                                  encodings};
  constexpr std::array<char, 64> zeros{};
  // All behind the header, zeros between the sections too.
  const auto each_piece = [&](const auto& take) {
    take(std::string_view(reinterpret_cast<const char*>(&counts), sizeof(counts)));
    std::uint64_t at = sizeof(header) + sizeof(counts);
    for (std::size_t k = 0; k < sections.size(); ++k) {
      const std::uint64_t begin = layout.begin(static_cast<Section>(k));
      for (const std::string_view text : {std::string_view(zeros.data(), begin - at), sections[k]})
        if (!text.empty()) take(text);
      at = begin + sections[k].size();
    }
  };
  uLong sum = 0;
  each_piece(
      [&](std::string_view text) { sum = crc32_z(sum, reinterpret_cast<const Bytef*>(text.data()), text.size()); });
  header.body_sum = static_cast<std::uint32_t>(sum);
  header.header_sum = header.own_sum();
  UserOutput output(path);
  output.write({reinterpret_cast<const char*>(&header), sizeof(header)});
  each_piece([&](std::string_view text) { output.write(text); });
  output.commit();
}

}  // namespace gcmc
