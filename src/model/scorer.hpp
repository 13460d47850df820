// What a Predictor holds: of each model what scores pairs, never changed; and the memory that one call works in.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gcmc/cpu.hpp"
#include "gcmc/layers/bilinear_decoder.hpp"
#include "gcmc/model/predictor.hpp"

namespace gcmc {

/// An operation scores a block of runs, a run being some pairs of one user: so many at most.
inline constexpr std::size_t block_runs = 64, block_pairs = 8192, run_pairs = 1024;

/// Embeddings that stand for the nodes of one side: pairs count their rows.
struct Predictor::Guests {
  Side side = user_side;
  std::vector<std::span<const double>> rows{};  ///< of each model
};

/// Of each model, by side; made when they are first asked for.
struct Predictor::Encoders {
  std::array<std::once_flag, 2> once;
  std::array<std::vector<FoldIn>, 2> of;
};

/// One call's memory and processor; kept for later calls, so that what it allocates stays.
struct Predictor::Memory {
  Memory(int threads, const std::string& isa) : cpu(threads, isa) {}

  /// Of a block.
  template <class T>
  struct Block {
    Buffer<Cpu, T> users, products;  ///< [runs]: embeddings, and what they are times the bases
    Buffer<Cpu, T> guests;           ///< in the items' place
    Buffer<Cpu, T> predictions, probabilities;
  };
  template <class T>
  Block<T>& block() {
    if constexpr (sizeof(T) == sizeof(float))
      return single;
    else
      return twice;
  }

  Cpu cpu;
  std::vector<std::size_t> order;  ///< places of the pairs whose ids are known, by user
  std::vector<std::size_t> begin_of_user;
  std::vector<Index> users;   ///< of a block's runs
  std::vector<Index> items;   ///< of its pairs
  std::vector<Offset> begin;  ///< of its runs and their levels, among the items
  Block<float> single;
  Block<double> twice;

  std::vector<char> allowed, wanted;  ///< recommend(): items that the options allow; those of one user
  std::vector<Pair> pairs;            ///< of all users of a batch
  std::vector<std::size_t> ends;      ///< of each user's pairs
  std::vector<double> ratings;        ///< of the pairs
  std::vector<Recommendation> best;   ///< of one user
};

/// Lends each call a Memory of its own: as many are made as calls run at once.
class Predictor::Lender {
 public:
  /// All compute on so many threads, with the instruction set of the first.
  explicit Lender(int threads) : threads_(threads) {
    free_.push_back(std::make_unique<Memory>(threads, ""));
    isa_ = free_.front()->cpu.isa();
  }

  /// Lent while it lives.
  class Loan {
   public:
    explicit Loan(Lender& lender) : lender_(lender), memory_(lender.take()) {}
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    ~Loan() { lender_.give_back(std::move(memory_)); }
    Memory& operator*() const { return *memory_; }

   private:
    Lender& lender_;
    std::unique_ptr<Memory> memory_;
  };

 private:
  std::unique_ptr<Memory> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        auto memory = std::move(free_.back());
        free_.pop_back();
        return memory;
      }
      free_.reserve(++made_);  // so that none is lost when it comes back
    }
    return std::make_unique<Memory>(threads_, isa_);
  }
  void give_back(std::unique_ptr<Memory> memory) noexcept {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(memory));
  }

  int threads_;
  std::string isa_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Memory>> free_;
  std::size_t made_ = 1;
};

/// Scores known pairs by one model; hides the element type.
class Predictor::Scorer {
 public:
  virtual ~Scorer() = default;
  /// Rows of embeddings in place of a side's.
  struct Rows {
    Side side = user_side;
    std::span<const double> values{};
  };
  /// Adds to ratings[k] and, where there are any, to row k of `probabilities`, for every k in memory.order, in which
  /// pairs of a user stand together.
  virtual void add(std::span<const Pair> pairs, const std::optional<Rows>& guests, Memory& memory,
                   std::span<double> ratings, std::span<double> probabilities) const = 0;
};

template <class T>
class Predictor::TypedScorer final : public Predictor::Scorer {
 public:
  /// The model must outlive it. `cpu` multiplies.
  TypedScorer(Cpu& cpu, const SavedModel& model)
      : levels_(static_cast<Index>(model.levels.size())),
        values_(memory_, {model.levels.begin(), model.levels.end()}),
        calibration_(model.calibration()) {
    const auto users = static_cast<Index>(model.user_ids.size()), items = static_cast<Index>(model.item_ids.size());
    const std::vector<Offset>& shape = model.tensor("decoder.basis").shape;
    require(shape.size() == 3 && shape[0] > 0 && shape[1] > 0,
            [&] { return "saved model: tensor \"decoder.basis\" has shape " + shape_text(shape) + ", not [B, D, D]"; });
    bases_ = static_cast<Index>(shape[0]);
    output_ = static_cast<Index>(shape[1]);
    basis_ = Matrix<Cpu, T>(memory_, bases_ * output_, output_);
    basis_.set(model.values<T>("decoder.basis", {bases_, output_, output_}));
    users_ = model.values<T>("user_embedding", {users, output_});
    items_ = Matrix<Cpu, T>(memory_, items, output_);
    items_.set(model.values<T>("item_embedding", {items, output_}));
    coefficients_ = Matrix<Cpu, T>(memory_, bases_, levels_);
    coefficients_.set(model.values<T>("decoder.coefficients", {bases_, levels_}));
    if (Offset{users} * width() > most_products * (Offset{users} + items) * output_) return;
    Matrix<Cpu, T> all(cpu, users, output_);
    all.set({users_.begin(), users_.end()});
    products_ = Matrix<Cpu, T>(memory_, users, width());
    multiply(cpu, all.const_view(), products_.view());
  }

  /// A block at a time: the cost of a call is that of its pairs and their users, not of all users.
  void add(std::span<const Pair> pairs, const std::optional<Rows>& guests, Memory& memory, std::span<double> ratings,
           std::span<double> probabilities) const override {
    const auto levels = static_cast<std::size_t>(levels_);
    const MatrixView<const T> items =
        guests && guests->side == item_side ? guest_items(guests->values, memory) : items_.const_view();
    const std::span<const double> users =
        guests && guests->side == user_side ? guests->values : std::span<const double>{};
    for (std::span<const std::size_t> left = memory.order; !left.empty();) {
      const std::span<const std::size_t> places = left.first(gather(left, pairs, memory));
      left = left.subspan(places.size());
      project(memory, users);
      predict(memory, items, places.size(), !probabilities.empty());
      const typename Memory::template Block<T>& block = memory.block<T>();
      for (std::size_t e = 0; e < places.size(); ++e) {
        const auto expected = static_cast<double>(block.predictions.data()[e]);
        if (!ratings.empty()) ratings[places[e]] += calibration_ ? (*calibration_)(expected) : expected;
        if (probabilities.empty()) continue;
        for (std::size_t r = 0; r < levels; ++r)
          probabilities[places[e] * levels + r] += static_cast<double>(block.probabilities.data()[e * levels + r]);
      }
    }
  }

 private:
  /// All users' products are kept if they are so many times as large as all embeddings, as they are with few bases:
  /// a call for a single pair then costs a thirtieth. Else each call multiplies for its own users.
  static constexpr Offset most_products = 4;

  /// Of a user's products.
  Index width() const { return bases_ * row_stride<T>(output_); }

  /// products = (U P_0 | ... | U P_{B-1}), as BilinearDecoder's.
  void multiply(Cpu& cpu, MatrixView<const T> users, MatrixView<T> products) const {
    const MatrixView<const T> basis = basis_.const_view();
    cpu.run(Multiply<T>{.a = users, .b = {basis.data, bases_, output_, output_, basis.stride}, .c = products});
  }

  /// Makes room for `size` values; there stays what room there was.
  static T* room(Buffer<Cpu, T>& buffer, Cpu& cpu, std::size_t size) {
    if (buffer.size() < static_cast<Offset>(size)) buffer = Buffer<Cpu, T>(cpu, static_cast<Offset>(size));
    return buffer.data();
  }

  /// The first pairs of `order` as a block in memory. Returns their number.
  std::size_t gather(std::span<const std::size_t> order, std::span<const Pair> pairs, Memory& memory) const {
    memory.items.resize(block_pairs + row_alignment / sizeof(Index));  // kernels may read a line behind an array
    memory.users.clear();
    memory.begin.assign(1, 0);
    std::size_t taken = 0;
    while (memory.users.size() < block_runs && taken < std::min(order.size(), block_pairs)) {
      const Index user = pairs[order[taken]].first;
      memory.users.push_back(user);
      const std::size_t end = std::min({order.size(), block_pairs, taken + run_pairs});
      for (; taken < end && pairs[order[taken]].first == user; ++taken)
        memory.items[taken] = pairs[order[taken]].second;
      // All pairs are at the first level, which is not looked at.
      memory.begin.insert(memory.begin.end(), static_cast<std::size_t>(levels_), static_cast<Offset>(taken));
    }
    return taken;
  }

  MatrixView<const T> guest_items(std::span<const double> rows, Memory& memory) const {
    const Index stride = row_stride<T>(output_), count = static_cast<Index>(rows.size()) / output_;
    T* values = room(memory.block<T>().guests, memory.cpu, static_cast<std::size_t>(count) * stride);
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

  /// The products of the block's users, who may be guests, into memory.
  void project(Memory& memory, std::span<const double> guests) const {
    const auto runs = static_cast<Index>(memory.users.size());
    const Index stride = row_stride<T>(output_);
    typename Memory::template Block<T>& block = memory.block<T>();
    T* products = room(block.products, memory.cpu, block_runs * static_cast<std::size_t>(width()));
    if (products_ && guests.empty()) {
      const MatrixView<const T> all = products_.const_view();
      for (Index run = 0; run < runs; ++run) std::copy_n(all.row(memory.users[run]), width(), products + run * width());
      return;
    }
    T* users = room(block.users, memory.cpu, block_runs * static_cast<std::size_t>(stride));
    for (Index run = 0; run < runs; ++run)
      if (guests.empty())
        copy_row(users_, memory.users[run], users + run * stride);
      else
        copy_row(guests, memory.users[run], users + run * stride);
    multiply(memory.cpu, {users, runs, output_, stride}, {products, runs, width(), width()});
  }

  /// Expected ratings of the block's pairs, and their probabilities where they are wanted. A run is a chunk.
  void predict(Memory& memory, MatrixView<const T> items, std::size_t pairs, bool probabilities) const {
    static constexpr auto chunk_begin = [] {
      std::array<Index, block_runs + 1> numbers{};
      for (std::size_t k = 0; k < numbers.size(); ++k) numbers[k] = static_cast<Index>(k);
      return numbers;
    }();
    const auto runs = static_cast<Index>(memory.users.size());
    typename Memory::template Block<T>& block = memory.block<T>();
    T* predictions = room(block.predictions, memory.cpu, block_pairs);
    T* chances = probabilities ? room(block.probabilities, memory.cpu, block_pairs * static_cast<std::size_t>(levels_))
                               : nullptr;
    memory.cpu.run(Predict<T>{.pairs = {.receivers = runs,
                                        .sources = items.rows,
                                        .levels = levels_,
                                        .largest_row = static_cast<Index>(std::min(pairs, run_pairs)),
                                        .begin = memory.begin.data(),
                                        .end = memory.begin.data() + 1,
                                        .source = memory.items.data(),
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
  Matrix<Cpu, T> products_;  ///< of all users, where they are kept
  Buffer<Cpu, T> values_;
  std::optional<Calibration> calibration_;
};

}  // namespace gcmc
