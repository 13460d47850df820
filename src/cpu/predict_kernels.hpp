// The bilinear decoder without gradients: predictions, probabilities and sums over the pairs.
#pragma once

#include "pair_scores.hpp"

namespace gcmc {
namespace {

/// Writes what is wanted of one batch's n pairs.
template <class T>
void write_batch(const Predict<T>& op, const Softmax<T>& soft, const Vector<T>* p, Offset at, int n) {
  const Index levels = op.pairs.levels;
  for (int j = 0; j < n; ++j) {
    if (op.predictions) op.predictions[at + j] = soft.prediction[j];
    if (op.probabilities)
      for (Index r = 0; r < levels; ++r) op.probabilities[(at + j) * levels + r] = p[r][j] * soft.inverse_total[j];
  }
}

/// The most likely level of each lane; of equals the lowest.
template <class T, class Levels>
GCMC_INLINE Integers<T> most_likely(const Vector<T>* p, Levels levels) {
  Integers<T> best{};
  Vector<T> largest = p[0];
  for (Index r = 1; r < levels; ++r) {
    const Integers<T> more = p[r] > largest;
    largest = select<T>(more, p[r], largest);
    best = (more & (Integers<T>{} + static_cast<Element<Integers<T>>>(r))) | (~more & best);
  }
  return best;
}

template <class T, class Levels, class Vectors>
void predict_user(const Predict<T>& op, Offset user, Levels levels, Vectors vectors, PairScratch<T>& own,
                  ChunkSums<T>& sums) {
  const Index stride = op.items.stride;
  own.pairs.collect(op.pairs, user);
  const Offset begin = op.pairs.begin[user * levels];
  for (Offset first = 0; first < own.pairs.count; first += lanes<T>) {
    const int n = static_cast<int>(smaller(lanes<T>, own.pairs.count - first));
    const Offset* rows = own.pairs.rows + first;
    all_dots<T>(
        op.user_basis.row(user), stride, op.bases, op.items.data, rows, vectors,
        own.x, [&](int j) __attribute__((always_inline)) {
          prefetch_row(op.items.data + rows[j + lanes<T>], vectors);
        });
    const Integers<T> label = own.pairs.labels(first), valid = first_lanes<T>(n);
    const Softmax<T> soft =
        softmax<T>(op.coefficients, op.bases, row_stride<T>(levels), levels, op.values, own.x, label, own.p);
    if (op.sums) {
      sums.add_guess(soft, most_likely<T>(own.p, levels) == label, valid);
      sums.add(soft, valid);
    }
    if (op.predictions || op.probabilities) write_batch(op, soft, own.p, begin + first, n);
  }
}

template <class T>
void predict(const Predict<T>& op, CpuContext& context) {
  const Index levels = op.pairs.levels, largest = op.pairs.largest_row;
  const Offset own_size = PairScratch<T>::size(levels, op.bases, largest);
  const PerThread<std::byte> memory = context.scratch_per_thread<std::byte>(0, own_size);
  auto* sums_of = context.scratch_of<DecodeSums>(2, op.chunks);
  for_each_task_with_thread(context, op.chunks, [&](Offset chunk, int thread) {
    PairScratch<T> own(memory.of(thread), levels, op.bases, largest, op.items.stride);
    ChunkSums<T> sums(levels);
    Offset count = 0;
    with_levels(levels, [&](auto level_count) {
      with_vectors<T>(op.items.stride, [&](auto vectors) {
        for (Offset user = op.chunk_begin[chunk]; user < op.chunk_begin[chunk + 1]; ++user) {
          predict_user(op, user, level_count, vectors, own, sums);
          count += own.pairs.count;
        }
      });
    });
    if (!op.sums) return;
    sums.flush();
    sums_of[chunk] = {static_cast<double>(count), sums.cross_entropy, sums.squared_error, sums.absolute_error,
                      sums.correct};
  });
  if (!op.sums) return;
  DecodeSums total;
  for (Index chunk = 0; chunk < op.chunks; ++chunk) {
    total.count += sums_of[chunk].count;
    total.cross_entropy += sums_of[chunk].cross_entropy;
    total.squared_error += sums_of[chunk].squared_error;
    total.absolute_error += sums_of[chunk].absolute_error;
    total.correct += sums_of[chunk].correct;
  }
  *op.sums = total;
}

}  // namespace
}  // namespace gcmc
