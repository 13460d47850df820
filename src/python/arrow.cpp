#include "arrow.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "gcmc/base/error.hpp"

namespace {

using Type = Chunk::Type;

constexpr std::array<std::pair<std::string_view, Type>, 13> types = {{{"c", Type::i8},
                                                                      {"C", Type::u8},
                                                                      {"s", Type::i16},
                                                                      {"S", Type::u16},
                                                                      {"i", Type::i32},
                                                                      {"I", Type::u32},
                                                                      {"l", Type::i64},
                                                                      {"L", Type::u64},
                                                                      {"f", Type::f32},
                                                                      {"g", Type::f64},
                                                                      {"u", Type::text},
                                                                      {"U", Type::large_text},
                                                                      {"vu", Type::text_view}}};

/// Times, and how many of what they count are a second.
constexpr std::array<std::pair<std::string_view, std::pair<Type, double>>, 6> times = {
    {{"tss", {Type::i64, 1}},
     {"tsm", {Type::i64, 1e3}},
     {"tsu", {Type::i64, 1e6}},
     {"tsn", {Type::i64, 1e9}},
     {"tdm", {Type::i64, 1e3}},
     {"tdD", {Type::i32, 1 / 86400.0}}}};

struct ValueType {
  Type type = Type::other;
  double unit = 1;
  bool is_time = false;
};

ValueType type_of(std::string_view format) {
  for (const auto& [text, type] : types)
    if (text == format) return {type};
  for (const auto& [text, time] : times)
    if (format.starts_with(text)) return {time.first, time.second, true};
  return {};
}

/// The array's values in the rows begin to begin + length of the table that it is of.
Chunk chunk_of(const ArrowSchema& schema, const ArrowArray& array, std::int64_t begin, std::int64_t length,
               const std::shared_ptr<const void>& memory) {
  const ValueType value = type_of(schema.format);
  Chunk chunk{.type = value.type,
              .begin = static_cast<std::size_t>(array.offset + begin),
              .length = static_cast<std::size_t>(length),
              .unit = value.unit,
              .memory = memory};
  if (value.type == Type::other) return chunk;
  if (array.null_count != 0) chunk.valid = static_cast<const std::uint8_t*>(array.buffers[0]);
  chunk.values = array.buffers[1];
  if (value.type == Type::text || value.type == Type::large_text)
    chunk.text = static_cast<const char*>(array.buffers[2]);
  if (value.type == Type::text_view) chunk.texts = array.buffers + 2;
  if (schema.dictionary)
    chunk.dictionary = std::make_shared<const Chunk>(
        chunk_of(*schema.dictionary, *array.dictionary, 0, array.dictionary->length, memory));
  return chunk;
}

DataColumn column_of(const ArrowSchema& schema) {
  const char* format = schema.dictionary ? schema.dictionary->format : schema.format;
  const ValueType value = type_of(format);
  return {.name = schema.name ? schema.name : "",
          .type_name = std::string("Arrow's ") + format,
          .type = value.type,
          .is_time = value.is_time};
}

void add(DataColumn& column, const ArrowSchema& schema, const ArrowArray& array, const ArrowArray& table,
         const std::shared_ptr<const void>& memory) {
  const bool child = &array != &table;
  if (table.length == 0) return;
  column.chunks.push_back(chunk_of(schema, array, child ? table.offset : 0, table.length, memory));
  column.size += column.chunks.back().length;
}

}  // namespace

std::vector<DataColumn> columns_of(ArrowOwned<ArrowArrayStream> stream) {
  const auto check = [&](int code) {
    if (code == 0) return;
    const char* said = stream.get_last_error(&stream);
    throw gcmc::InputError(said ? said : "a stream of Arrow tables that breaks off");
  };
  ArrowOwned<ArrowSchema> schema;
  check(stream.get_schema(&stream, &schema));
  const bool is_table = std::string_view(schema.format) == "+s";
  std::vector<DataColumn> columns;
  for (std::int64_t k = 0; k < (is_table ? schema.n_children : 1); ++k)
    columns.push_back(column_of(is_table ? *schema.children[k] : schema));
  for (;;) {
    auto table = std::make_shared<ArrowOwned<ArrowArray>>();
    check(stream.get_next(&stream, table.get()));
    if (!table->release) return columns;
    gcmc::require(!is_table || table->null_count <= 0 || !table->buffers[0],
                  "rows of a table that are missing as such");
    for (std::size_t k = 0; k < columns.size(); ++k)
      add(columns[k], is_table ? *schema.children[k] : schema, is_table ? *table->children[k] : *table, *table, table);
  }
}
