#include "titles.hpp"

#include <algorithm>
#include <functional>

#include "rating_fields.hpp"
#include "side_table.hpp"

namespace gcmc {
namespace {

using Add = std::function<void(std::string_view id, std::string_view title)>;

/// id|title|...
void read_u_item(const std::string& path, DataLimit& limit, const Add& add) {
  TextFile file(path, limit);
  std::vector<std::string_view> fields;
  for (std::string_view line; file.next(line);) {
    cut(line, "|", fields);
    if (fields.size() > 1) add(fields[0], fields[1]);
  }
}

/// id::title::genres, where a title may hold a double colon.
void read_movies_dat(const std::string& path, DataLimit& limit, const Add& add) {
  TextFile file(path, limit);
  for (std::string_view line; file.next(line);) {
    const std::size_t first = line.find("::"), last = line.rfind("::");
    if (first != std::string_view::npos && last >= first + 2)
      add(line.substr(0, first), line.substr(first + 2, last - first - 2));
  }
}

void read_titled_table(const std::string& path, const IdTable& known, DataLimit& limit, const Add& add) {
  std::vector<WantedColumn> wanted = id_column(item_side);
  wanted.push_back({.role = "title",
                    .names = {"title", "itemtitle", "movietitle", "booktitle"},
                    .other_names = {"name", "itemname", "moviename", "bookname"},
                    .required = false});
  SideTable table(path, wanted, known, limit);
  const std::size_t title = table.position(1);
  if (title == no_column || !table.has_header()) return;
  const auto read = [&] {
    if (!table.next()) return false;
    add(table[table.position(0)], table[title]);
    return true;
  };
  for_each_line(read, [](const BadLine&) {});  // read_features() tells of it
}

}  // namespace

std::vector<std::string> read_titles(const std::filesystem::path& path, const std::vector<std::string>& item_ids,
                                     DataLimit& limit) {
  if (path.empty()) return {};
  IdTable known;
  for (const std::string& id : item_ids) known.add(id);
  std::vector<std::string> titles(item_ids.size());
  std::string room;
  const Add add = [&](std::string_view id, std::string_view title) {
    const Index item = known.find(trimmed(id));
    if (item < 0) return;
    limit.take(static_cast<Offset>(title.size()));
    std::string& own = titles[static_cast<std::size_t>(item)];
    own = in_utf8(trimmed(title), room);
    std::replace_if(
        own.begin(), own.end(), [](char c) { return c == '\n' || c == '\r' || c == '\0'; }, ' ');
  };
  try {
    const std::string name = path.filename().string();
    if (name.starts_with("u.item"))
      read_u_item(path.string(), limit, add);
    else if (name.starts_with("movies.dat"))
      read_movies_dat(path.string(), limit, add);
    else
      read_titled_table(path.string(), known, limit, add);
  } catch (const Error&) {
    return {};
  }
  const bool any = std::any_of(titles.begin(), titles.end(), [](const std::string& title) { return !title.empty(); });
  return any ? titles : std::vector<std::string>{};
}

}  // namespace gcmc
