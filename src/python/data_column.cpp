#include "data_column.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>

#include "gcmc/base/error.hpp"

namespace {

using Type = Chunk::Type;
constexpr std::int32_t not_asked = std::numeric_limits<std::int32_t>::min();

/// use(values) with the chunk's numbers as their type, from `first` on.
template <class Use>
void with_numbers(const Chunk& chunk, std::size_t first, const Use& use) {
  const auto typed = [&]<class T>(T) { use(static_cast<const T*>(chunk.values) + chunk.begin + first); };
  switch (chunk.type) {
    case Type::i8:
      return typed(std::int8_t{});
    case Type::u8:
      return typed(std::uint8_t{});
    case Type::i16:
      return typed(std::int16_t{});
    case Type::u16:
      return typed(std::uint16_t{});
    case Type::i32:
      return typed(std::int32_t{});
    case Type::u32:
      return typed(std::uint32_t{});
    case Type::i64:
      return typed(std::int64_t{});
    case Type::u64:
      return typed(std::uint64_t{});
    case Type::f32:
      return typed(float{});
    case Type::f64:
      return typed(double{});
    default:
      break;
  }
}

/// A view of Arrow's: the length, then 12 bytes of text, or its first 4, its buffer and where it begins there.
std::string_view viewed(const Chunk& chunk, std::size_t position) {
  const char* view = static_cast<const char*>(chunk.values) + 16 * position;
  std::array<std::int32_t, 4> words;
  std::memcpy(words.data(), view, sizeof words);
  const auto length = static_cast<std::size_t>(words[0]);
  if (length <= 12) return {view + 4, length};
  return {static_cast<const char*>(chunk.texts[words[2]]) + words[3], length};
}

template <class Offset>
std::string_view between(const Chunk& chunk, std::size_t position) {
  const Offset* ends = static_cast<const Offset*>(chunk.values) + position;
  return {chunk.text + ends[0], static_cast<std::size_t>(ends[1] - ends[0])};
}

/// use(k, id) for each of `count` rows, which are there.
template <class Use>
void with_ids(const Chunk& chunk, std::size_t first, std::size_t count, const Use& use) {
  const std::size_t begin = chunk.begin + first;
  if (chunk.type == Type::text)
    for (std::size_t k = 0; k < count; ++k) use(k, between<std::int32_t>(chunk, begin + k));
  else if (chunk.type == Type::large_text)
    for (std::size_t k = 0; k < count; ++k) use(k, between<std::int64_t>(chunk, begin + k));
  else if (chunk.type == Type::text_view)
    for (std::size_t k = 0; k < count; ++k) use(k, viewed(chunk, begin + k));
  else
    with_numbers(chunk, first, [&](const auto* values) {
      std::array<char, 24> text;
      if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(*values)>>)
        for (std::size_t k = 0; k < count; ++k)
          use(k, {text.data(), std::to_chars(text.data(), text.data() + text.size(), values[k]).ptr});
    });
}

}  // namespace

void ColumnReader::fail(std::size_t row, const std::string& what) const {
  throw gcmc::InputError(column_.name + ": row " + std::to_string(before_ + row) + " " + what);
}

/// use(chunk, first, run, done) for stretches of chunks; `done` of the `count` were before.
template <class Use>
void ColumnReader::for_each_run(std::size_t count, const Use& use) {
  for (std::size_t done = 0; done < count;) {
    const Chunk& chunk = column_.chunks[chunk_];
    const std::size_t run = std::min(count - done, chunk.length - row_);
    use(chunk, row_, run, done);
    done += run;
    row_ += run;
    if (row_ < chunk.length) continue;
    before_ += chunk.length;
    ++chunk_;
    row_ = 0;
  }
}

void ColumnReader::read_codes(const Chunk& chunk, std::size_t first, std::size_t count, const Number& number,
                              std::int32_t* numbers) {
  const Chunk& dictionary = *chunk.dictionary;
  if (dictionary_ != &dictionary) known_.assign(dictionary.length, not_asked);
  dictionary_ = &dictionary;
  with_numbers(chunk, first, [&](const auto* codes) {
    for (std::size_t k = 0; k < count; ++k) {
      const auto code = static_cast<std::size_t>(codes[k]);
      if (code >= known_.size() || dictionary.is_missing(code)) fail(first + k, "has no value");
      if (known_[code] == not_asked)
        with_ids(dictionary, code, 1, [&](std::size_t, std::string_view id) { known_[code] = number(id); });
      numbers[k] = known_[code];
    }
  });
}

void ColumnReader::read_ids(std::size_t count, const Number& number, std::int32_t* numbers) {
  for_each_run(count, [&](const Chunk& chunk, std::size_t first, std::size_t run, std::size_t done) {
    for (std::size_t k = 0; chunk.valid && k < run; ++k)
      if (chunk.is_missing(first + k)) fail(first + k, "has no value: leave such rows out");
    if (chunk.dictionary) return read_codes(chunk, first, run, number, numbers + done);
    with_ids(chunk, first, run, [&](std::size_t k, std::string_view id) { numbers[done + k] = number(id); });
  });
}

void ColumnReader::read_numbers(std::size_t count, double* numbers, bool may_be_missing) {
  constexpr double missing = std::numeric_limits<double>::quiet_NaN();
  for_each_run(count, [&](const Chunk& chunk, std::size_t first, std::size_t run, std::size_t done) {
    const Chunk& held = chunk.dictionary ? *chunk.dictionary : chunk;
    const auto put = [&](std::size_t k, bool there, const auto* value) {
      if (!there && !may_be_missing) fail(first + k, "has no value: leave such rows out");
      numbers[done + k] = there ? static_cast<double>(*value) / held.unit : missing;
    };
    with_numbers(held, chunk.dictionary ? 0 : first, [&](const auto* values) {
      if (!chunk.dictionary) {
        for (std::size_t k = 0; k < run; ++k) put(k, !chunk.is_missing(first + k), values + k);
        return;
      }
      with_numbers(chunk, first, [&](const auto* codes) {
        for (std::size_t k = 0; k < run; ++k) {
          const auto code = static_cast<std::size_t>(codes[k]);
          put(k, !chunk.is_missing(first + k) && code < held.length && !held.is_missing(code), values + code);
        }
      });
    });
  });
}
