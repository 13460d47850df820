#include "binary_file.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "../binary_ratings.hpp"
#include "../input_file.hpp"
#include "../mapped_file.hpp"
#include "../models/encodings_json.hpp"
#include "data_limit.hpp"
#include "gcmc/files/rating_files.hpp"

namespace gcmc {
namespace {

class BinaryFile {
 public:
  BinaryFile(const std::string& path, const ReadOptions& options)
      : options_(options),
        limit_(path, options.data_limit),
        file_(path),
        header_(checked_header()),
        counts_(checked_counts()),
        layout_(header_, counts_, file_.size()) {
    require(layout_.end() == file_.size(), [&] {
      return "it has " + std::to_string(file_.size()) + " bytes, but its header says " + std::to_string(layout_.end());
    });
    limit_.add_bytes(static_cast<Offset>(file_.size()));
  }

  Offset bytes() const { return static_cast<Offset>(file_.size()); }

  /// The set's name where it was written.
  std::string_view name() const { return text(Section::name); }

  Ratings read() {
    Ratings ratings;
    ratings.user_ids = ids(Section::user_ids, header_.users, "user");
    ratings.item_ids = ids(Section::item_ids, header_.items, "item");
    const auto values = numbers<double>(Section::values);
    ratings.levels.assign(values.begin(), values.end());
    validate_levels(ratings.levels);
    read_entries(ratings);
    read_times(ratings);
    ratings.valid_begin = static_cast<Offset>(header_.valid_begin) - 1;
    ratings.test_begin = static_cast<Offset>(header_.test_begin) - 1;
    read_features(ratings);
    read_sparse(ratings.user_features.sparse, counts_.user_sparse, Section::user_sparse_begin);
    read_sparse(ratings.item_features.sparse, counts_.item_sparse, Section::item_sparse_begin);
    read_encodings(ratings);
    read_titles(ratings);
    validate(ratings);
    return ratings;
  }

 private:
  BinaryHeader checked_header() const {
    BinaryHeader header;
    require(file_.size() >= sizeof(header), "it is shorter than its header");
    std::copy_n(file_.data(), sizeof(header), reinterpret_cast<unsigned char*>(&header));
    require(header.header_sum == header.own_sum(), "the checksum of its header is wrong");
    require(header.version >= 1 && header.version <= binary_version, [&] {
      return "it is of version " + std::to_string(header.version) + ", and versions up to " +
             std::to_string(binary_version) + " are known here";
    });
    constexpr std::uint64_t most = std::numeric_limits<Index>::max();
    require(header.file_bytes == file_.size(), [&] {
      return "it has " + std::to_string(file_.size()) + " bytes, " + std::to_string(header.file_bytes) +
             " were written";
    });
    require(header.users <= most && header.items <= most && header.levels <= std::numeric_limits<Level>::max() &&
                header.user_columns <= most && header.item_columns <= most && header.flags < 4 && header.ratings > 0,
            "its header has numbers that are none of ratings");
    require(header.valid_begin <= header.test_begin && header.test_begin <= header.ratings + 1,
            "its own test part is not a part of its ratings");
    return header;
  }

  /// Those of version 1 are all 0. The checksum of what is behind the header is looked at first.
  BinaryCounts checked_counts() const {
    const auto sum = static_cast<std::uint32_t>(
        crc32_z(0, file_.data() + sizeof(BinaryHeader), file_.size() - sizeof(BinaryHeader)));
    require(sum == header_.body_sum, "its checksum is wrong");
    BinaryCounts counts;
    if (header_.version == 1) return counts;
    require(file_.size() >= sizeof(header_) + sizeof(counts), "it is shorter than its header");
    std::copy_n(file_.data() + sizeof(header_), sizeof(counts), reinterpret_cast<unsigned char*>(&counts));
    constexpr std::uint64_t most = std::numeric_limits<Index>::max();
    for (const BinaryCounts::Sparse& sparse : {counts.user_sparse, counts.item_sparse})
      require(sparse.columns <= most && (sparse.columns > 0 || sparse.entries == 0),
              "its header has numbers that are none of features");
    require(counts.unused == decltype(counts.unused){}, "its header has numbers that are not known here");
    return counts;
  }

  template <class Number>
  std::span<const Number> numbers(Section section) const {
    return {reinterpret_cast<const Number*>(file_.data() + layout_.begin(section)),
            static_cast<std::size_t>(layout_.bytes(section)) / sizeof(Number)};
  }
  std::string_view text(Section section) const {
    const auto bytes = numbers<char>(section);
    return {bytes.data(), bytes.size()};
  }

  std::vector<std::string> lines(Section section, std::uint64_t count, const std::string& what) {
    std::string_view rest = text(section);
    limit_.take(static_cast<Offset>(count * sizeof(std::string) + rest.size()));
    std::vector<std::string> result;
    result.reserve(count);
    while (!rest.empty() && result.size() < count) {
      const std::size_t end = rest.find('\n');
      require(end != std::string_view::npos, [&] { return "the last of the " + what + " has no end"; });
      result.emplace_back(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
    require(rest.empty() && result.size() == count,
            [&] { return "it has not " + std::to_string(count) + " of the " + what; });
    return result;
  }

  /// In ascending order, as they are numbered.
  std::vector<std::string> ids(Section section, std::uint64_t count, const std::string& side) {
    require(count <= layout_.bytes(section) / 2, [&] { return "it has no id for each " + side; });
    std::vector<std::string> result = lines(section, count, "ids of " + side + "s");
    require_ids(result, side);
    return result;
  }

  /// From users in order to the order of the file that was converted, which a seeded split goes by.
  void read_entries(Ratings& ratings) {
    const auto offsets = numbers<std::uint64_t>(Section::offsets);
    const auto items = numbers<std::uint32_t>(Section::items);
    const auto levels = numbers<Level>(Section::levels);
    const auto order = numbers<std::uint32_t>(Section::order);
    require(offsets.front() == 0 && offsets.back() == items.size(), "its users' ratings are not all ratings");
    limit_.take(static_cast<Offset>((sizeof(Rating) + 1) * items.size() + sizeof(Index) * header_.items));
    ratings.entries.resize(items.size());
    std::vector<Index> last_rater(header_.items, -1);
    std::vector<bool> filled(order.size());
    for (std::size_t user = 0; user + 1 < offsets.size(); ++user) {
      require(offsets[user] <= offsets[user + 1] && offsets[user + 1] <= items.size(),
              [&] { return "the ratings of user " + std::to_string(user) + " do not follow those before"; });
      for (std::uint64_t e = offsets[user]; e < offsets[user + 1]; ++e) {
        const auto where = [&] { return "rating " + std::to_string(e) + " "; };
        require(items[e] < header_.items && levels[e] < header_.levels,
                [&] { return where() + "has an item or a level that is none"; });
        Index& rater = last_rater[items[e]];
        require(rater != static_cast<Index>(user), [&] { return where() + "is of a pair that is rated already"; });
        rater = static_cast<Index>(user);
        const std::size_t place = order.empty() ? e : order[e];
        require(order.empty() || (place < filled.size() && !filled[place]),
                [&] { return where() + "has a place that is taken, or none"; });
        if (!order.empty()) filled[place] = true;
        ratings.entries[place] = {rater, static_cast<Index>(items[e]), levels[e]};
      }
    }
  }

  void read_times(Ratings& ratings) {
    const auto times = numbers<double>(Section::times);
    const auto order = numbers<std::uint32_t>(Section::order);
    const bool needed = options_.times == Times::needed;
    require(!needed || !times.empty(), "the ratings have no times, by which they are to be split");
    if (options_.times == Times::passed_over || times.empty()) return;
    limit_.take(static_cast<Offset>(times.size_bytes()));
    ratings.times.resize(times.size());
    for (std::size_t e = 0; e < times.size(); ++e) {
      require(!std::isinf(times[e]) && !(needed && std::isnan(times[e])),
              [&] { return "rating " + std::to_string(e) + " has no time"; });
      ratings.times[order.empty() ? e : order[e]] = times[e];
    }
  }

  void read_features(Ratings& ratings) {
    const auto columns = header_.user_columns + header_.item_columns;
    require(columns <= layout_.bytes(Section::column_names) / 2, "it has no name for each column of features");
    std::vector<std::string> names = lines(Section::column_names, columns, "names of feature columns");
    for (const std::string& name : names) require(is_line(name), "a feature column's name is not text on one line");
    const auto read = [&](SideFeatures& features, Section section, std::uint64_t count, std::size_t first) {
      const auto values = numbers<double>(section);
      limit_.take(static_cast<Offset>(values.size_bytes()));
      features.columns = static_cast<Index>(count);
      features.values.assign(values.begin(), values.end());
      features.names.assign(names.begin() + static_cast<std::ptrdiff_t>(first),
                            names.begin() + static_cast<std::ptrdiff_t>(first + count));
    };
    read(ratings.user_features, Section::user_features, header_.user_columns, 0);
    read(ratings.item_features, Section::item_features, header_.item_columns, header_.user_columns);
  }

  /// Of three sections, the first of which is `first`; validate() looks at the numbers.
  void read_sparse(SparseFeatures& sparse, const BinaryCounts::Sparse& count, Section first) {
    const auto section = [&](std::size_t k) { return static_cast<Section>(static_cast<std::size_t>(first) + k); };
    const auto begin = numbers<std::uint64_t>(section(0));
    const auto column = numbers<std::uint32_t>(section(1));
    const auto value = numbers<float>(section(2));
    limit_.take(static_cast<Offset>(begin.size_bytes() + column.size_bytes() + value.size_bytes()));
    sparse.columns = static_cast<Index>(count.columns);
    sparse.begin.assign(begin.begin(), begin.end());
    sparse.column.assign(column.begin(), column.end());
    sparse.value.assign(value.begin(), value.end());
  }

  void read_encodings(Ratings& ratings) {
    constexpr Offset memory_of_byte = 25;  // of JSON
    if (text(Section::encodings).empty()) return;
    limit_.take(memory_of_byte * static_cast<Offset>(text(Section::encodings).size()));
    const std::string where = "how its features are encoded";
    const auto object = parse_json_object<nlohmann::ordered_json>(text(Section::encodings), where);
    require(object.contains("user") && object.contains("item"), where + ": not of users and items");
    ratings.user_features.encodings = encodings_of_json(object.at("user"), where);
    ratings.item_features.encodings = encodings_of_json(object.at("item"), where);
  }

  void read_titles(Ratings& ratings) {
    if (text(Section::item_titles).empty()) return;
    ratings.item_titles = lines(Section::item_titles, header_.items, "titles");
    for (const std::string& title : ratings.item_titles)
      require(is_title(title), "the title of an item is not text on one line");
  }

  const ReadOptions& options_;
  DataLimit limit_;
  const MappedFile file_;
  const BinaryHeader header_;
  const BinaryCounts counts_;
  const BinaryLayout layout_;
};

}  // namespace

bool is_binary_ratings(const std::string& path) {
  std::error_code none;
  if (!std::filesystem::is_regular_file(path, none)) return false;
  std::array<unsigned char, binary_magic.size()> begin{};
  return InputFile(path).read(begin.data(), begin.size()) && begin == binary_magic;
}

Ratings read_binary_ratings(const std::string& path, const std::string& name, const ReadOptions& options,
                            ReadReport& report) try {
  const std::array<std::pair<const char*, bool>, 9> of_text = {{{"columns", !options.columns.empty()},
                                                                {"separator", !options.separator.empty()},
                                                                {"decimal", !options.decimal.empty()},
                                                                {"no_header", options.no_header},
                                                                {"layout", options.layout != TableLayout::rows},
                                                                {"not_rated", !options.not_rated.empty()},
                                                                {"rating_levels", !options.rating_levels.empty()},
                                                                {"test_ratings", !options.test_ratings.empty()},
                                                                {"valid_ratings", !options.valid_ratings.empty()}}};
  for (const auto& option : of_text)
    require(!option.second, [&] {
      return std::string("this binary file has its columns, levels and parts, and ") + option.first + " is for text";
    });
  BinaryFile file(path, options);
  Ratings ratings = file.read();
  ratings.name = !name.empty() ? name : is_line(file.name()) ? std::string(file.name()) : name_of_file(path);
  report.bytes = file.bytes();
  report.lines = static_cast<Offset>(ratings.entries.size());
  return ratings;
} catch (const DataLimit::Exceeded&) {
  throw;
} catch (const InputError& problem) {
  throw InputError(std::string(problem.what()).starts_with(path) ? problem.what() : path + ": " + problem.what());
}

}  // namespace gcmc
