#include "columns.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "arrow.hpp"
#include "gcmc/base/error.hpp"
#include "rating_collector.hpp"

namespace nb = nanobind;
using gcmc::Index;

namespace {

constexpr std::size_t rows_at_once = 1 << 14;

/// What stands on a line of its own in a saved model's users.txt.
void require_line(std::string_view id, const std::string& column) {
  gcmc::require(!id.empty() && id.find_first_of(std::string_view("\r\n\0", 3)) == id.npos,
                [&] { return column + ": an id that is empty, or has a line break or a zero byte"; });
}

void add(gcmc::RatingCollector& collector, const RatingColumns& columns) {
  ColumnReader users(columns.users), items(columns.items), ratings(columns.ratings);
  std::optional<ColumnReader> times;
  if (columns.times) times.emplace(*columns.times);
  const auto user_of = [&](std::string_view id) {
    require_line(id, columns.users.name);
    return collector.number_user(id);
  };
  const auto item_of = [&](std::string_view id) {
    require_line(id, columns.items.name);
    return collector.number_item(id);
  };
  std::array<Index, rows_at_once> user, item;
  std::array<double, rows_at_once> rating, time;
  time.fill(gcmc::no_time);
  collector.reserve(columns.users.size);
  for (std::size_t begin = 0; begin < columns.users.size; begin += rows_at_once) {
    const std::size_t count = std::min(rows_at_once, columns.users.size - begin);
    users.read_ids(count, user_of, user.data());
    items.read_ids(count, item_of, item.data());
    ratings.read_numbers(count, rating.data());
    if (times) times->read_numbers(count, time.data(), true);
    for (std::size_t k = 0; k < count; ++k) {
      gcmc::require(std::isfinite(rating[k]), [&] {
        return columns.ratings.name + ": row " + std::to_string(begin + k) + " is not a finite number";
      });
      collector.add(user[k], item[k], rating[k], time[k]);
    }
  }
}

Chunk::Type type_of(const nb::dlpack::dtype& type) {
  using Type = Chunk::Type;
  using Code = nb::dlpack::dtype_code;
  const auto of_width = [&](Type one, Type two, Type four, Type eight) {
    return type.bits == 8    ? one
           : type.bits == 16 ? two
           : type.bits == 32 ? four
           : type.bits == 64 ? eight
                             : Type::other;
  };
  if (type.code == static_cast<std::uint8_t>(Code::Int)) return of_width(Type::i8, Type::i16, Type::i32, Type::i64);
  if (type.code == static_cast<std::uint8_t>(Code::UInt)) return of_width(Type::u8, Type::u16, Type::u32, Type::u64);
  if (type.code == static_cast<std::uint8_t>(Code::Float))
    return of_width(Type::other, Type::other, Type::f32, Type::f64);
  return Type::other;
}

template <class T>
std::shared_ptr<const void> kept(T object) {
  return {new T(std::move(object)), [](void* pointer) {
            const nb::gil_scoped_acquire held;
            delete static_cast<T*>(pointer);
          }};
}

}  // namespace

DataColumn column_of_array(std::string name, nb::ndarray<nb::ro, nb::ndim<1>, nb::c_contig, nb::device::cpu> array) {
  const Chunk::Type type = type_of(array.dtype());
  Chunk chunk{.type = type, .length = array.size(), .values = array.data(), .memory = kept(array)};
  DataColumn column{.name = std::move(name), .type_name = "an array", .type = type};
  column.size = chunk.length;
  if (chunk.length > 0) column.chunks.push_back(std::move(chunk));
  return column;
}

DataColumn column_of_texts(std::string name, const nb::typed<nb::list, nb::str>& texts) {
  struct Text {
    std::string text;
    std::vector<std::int64_t> ends = {0};
  };
  auto all = std::make_shared<Text>();
  for (const nb::handle one : texts) {
    Py_ssize_t length = 0;
    const char* text = PyUnicode_AsUTF8AndSize(one.ptr(), &length);
    if (!text) throw nb::python_error();
    all->text.append(text, static_cast<std::size_t>(length));
    all->ends.push_back(static_cast<std::int64_t>(all->text.size()));
  }
  DataColumn column{.name = std::move(name), .type_name = "text", .type = Chunk::Type::large_text};
  column.size = texts.size();
  if (column.size > 0)
    column.chunks.push_back({.type = column.type,
                             .length = column.size,
                             .values = all->ends.data(),
                             .text = all->text.data(),
                             .memory = all});
  return column;
}

std::vector<DataColumn> columns_of_stream(const nb::object& capsule) {
  void* pointer = PyCapsule_GetPointer(capsule.ptr(), "arrow_array_stream");
  if (!pointer) throw nb::python_error();
  ArrowOwned<ArrowArrayStream> stream(static_cast<ArrowArrayStream*>(pointer));
  gcmc::require(stream.release != nullptr, "a stream of Arrow tables that was read before");
  const nb::gil_scoped_release released;
  return columns_of(std::move(stream));
}

Numbers numbers_of(const gcmc::Predictor& predictor, gcmc::Side side, const DataColumn& ids) {
  const nb::gil_scoped_release released;
  Numbers numbers(ids.size);
  ColumnReader(ids).read_ids(
      ids.size,
      [&](std::string_view id) {
        return side == gcmc::user_side ? predictor.user_index(id) : predictor.item_index(id);
      },
      numbers.data());
  return numbers;
}

std::string id_of(const DataColumn& ids, std::size_t row) {
  gcmc::require(row < ids.size, "a row behind the last one");
  std::string text;
  Numbers unused(row + 1);
  const auto keep = [&](std::string_view id) {
    text = id;
    return Index{0};
  };
  ColumnReader reader(ids);
  reader.read_ids(row, keep, unused.data());
  reader.read_ids(1, keep, unused.data());
  return text;
}

std::vector<double> values_of(const DataColumn& numbers) {
  std::vector<double> values(numbers.size);
  ColumnReader(numbers).read_numbers(numbers.size, values.data());
  return values;
}

gcmc::Ratings ratings_of(const RatingColumns& columns, const std::optional<RatingColumns>& valid,
                         const std::string& name, const gcmc::ReadOptions& options, gcmc::ReadReport& report) {
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
