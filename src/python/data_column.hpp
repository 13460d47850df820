// A column of numbers or text: NumPy's memory or Arrow's, read where it lies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// Consecutive values of one type.
struct Chunk {
  enum class Type { i8, u8, i16, u16, i32, u32, i64, u64, f32, f64, text, large_text, text_view, other };

  Type type = Type::other;
  std::size_t begin = 0, length = 0;             ///< positions begin, ... of the buffers
  const std::uint8_t* valid = nullptr;           ///< a bit a position; null: all are there
  const void* values = nullptr;                  ///< numbers; of text, where it begins and ends, or views of it
  const char* text = nullptr;                    ///< that it points into
  const void* const* texts = nullptr;            ///< that views point into
  double unit = 1;                               ///< that numbers count: seconds, for times
  std::shared_ptr<const Chunk> dictionary = {};  ///< what `values` are positions in; null: they are the values
  std::shared_ptr<const void> memory = {};       ///< keeps it all

  bool is_missing(std::size_t row) const {
    const std::size_t bit = begin + row;
    return valid && !(valid[bit / 8] >> (bit % 8) & 1);
  }
};

/// All of one column; positions in it are rows.
struct DataColumn {
  std::string name;
  std::string type_name;                  ///< for messages
  Chunk::Type type = Chunk::Type::other;  ///< of its values, which dictionaries may hold
  bool is_time = false;
  std::vector<Chunk> chunks = {};
  std::size_t size = 0;

  bool is_text() const { return type >= Chunk::Type::text && type <= Chunk::Type::text_view; }
  bool is_whole() const { return type <= Chunk::Type::u64 && !is_time; }
  bool is_number() const { return type <= Chunk::Type::f64; }
};

/// Reads a column from its first row on. Throws InputError, with the column's name and the row, for what is missing.
class ColumnReader {
 public:
  explicit ColumnReader(const DataColumn& column) : column_(column) {}

  using Number = std::function<std::int32_t(std::string_view id)>;

  /// Of the next `count` ids, as text, what number(id) says of each.
  void read_ids(std::size_t count, const Number& number, std::int32_t* numbers);
  /// The next `count` numbers. What is missing is NaN if it `may` be.
  void read_numbers(std::size_t count, double* numbers, bool may_be_missing = false);

 private:
  template <class Use>
  void for_each_run(std::size_t count, const Use& use);
  void read_codes(const Chunk& chunk, std::size_t first, std::size_t count, const Number& number,
                  std::int32_t* numbers);
  [[noreturn]] void fail(std::size_t row, const std::string& what) const;

  const DataColumn& column_;
  std::size_t chunk_ = 0, row_ = 0, before_ = 0;  ///< the row in the chunk; rows in the chunks before
  const Chunk* dictionary_ = nullptr;
  std::vector<std::int32_t> known_;  ///< number of each of the dictionary's values, once it is asked for
};
