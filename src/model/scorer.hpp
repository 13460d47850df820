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

/// One call's memory and processor; kept for later calls, so that what it allocates stays.
struct Predictor::Memory {
  explicit Memory(const std::string& isa) : cpu(1, isa) {}

  template <class T>
  std::vector<T>& values() {
    if constexpr (sizeof(T) == sizeof(float))
      return single;
    else
      return twice;
  }

  Cpu cpu;
  std::vector<std::size_t> order;  ///< places of the pairs whose ids are known, by user
  std::vector<Index> items;
  std::vector<Offset> begin;
  std::vector<float> single;
  std::vector<double> twice;

  std::vector<char> rated;  ///< recommend(): of each item; the pairs that are left, their ratings, and all ordered
  std::vector<Pair> pairs;
  std::vector<double> ratings;
  std::vector<Recommendation> best;
};

/// Lends each call a Memory of its own: as many are made as calls run at once.
class Predictor::Lender {
 public:
  /// All compute with this instruction set.
  explicit Lender(std::string isa) : isa_(std::move(isa)) {}

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
    return std::make_unique<Memory>(isa_);
  }
  void give_back(std::unique_ptr<Memory> memory) noexcept {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(memory));
  }

  std::string isa_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Memory>> free_;
  std::size_t made_ = 0;
};

/// Scores known pairs by one model; hides the element type.
class Predictor::Scorer {
 public:
  virtual ~Scorer() = default;
  /// Adds to ratings[k] and, where there are any, to row k of `probabilities`, for every k in memory.order, in which
  /// pairs of a user stand together.
  virtual void add(std::span<const Pair> pairs, Memory& memory, std::span<double> ratings,
                   std::span<double> probabilities) const = 0;
};

template <class T>
class Predictor::TypedScorer final : public Predictor::Scorer {
 public:
  /// `cpu` multiplies.
  TypedScorer(Cpu& cpu, const SavedModel& model)
      : levels_(static_cast<Index>(model.levels.size())),
        values_(memory_, {model.levels.begin(), model.levels.end()}),
        calibration_(model.calibration()) {
    const auto users = static_cast<Index>(model.user_ids.size()), items = static_cast<Index>(model.item_ids.size());
    const std::vector<Offset>& shape = model.tensor("decoder.basis").shape;
    require(shape.size() == 3 && shape[0] > 0 && shape[1] > 0,
            [&] { return "saved model: tensor \"decoder.basis\" has shape " + shape_text(shape) + ", not [B, D, D]"; });
    bases_ = static_cast<Index>(shape[0]);
    const auto output = static_cast<Index>(shape[1]);
    const std::vector<T>& basis = model.values<T>("decoder.basis", {bases_, output, output});
    items_ = Matrix<Cpu, T>(memory_, items, output);
    items_.set(model.values<T>("item_embedding", {items, output}));
    coefficients_ = Matrix<Cpu, T>(memory_, bases_, levels_);
    coefficients_.set(model.values<T>("decoder.coefficients", {bases_, levels_}));
    Matrix<Cpu, T> user(cpu, users, output), p(cpu, bases_ * output, output);
    user.set(model.values<T>("user_embedding", {users, output}));
    p.set(basis);
    user_basis_ = Matrix<Cpu, T>(memory_, users, bases_ * row_stride<T>(output));
    const MatrixView<const T> all = p.const_view();
    cpu.run(Multiply<T>{
        .a = user.const_view(), .b = {all.data, bases_, output, output, all.stride}, .c = user_basis_.view()});
  }

  /// Runs of pairs with the same user, an operation each: the cost of a call is that of its pairs, not of all users.
  void add(std::span<const Pair> pairs, Memory& memory, std::span<double> ratings,
           std::span<double> probabilities) const override {
    const std::vector<std::size_t>& order = memory.order;
    for (std::size_t first = 0, last = 0; first < order.size(); first = last) {
      const Index user = pairs[order[first]].first;
      while (last < order.size() && last < first + most_pairs && pairs[order[last]].first == user) ++last;
      const std::span<const std::size_t> places(order.data() + first, last - first);
      const T* values = score_user(user, places, pairs, memory, !probabilities.empty());
      for (std::size_t e = 0; e < places.size(); ++e) {
        const auto expected = static_cast<double>(values[e]);
        if (!ratings.empty()) ratings[places[e]] += calibration_ ? (*calibration_)(expected) : expected;
        if (probabilities.empty()) continue;
        const auto levels = static_cast<std::size_t>(levels_);
        for (std::size_t r = 0; r < levels; ++r)
          probabilities[places[e] * levels + r] += static_cast<double>(values[most_pairs + e * levels + r]);
      }
    }
  }

 private:
  static constexpr std::size_t most_pairs = 1024;  ///< of one operation

  /// Expected ratings of the user's pairs, and from most_pairs on their probabilities.
  const T* score_user(Index user, std::span<const std::size_t> places, std::span<const Pair> pairs, Memory& memory,
                      bool probabilities) const {
    memory.items.resize(most_pairs + row_alignment / sizeof(Index));  // kernels may read a line behind an array
    for (std::size_t e = 0; e < places.size(); ++e) memory.items[e] = pairs[places[e]].second;
    const auto count = static_cast<Index>(places.size());
    memory.begin.assign(static_cast<std::size_t>(levels_) + 1, count);  // all at the first level: it is not looked at
    memory.begin[0] = 0;
    std::vector<T>& values = memory.values<T>();
    values.resize(std::max(values.size(), most_pairs * (1 + (probabilities ? static_cast<std::size_t>(levels_) : 0))));
    const Index chunk_begin[] = {0, 1};
    const MatrixView<const T> all = user_basis_.const_view();
    memory.cpu.run(Predict<T>{.pairs = {.receivers = 1,
                                        .sources = items_.view().rows,
                                        .levels = levels_,
                                        .largest_row = count,
                                        .begin = memory.begin.data(),
                                        .end = memory.begin.data() + 1,
                                        .source = memory.items.data(),
                                        .entries = count},
                              .chunk_begin = chunk_begin,
                              .chunks = 1,
                              .bases = bases_,
                              .user_basis = {all.row(user), 1, all.columns, all.stride},
                              .items = items_.const_view(),
                              .coefficients = coefficients_.const_view().data,
                              .values = values_.data(),
                              .predictions = values.data(),
                              .probabilities = probabilities ? values.data() + most_pairs : nullptr});
    return values.data();
  }

  Cpu memory_{1};  ///< of the arrays below, which are not written after construction
  Index levels_, bases_ = 0;
  Matrix<Cpu, T> user_basis_, items_, coefficients_;
  Buffer<Cpu, T> values_;
  std::optional<Calibration> calibration_;
};

}  // namespace gcmc
