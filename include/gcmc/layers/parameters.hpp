// All parameters of a model in one flat buffer, their gradients in another, and how they start.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "gcmc/backend/memory.hpp"
#include "gcmc/base/large_pages.hpp"
#include "gcmc/layers/random_orthogonal.hpp"

namespace gcmc {

/// One named piece of the buffer: `blocks` matrices of rows x columns, rows padded to `stride`.
struct ParameterPiece {
  std::string name;
  Index blocks = 1, rows = 0, columns = 0;
  Index fan_in = 0, fan_out = 0;  ///< starts uniform in +-sqrt(6 / (fan_in + fan_out)); 0, 0: starts at 0
  int axes = 2;                   ///< of its shape: 3 has the blocks, 1 the columns alone
  bool orthogonal = false;        ///< starts orthogonal, times 1.1
  bool deferred = false;          ///< an optimizer may put off its rows' updates until they are read
  Index stride = 0;
  Offset begin = 0;

  std::vector<Offset> shape() const {
    if (axes == 3) return {blocks, rows, columns};
    if (axes == 2) return {rows, columns};
    return {columns};
  }
  friend bool operator==(const ParameterPiece&, const ParameterPiece&) = default;
};

/// Layers add their pieces as they are made; then allocate once; then views can be had. A piece's place in the order is
/// the stream that its first values are drawn from.
template <class B, class T>
requires Backend<B, T>
class Parameters {
 public:
  int add(ParameterPiece piece) {
    piece.stride = row_stride<T>(piece.columns);
    piece.begin = size_;
    size_ += Offset{piece.blocks} * piece.rows * piece.stride;
    pieces_.push_back(std::move(piece));
    return static_cast<int>(pieces_.size()) - 1;
  }
  /// Returns the first one's number; the others follow.
  int add(const std::vector<ParameterPiece>& pieces) {
    const auto first = static_cast<int>(pieces_.size());
    for (const ParameterPiece& piece : pieces) add(piece);
    return first;
  }
  void allocate(B& backend) {
    backend_ = &backend;
    values_ = Buffer<B, T>(backend, size_);
    gradient_ = Buffer<B, T>(backend, size_);
    collect_rows();
  }

  /// To be read. What an optimizer has put off for a deferred piece happens first: for rows[0 .. *count) of all its
  /// blocks' rows, both in the backend's memory, or for all of them; the other rows are then of no use.
  BlockMatrix<const T> values(int piece, const Index* rows = nullptr, const Index* count = nullptr) const {
    if (pieces_[piece].deferred) refresh(piece, rows, count);
    return view(values_, piece);
  }
  MatrixView<const T> matrix(int piece) const {
    const BlockMatrix<const T> b = values(piece);
    return {b.data, b.rows, b.columns, b.stride};
  }
  /// To be written by a backward pass that follows a reading forward pass: a gradient that waits is lost.
  BlockMatrix<T> gradient(int piece) const { return view(gradient_, piece); }

  /// What values() calls before rows of a deferred piece are read: (piece, rows, count). Throws InputError if there is
  /// one already: two optimizers would put off the same rows.
  void on_refresh(std::function<void(int, const Index*, const Index*)> refresh) {
    require(!refresh || !refresh_, "parameters: they have an optimizer; it must end before the next begins");
    refresh_ = std::move(refresh);
  }

  /// Says that a piece's gradient is stored in the rows of the kept pairs alone, and zero in all others.
  /// Throws InputError if the piece is not deferred: rows without a gradient would not be told from the others.
  void set_present(int piece, const KeptPairs& kept) {
    require(!kept || pieces_[piece].deferred, [&] {
      return "parameters: '" + pieces_[piece].name + "' has rows without a gradient and is not deferred";
    });
    rows_[piece].list = kept.list;
    rows_[piece].list_count = kept.count;
  }
  const std::vector<ParameterRows>& rows() const { return rows_; }
  const std::vector<ParameterPiece>& pieces() const { return pieces_; }
  /// All values as they lie, for who updates or exchanges them: rows of deferred pieces may be steps behind, until the
  /// optimizer's flush.
  Buffer<B, T>& raw_values() { return values_; }
  const Buffer<B, T>& gradient_buffer() const { return gradient_; }
  Offset padded_size() const { return size_; }
  /// Trainable numbers, padding not counted.
  Offset count() const {
    Offset sum = 0;
    for (const ParameterPiece& p : pieces_) sum += Offset{p.blocks} * p.rows * p.columns;
    return sum;
  }

  /// Each piece draws from a stream of its own: adding one leaves the others' values alone.
  void initialize(std::uint64_t seed) {
    refresh_all();
    for (std::size_t k = 0; k < pieces_.size(); ++k) draw(pieces_[k], seed, static_cast<std::uint32_t>(k));
  }

  /// An unpadded copy of a piece.
  std::vector<T> get(int piece) const {
    (void)values(piece);
    return unpadded(values_, piece, nullptr);
  }
  /// Unpadded copies by name, and back. `set` throws InputError for a missing name or a wrong size.
  std::map<std::string, std::vector<T>> get() const {
    std::map<std::string, std::vector<T>> values;
    for (std::size_t k = 0; k < pieces_.size(); ++k) values[pieces_[k].name] = get(static_cast<int>(k));
    return values;
  }
  std::map<std::string, std::vector<T>> get_gradient() const {
    std::map<std::string, std::vector<T>> values;
    for (std::size_t k = 0; k < pieces_.size(); ++k) {
      const std::vector<bool> stored = stored_rows(rows_[k]);
      values[pieces_[k].name] = unpadded(gradient_, static_cast<int>(k), &stored);
    }
    return values;
  }
  void set(const std::map<std::string, std::vector<T>>& values) {
    std::vector<T> flat(static_cast<std::size_t>(size_));
    for (const ParameterPiece& p : pieces_) {
      const auto found = values.find(p.name);
      const Offset rows = Offset{p.blocks} * p.rows;
      require(found != values.end(), [&] { return "parameters: '" + p.name + "' is missing"; });
      require(static_cast<Offset>(found->second.size()) == rows * p.columns, [&] {
        return "parameters: '" + p.name + "' has " + std::to_string(found->second.size()) + " values, not " +
               std::to_string(rows * p.columns);
      });
      for (Offset i = 0; i < rows; ++i)
        for (Offset c = 0; c < p.columns; ++c) flat[p.begin + i * p.stride + c] = found->second[i * p.columns + c];
    }
    refresh_all();
    values_.set(flat);
  }

 private:
  void refresh(int piece, const Index* rows, const Index* count) const {
    if (refresh_) refresh_(piece, rows, count);
  }
  void refresh_all() const {
    for (std::size_t k = 0; k < pieces_.size(); ++k)
      if (pieces_[k].deferred) refresh(static_cast<int>(k), nullptr, nullptr);
  }
  BlockMatrix<T> view(const Buffer<B, T>& buffer, int piece) const {
    const ParameterPiece& p = pieces_[piece];
    return {buffer.data() + p.begin, p.blocks, p.rows, p.columns, p.stride};
  }

  void collect_rows() {
    rows_.clear();
    for (const ParameterPiece& p : pieces_)
      rows_.push_back({.begin = p.begin, .rows = static_cast<Index>(Offset{p.blocks} * p.rows), .stride = p.stride});
  }

  void draw(const ParameterPiece& p, std::uint64_t seed, std::uint32_t stream) {
    if (p.orthogonal) return draw_orthogonal(p, Random(seed, stream));
    const double bound = p.fan_in + p.fan_out > 0 ? std::sqrt(6.0 / (p.fan_in + p.fan_out)) : 0.0;
    backend_->run(DrawUniform<T>{.x = {values_.data() + p.begin, p.blocks, p.rows, p.columns, p.stride},
                                 .bound = bound,
                                 .seed = seed,
                                 .stream = stream});
  }
  void draw_orthogonal(const ParameterPiece& p, Random random) {
    std::vector<T> values(static_cast<std::size_t>(Offset{p.blocks} * p.rows * p.stride));  // padding stays 0
    for (Offset row = 0; row < Offset{p.blocks} * p.rows; row += p.rows) {
      const std::vector<double> drawn = random_orthogonal(p.rows, random);
      for (Offset i = 0; i < p.rows; ++i)
        for (Index c = 0; c < p.columns; ++c)
          values[(row + i) * p.stride + c] = static_cast<T>(1.1 * drawn[i * p.columns + c]);
    }
    backend_->copy_to_device(values_.data() + p.begin, values.data(), values.size() * sizeof(T));
  }

  std::vector<bool> stored_rows(const ParameterRows& part) const {
    std::vector<bool> stored(static_cast<std::size_t>(part.rows), part.list == nullptr);
    if (!part.list) return stored;
    Index count = 0;
    backend_->copy_to_host(&count, part.list_count, sizeof count);
    std::vector<Index> list(static_cast<std::size_t>(count));
    if (count > 0) backend_->copy_to_host(list.data(), part.list, list.size() * sizeof(Index));
    for (const Index row : list) stored[row] = true;
    return stored;
  }

  /// Rows that are not stored are zero; stored == nullptr: all are.
  std::vector<T> unpadded(const Buffer<B, T>& buffer, int piece, const std::vector<bool>* stored) const {
    const ParameterPiece& p = pieces_[piece];
    const Offset rows = Offset{p.blocks} * p.rows;
    const auto copy = [&](Offset columns) {
      std::vector<T> values;
      reserve_in_large_pages(values, static_cast<std::size_t>(rows * columns), host_threads(*backend_));
      values.resize(static_cast<std::size_t>(rows * columns));
      return values;
    };
    std::vector<T> padded = copy(p.stride);
    if (!padded.empty()) backend_->copy_to_host(padded.data(), buffer.data() + p.begin, padded.size() * sizeof(T));
    if (!stored && p.stride == p.columns) return padded;
    std::vector<T> out = copy(p.columns);
    for (Offset i = 0; i < rows; ++i)
      if (!stored || (*stored)[i]) std::copy_n(padded.data() + i * p.stride, p.columns, out.data() + i * p.columns);
    return out;
  }

  B* backend_ = nullptr;
  Offset size_ = 0;
  std::vector<ParameterPiece> pieces_;
  std::vector<ParameterRows> rows_;
  Buffer<B, T> values_, gradient_;
  std::function<void(int, const Index*, const Index*)> refresh_;
};

}  // namespace gcmc
