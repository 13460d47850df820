#include "columns.hpp"

#include <array>
#include <charconv>
#include <limits>

#include "gcmc/base/error.hpp"
#include "rating_collector.hpp"

namespace {

/// What stands on a line of its own in a saved model's users.txt.
void require_line(std::string_view id) {
  gcmc::require(!id.empty() && id.find_first_of("\r\n") == id.npos, "an id that is empty or has a line break");
}

/// Numbers of the collector for ids that come again and again are looked up by their text.
void add(gcmc::RatingCollector& collector, const RatingColumns& columns) {
  const std::size_t count = columns.ratings.size();
  std::vector<std::string> users(count);
  for_each_id(columns.users, [&](std::size_t k, std::string_view id) {
    require_line(id);
    users.at(k) = id;
  });
  for_each_id(columns.items, [&](std::size_t k, std::string_view item) {
    require_line(item);
    const double time = columns.times ? columns.times->data()[k] : gcmc::no_time;
    collector.add(users.at(k), item, columns.ratings.data()[k], time);
  });
}

}  // namespace

void for_each_id(const Ids& ids, const std::function<void(std::size_t, std::string_view)>& use) {
  if (const auto* numbers = std::get_if<Column<std::int64_t>>(&ids)) {
    std::array<char, 24> text;
    for (std::size_t k = 0; k < numbers->size(); ++k) {
      const char* end = std::to_chars(text.data(), text.data() + text.size(), numbers->data()[k]).ptr;
      use(k, {text.data(), end});
    }
    return;
  }
  const auto& list = std::get<nanobind::list>(ids);
  for (std::size_t k = 0; k < list.size(); ++k) {
    const nanobind::object id = list[k];
    Py_ssize_t length = 0;
    const char* text = PyUnicode_AsUTF8AndSize(id.ptr(), &length);
    if (!text) throw nanobind::python_error();
    use(k, {text, static_cast<std::size_t>(length)});
  }
}

Numbers numbers_of(const gcmc::Predictor& predictor, gcmc::Side side, const Ids& ids) {
  Numbers numbers;
  for_each_id(ids, [&](std::size_t, std::string_view id) {
    numbers.push_back(side == gcmc::user_side ? predictor.user_index(id) : predictor.item_index(id));
  });
  return numbers;
}

gcmc::Ratings ratings_of(const RatingColumns& columns, const std::optional<RatingColumns>& valid,
                         const std::string& name, std::string_view split) {
  gcmc::ReadOptions options;
  options.times = gcmc::times_for(split);
  gcmc::ReadReport report;
  report.place = name;
  gcmc::DataLimit limit(name, std::numeric_limits<std::int32_t>::max());  // the caller's memory is the caller's
  gcmc::RatingCollector collector(options, report, limit);
  add(collector, columns);
  if (valid) {
    collector.begin_valid();
    add(collector, *valid);
    collector.begin_test();
  }
  return collector.finish(name);
}
