// What a Predictor holds of each model: scores pairs, and is never changed.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "gcmc/layers/bilinear_decoder.hpp"
#include "gcmc/model/predictor.hpp"
#include "kept_rows.hpp"
#include "memory.hpp"

namespace gcmc {

/// An operation scores a block of runs, a run being some pairs of one user: so many at most.
inline constexpr std::size_t block_runs = 64, block_pairs = 8192, run_pairs = 1024;

/// Embeddings that stand for the nodes of one side: pairs count their rows.
struct Predictor::Rows {
  Side side = user_side;
  std::span<const double> values{};
};
struct Predictor::Guests {
  Side side = user_side;
  std::vector<std::span<const double>> rows{};  ///< of each member

  /// Those of one member, where there are any.
  static std::optional<Rows> of(const Guests* guests, std::size_t member) {
    if (!guests || guests->rows.empty()) return std::nullopt;
    return Rows{guests->side, guests->rows[member]};
  }
};

/// Of training, that each item has; counted when they are first asked for.
struct Predictor::ItemCounts {
  std::once_flag once;
  std::vector<Offset> counts;
};

/// Of each member, by side; made when they are first asked for.
struct Predictor::Encoders {
  std::array<std::once_flag, 2> once;
  std::array<std::vector<FoldIn>, 2> of;
};

/// Scores known pairs by one member of a model; hides the element type.
class Predictor::Scorer {
 public:
  virtual ~Scorer() = default;
  /// Adds to ratings[k] and, where there are any, to row k of `probabilities`, for every k in `places`, in which pairs
  /// of a user stand together.
  virtual void add(std::span<const std::size_t> places, std::span<const Pair> pairs, const std::optional<Rows>& guests,
                   Worker& worker, std::span<double> ratings, std::span<double> probabilities) const = 0;
  /// Adds to ratings[k], of the user and items[k].
  virtual void add(Index user, std::span<const Index> items, const std::optional<Rows>& guests, Worker& worker,
                   std::span<double> ratings) const = 0;
};

template <class T>
class Predictor::TypedScorer final : public Predictor::Scorer {
 public:
  /// The model must outlive it.
  TypedScorer(const SavedModel& model, Index member)
      : levels_(static_cast<Index>(model.levels.size())),
        values_(memory_, {model.levels.begin(), model.levels.end()}),
        calibration_(model.calibration()) {
    const auto users = static_cast<Index>(model.user_ids.size()), items = static_cast<Index>(model.item_ids.size());
    const std::vector<Offset>& shape = model.tensor("decoder.basis").shape;
    const std::size_t axes = shape.size(), needed = model.members() > 1 ? 4 : 3;
    require(axes == needed && shape[axes - 3] > 0 && shape[axes - 2] > 0, [&] {
      return "saved model: tensor \"decoder.basis\" has shape " + shape_text(shape) +
             (needed == 3 ? ", not [B, D, D]" : ", not [members, B, D, D]");
    });
    bases_ = static_cast<Index>(shape[axes - 3]);
    output_ = static_cast<Index>(shape[axes - 2]);
    basis_ = Matrix<Cpu, T>(memory_, bases_ * output_, output_);
    basis_.set(model.values_of<T>(member, "decoder.basis", {bases_, output_, output_}));
    users_ = model.values_of<T>(member, "user_embedding", {users, output_});
    items_ = Matrix<Cpu, T>(memory_, items, output_);
    items_.set(model.values_of<T>(member, "item_embedding", {items, output_}));
    coefficients_ = Matrix<Cpu, T>(memory_, bases_, levels_);
    coefficients_.set(model.values_of<T>(member, "decoder.coefficients", {bases_, levels_}));
    if (Offset{users} * width() <= most_products * (Offset{users} + items) * output_)
      products_ = KeptRows<T>(users, static_cast<std::size_t>(width()));
  }

  void add(std::span<const std::size_t> places, std::span<const Pair> pairs, const std::optional<Rows>& guests,
           Worker& worker, std::span<double> ratings, std::span<double> probabilities) const override {
    const auto levels = static_cast<std::size_t>(levels_);
    while (!places.empty()) {
      const std::span<const std::size_t> now = places.first(gather(places, pairs, worker));
      places = places.subspan(now.size());
      score_block(guests, now.size(), !probabilities.empty(), worker);
      const typename Worker::template Block<T>& block = worker.block<T>();
      for (std::size_t e = 0; e < now.size(); ++e) {
        if (!ratings.empty()) ratings[now[e]] += rating(block.predictions.data()[e]);
        if (probabilities.empty()) continue;
        for (std::size_t r = 0; r < levels; ++r)
          probabilities[now[e] * levels + r] += static_cast<double>(block.probabilities.data()[e * levels + r]);
      }
    }
  }

  void add(Index user, std::span<const Index> items, const std::optional<Rows>& guests, Worker& worker,
           std::span<double> ratings) const override {
    for (std::size_t first = 0; first < items.size(); first += block_pairs) {
      const std::span<const Index> now = items.subspan(first, std::min(block_pairs, items.size() - first));
      gather(user, now, worker);
      score_block(guests, now.size(), false, worker);
      const T* predictions = worker.block<T>().predictions.data();
      for (std::size_t e = 0; e < now.size(); ++e) ratings[first + e] += rating(predictions[e]);
    }
  }

 private:
  /// All users' products are kept if they are so many times as large as all embeddings, as they are with few bases:
  /// a call for a single pair then costs a thirtieth. Else each call multiplies for its own users.
  static constexpr Offset most_products = 4;

  /// Of a user's products.
  Index width() const { return bases_ * row_stride<T>(output_); }

  /// Not clipped, so that what is above the highest level keeps its order.
  double rating(T prediction) const {
    const auto expected = static_cast<double>(prediction);
    return calibration_ ? calibration_->unclipped(expected) : expected;
  }

  /// Makes room for `size` values; there stays what room there was.
  static T* room(Buffer<Cpu, T>& buffer, Cpu& cpu, std::size_t size) {
    if (buffer.size() < static_cast<Offset>(size)) buffer = Buffer<Cpu, T>(cpu, static_cast<Offset>(size));
    return buffer.data();
  }

  static void begin_block(Worker& worker) {
    worker.items.resize(block_pairs + row_alignment / sizeof(Index));  // kernels may read a line behind an array
    worker.users.clear();
    worker.begin.assign(1, 0);
  }
  /// All pairs of a run are at the first level, which is not looked at.
  void end_run(std::size_t end, Worker& worker) const {
    worker.begin.insert(worker.begin.end(), static_cast<std::size_t>(levels_), static_cast<Offset>(end));
  }

  /// The first pairs of `places` as a block. Returns their number.
  std::size_t gather(std::span<const std::size_t> places, std::span<const Pair> pairs, Worker& worker) const {
    begin_block(worker);
    std::size_t taken = 0;
    while (worker.users.size() < block_runs && taken < std::min(places.size(), block_pairs)) {
      const Index user = pairs[places[taken]].first;
      worker.users.push_back(user);
      const std::size_t end = std::min({places.size(), block_pairs, taken + run_pairs});
      for (; taken < end && pairs[places[taken]].first == user; ++taken)
        worker.items[taken] = pairs[places[taken]].second;
      end_run(taken, worker);
    }
    return taken;
  }
  /// Pairs of one user as a block.
  void gather(Index user, std::span<const Index> items, Worker& worker) const {
    begin_block(worker);
    std::copy(items.begin(), items.end(), worker.items.begin());
    for (std::size_t end = 0; end < items.size();) {
      end = std::min(items.size(), end + run_pairs);
      worker.users.push_back(user);
      end_run(end, worker);
    }
  }

  void score_block(const std::optional<Rows>& guests, std::size_t pairs, bool probabilities, Worker& worker) const {
    const bool of_items = guests && guests->side == item_side, of_users = guests && guests->side == user_side;
    project(of_users ? guests->values : std::span<const double>{}, worker);
    predict(of_items ? guest_items(guests->values, worker) : items_.const_view(), pairs, probabilities, worker);
  }

  MatrixView<const T> guest_items(std::span<const double> rows, Worker& worker) const {
    const Index stride = row_stride<T>(output_), count = static_cast<Index>(rows.size()) / output_;
    T* values = room(worker.block<T>().guests, worker.cpu, static_cast<std::size_t>(count) * stride);
    for (Index row = 0; row < count; ++row) copy_row(rows, row, values + Offset{row} * stride);
    return {values, count, output_, stride};
  }
  /// Padded with zeros.
  template <class From>
  void copy_row(std::span<const From> rows, Index row, T* to) const {
    const auto from = rows.subspan(static_cast<std::size_t>(row) * output_, output_);
    T* end = std::transform(from.begin(), from.end(), to, [](From value) { return static_cast<T>(value); });
    std::fill(end, to + row_stride<T>(output_), T{0});
  }

  /// The products of the block's users, who may be guests: copied where they are kept, and where a user has several
  /// runs; the others are multiplied.
  void project(std::span<const double> guests, Worker& worker) const {
    const bool kept = products_ && guests.empty();
    const Index runs = static_cast<Index>(worker.users.size());
    T* products = room(worker.block<T>().products, worker.cpu, block_runs * static_cast<std::size_t>(width()));
    const auto is_again = [&](Index run) { return run > 0 && worker.users[run] == worker.users[run - 1]; };
    worker.to_multiply.clear();
    for (Index run = 0; run < runs; ++run) {
      if (is_again(run)) continue;
      const T* found = kept ? products_.find(worker.users[run]) : nullptr;
      if (found)
        std::copy_n(found, width(), products + Offset{run} * width());
      else
        worker.to_multiply.push_back(run);
    }
    if (!worker.to_multiply.empty()) multiply(guests, kept, products, worker);
    for (Index run = 1; run < runs; ++run)
      if (is_again(run)) std::copy_n(products + Offset{run - 1} * width(), width(), products + Offset{run} * width());
  }

  /// Products (u P_0 | ... | u P_{B-1}) of the runs to multiply, as BilinearDecoder's; keeps them.
  void multiply(std::span<const double> guests, bool keep, T* products, Worker& worker) const {
    typename Worker::template Block<T>& block = worker.block<T>();
    const auto count = static_cast<Index>(worker.to_multiply.size());
    const Index stride = row_stride<T>(output_);
    T* users = room(block.users, worker.cpu, block_runs * static_cast<std::size_t>(stride));
    T* fresh = room(block.fresh, worker.cpu, block_runs * static_cast<std::size_t>(width()));
    for (Index k = 0; k < count; ++k) {
      const Index user = worker.users[worker.to_multiply[k]];
      if (guests.empty())
        copy_row(users_, user, users + k * stride);
      else
        copy_row(guests, user, users + k * stride);
    }
    const MatrixView<const T> basis = basis_.const_view();
    worker.cpu.run(Multiply<T>{.a = {users, count, output_, stride},
                               .b = {basis.data, bases_, output_, output_, basis.stride},
                               .c = {fresh, count, width(), width()}});
    for (Index k = 0; k < count; ++k) {
      const Index run = worker.to_multiply[k];
      std::copy_n(fresh + Offset{k} * width(), width(), products + Offset{run} * width());
      if (keep) products_.keep(worker.users[run], fresh + Offset{k} * width());
    }
  }

  /// Expected ratings of the block's pairs, and their probabilities where they are wanted. A run is a chunk.
  void predict(MatrixView<const T> items, std::size_t pairs, bool probabilities, Worker& worker) const {
    static constexpr auto chunk_begin = [] {
      std::array<Index, block_runs + 1> numbers{};
      for (std::size_t k = 0; k < numbers.size(); ++k) numbers[k] = static_cast<Index>(k);
      return numbers;
    }();
    const auto runs = static_cast<Index>(worker.users.size());
    typename Worker::template Block<T>& block = worker.block<T>();
    T* predictions = room(block.predictions, worker.cpu, block_pairs);
    T* chances = probabilities ? room(block.probabilities, worker.cpu, block_pairs * static_cast<std::size_t>(levels_))
                               : nullptr;
    worker.cpu.run(Predict<T>{.pairs = {.receivers = runs,
                                        .sources = items.rows,
                                        .levels = levels_,
                                        .largest_row = static_cast<Index>(std::min(pairs, run_pairs)),
                                        .begin = worker.begin.data(),
                                        .end = worker.begin.data() + 1,
                                        .source = worker.items.data(),
                                        .entries = static_cast<Offset>(pairs)},
                              .chunk_begin = chunk_begin.data(),
                              .chunks = runs,
                              .bases = bases_,
                              .user_basis = {block.products.data(), runs, width(), width()},
                              .items = items,
                              .coefficients = coefficients_.const_view().data,
                              .values = values_.data(),
                              .predictions = predictions,
                              .probabilities = chances});
  }

  Cpu memory_{1};  ///< of the arrays below, which are not written after construction
  Index levels_, bases_ = 0, output_ = 0;
  std::span<const T> users_;
  Matrix<Cpu, T> basis_, items_, coefficients_;
  KeptRows<T> products_;  ///< of users, where there is room for all
  Buffer<Cpu, T> values_;
  std::optional<Calibration> calibration_;
};

}  // namespace gcmc
