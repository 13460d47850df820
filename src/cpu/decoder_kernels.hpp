// The fused bilinear decoder: scores, softmax, loss and every gradient of a user's pairs in one pass, batch after
// batch; no array has the size of the edges.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

#include "pair_scores.hpp"

namespace gcmc {
namespace {

/// Vectors of columns that one pass over a batch holds in registers: basis and gradient of two bases each.
constexpr int gradient_width = vector_bytes == 64 ? 5 : 2;

/// For columns of `width` vectors: dQ_s += sum over j of y[s][j] z_j,  dz_j += sum over s of y[s][j] q_s.
/// Row j of the items and of their gradient is at offset rows[j]. On the way, asks for the next batch's items.
template <class T, int n_bases, int width>
GCMC_INLINE void pair_gradients(const T* basis, T* basis_gradient, Index block_stride, const T* items, T* item_gradient,
                                const Offset* rows, const T* y, int n) {
  Vector<T> q[n_bases][width], dq[n_bases][width];
  for (int s = 0; s < n_bases; ++s)
    for (int v = 0; v < width; ++v) {
      q[s][v] = load(basis + s * block_stride + v * lanes<T>);
      dq[s][v] = load(basis_gradient + s * block_stride + v * lanes<T>);
    }
  for (int j = 0; j < n; ++j) {
    Vector<T> by[n_bases];
    for (int s = 0; s < n_bases; ++s) by[s] = broadcast(y[s * batch_pairs<T> + j]);
    const T* row = items + rows[j];
    const T* next = items + rows[j + batch_pairs<T>];
    T* row_gradient = item_gradient + rows[j];
    for (int v = 0; v < width; ++v) {
      Vector<T> z = load(row + v * lanes<T>);
      load_once(z);
      if (v * vector_bytes % 64 == 0) __builtin_prefetch(next + v * lanes<T>);
      Vector<T> dz = load(row_gradient + v * lanes<T>);
      for (int s = 0; s < n_bases; ++s) {
        dq[s][v] += by[s] * z;
        dz += by[s] * q[s][v];
      }
      store(row_gradient + v * lanes<T>, dz);
    }
  }
  for (int s = 0; s < n_bases; ++s)
    for (int v = 0; v < width; ++v) store(basis_gradient + s * block_stride + v * lanes<T>, dq[s][v]);
}

template <class T, int n_bases, int width = gradient_width>
GCMC_INLINE void batch_gradients(const T* basis, T* basis_gradient, Index block_stride, const T* items,
                                 T* item_gradient, const Offset* rows, int vectors, const T* y, int n) {
  int v = 0;
  for (; v + width <= vectors; v += width) {
    const Offset at = v * lanes<T>;
    pair_gradients<T, n_bases, width>(basis + at, basis_gradient + at, block_stride, items + at, item_gradient + at,
                                      rows, y, n);
  }
  if constexpr (width > 1)
    if (v < vectors) {
      const Offset at = v * lanes<T>;
      batch_gradients<T, n_bases, width - 1>(basis + at, basis_gradient + at, block_stride, items + at,
                                             item_gradient + at, rows, vectors - v, y, n);
    }
}

/// Label smoothing, by what a level's weight is more than [level = label]: the loss takes it times the level's logit,
/// and p has it taken off, so that p less [level = label] is the gradient. Not inlined: few use it.
template <class T>
__attribute__((noinline)) void smooth_labels(const Decode<T>& op, Integers<T> label, PairScratch<T>& own,
                                             Softmax<T>& soft) {
  const Index levels = op.pairs.levels, stride = row_stride<T>(levels);
  for (Index r = 0; r < levels; ++r) {
    Vector<T> more{}, logit{};
    for (Index of = r - 1; of <= r + 1; ++of)
      more = select<T>(label == static_cast<Element<Integers<T>>>(of),
                       broadcast(level_weight(r, of, levels, op.smoothing) - (of == r ? T{1} : T{0})), more);
    for (Index s = 0; s < op.bases; ++s) logit += op.coefficients[Offset{s} * stride + r] * own.x[s];
    soft.label_logit += more * logit;
    own.p[r] -= more * soft.total;
  }
}

/// From the softmax of the batch's vector `part` to y[s][part] = dLoss/dx_s; adds to the coefficients' gradient.
template <class T, class Levels>
GCMC_INLINE void logit_gradients(const Decode<T>& op, const Softmax<T>& soft, Integers<T> label, Integers<T> valid,
                                 Levels levels, T per_pair, PairScratch<T>& own, int part) {
  const Index stride = row_stride<T>(levels);
  const Vector<T> scale = select<T>(valid, broadcast(per_pair), Vector<T>{}), by = soft.inverse_total * scale;
  for_bases_by_twos(
      op.bases, [&](Index first, auto n) __attribute__((always_inline)) {
        Vector<T> y[n] = {};
        for (Index r = 0; r < levels; ++r) {
          const Integers<T> is_label = label == static_cast<Element<Integers<T>>>(r);
          const Vector<T> d = own.p[r] * by - select<T>(is_label, scale, Vector<T>{});
          for (int s = 0; s < n; ++s) {
            y[s] += d * op.coefficients[Offset{first + s} * stride + r];
            own.coefficient_gradient[Offset{first + s} * levels + r] += d * own.x[first + s];
          }
        }
        for (int s = 0; s < n; ++s) own.y[(first + s) * own.batch_vectors + part] = y[s];
      });
}

/// y of the batch's vector `part`, whose `n` pairs begin at `first`.
template <class T, class Levels, class Vectors>
GCMC_INLINE void score_gradients(const Decode<T>& op, const T* basis, Offset first, Offset n, int part, Levels levels,
                                 Vectors vectors, T per_pair, const T* item_gradient, PairScratch<T>& own,
                                 ChunkSums<T>& sums) {
  const Offset* rows = own.pairs.rows + first;
  all_dots<T>(
      basis, op.items.stride, op.bases, op.items.data, rows, vectors,
      own.x, [&](int j) __attribute__((always_inline)) { prefetch_row(item_gradient + rows[j], vectors); });
  const Integers<T> label = own.pairs.labels(first), valid = first_lanes<T>(n);
  Softmax<T> soft =
      softmax<T>(op.coefficients, op.bases, row_stride<T>(levels), levels, op.values, own.x, label, own.p);
  if (op.smoothing > 0) smooth_labels(op, label, own, soft);
  sums.add(soft, valid);
  logit_gradients(op, soft, label, valid, levels, per_pair, own, part);
}

/// Adds the pairs collected in `own` to the user's and the items' gradients.
template <class T, class Levels, class Vectors>
void decode_user(const Decode<T>& op, Offset user, Levels levels, Vectors vectors, T per_pair, T* item_gradient,
                 PairScratch<T>& own, ChunkSums<T>& sums) {
  const Index stride = op.items.stride;
  const T* basis = op.user_basis.row(user);
  T* basis_gradient = op.user_basis_gradient.row(user);
  std::memset(basis_gradient, 0, sizeof(T) * static_cast<std::size_t>(op.user_basis_gradient.stride));
  own.pairs.collect(op.pairs, user);
  for (Offset first = 0; first < own.pairs.count; first += batch_pairs<T>) {
    const int n = static_cast<int>(smaller(batch_pairs<T>, own.pairs.count - first));
    for (int part = 0; part * lanes<T> < n; ++part)
      score_gradients(op, basis, first + part * lanes<T>, n - part * lanes<T>, part, levels, vectors, per_pair,
                      item_gradient, own, sums);
    const T* y = reinterpret_cast<const T*>(own.y);
    for_bases_by_twos(
        op.bases, [&](Index s, auto n_bases) __attribute__((always_inline)) {
          const Offset at = Offset{s} * stride;
          batch_gradients<T, decltype(n_bases)::value>(basis + at, basis_gradient + at, stride, op.items.data,
                                                       item_gradient, own.pairs.rows + first, vectors,
                                                       y + s * batch_pairs<T>, n);
        });
  }
}

/// Lets chunks be computed side by side and taken in order: `take(chunk)` is called once for each, by one thread at a
/// time. At most `ahead` <= 64 chunks that are not taken yet may have begun, so that as many buffers do.
template <class Take>
class InOrder {
 public:
  InOrder(Offset ahead, const Take& take) : ahead_(ahead), take_(take) {}
  void begin(Offset chunk) const {
    while (chunk - taken_ >= ahead_) std::this_thread::yield();
  }
  void finish(Offset chunk) {
    const std::lock_guard lock(mutex_);
    for (finished_ |= std::uint64_t{1} << (chunk - taken_); finished_ & 1; finished_ >>= 1, ++taken_) take_(taken_);
  }

 private:
  const Offset ahead_;
  const Take& take_;
  std::mutex mutex_;
  std::uint64_t finished_ = 0;  ///< bit k: chunk taken_ + k
  std::atomic<Offset> taken_{0};
};

/// sums = x for the first chunk, sums += x for the others.
template <class T>
void add_chunk(Offset chunk, const T* x, Offset count, T* sums) {
  if (chunk == 0)
    std::memcpy(sums, x, sizeof(T) * static_cast<std::size_t>(count));
  else
    for (Offset k = 0; k < count; k += lanes<T>) store(sums + k, load(sums + k) + load(x + k));
}

/// One chunk's pairs, with its sums: the items' and the coefficients' gradients, which it overwrites.
template <class T>
DecodeSums decode_chunk(const Decode<T>& op, Offset chunk, T per_pair, PairScratch<T>& own, T* item_gradient,
                        T* coefficient_gradient) {
  const Index levels = op.pairs.levels;
  const Offset coefficients = Offset{op.bases} * levels;
  for (Offset k = 0; k < coefficients; ++k) own.coefficient_gradient[k] = Vector<T>{};
  std::memset(item_gradient, 0, sizeof(T) * static_cast<std::size_t>(Offset{op.items.rows} * op.items.stride));
  ChunkSums<T> sums(levels);
  with_levels(levels, [&](auto count) {
    with_vectors<T>(op.items.stride, [&](auto vectors) {
      for (Offset user = op.chunk_begin[chunk]; user < op.chunk_begin[chunk + 1]; ++user)
        decode_user(op, user, count, vectors, per_pair, item_gradient, own, sums);
    });
  });
  sums.flush();
  for (Offset k = 0; k < coefficients; ++k) coefficient_gradient[k] = sum_lanes<T>(own.coefficient_gradient[k]);
  return {0, sums.cross_entropy, sums.squared_error, 0, 0};
}

template <class T>
void decode(const Decode<T>& op, CpuContext& context) {
  const Index levels = op.pairs.levels, largest = op.pairs.largest_row;
  const Offset own_size = PairScratch<T>::size(levels, op.bases, largest);
  const Offset item_size = Offset{op.items.rows} * op.items.stride;
  const Offset ahead = smaller(smaller(op.chunks, context.threads + 1), 64);
  const Offset coefficient_room = round_up(Offset{op.bases} * levels, 64);
  const PerThread<std::byte> memory = context.scratch_per_thread<std::byte>(0, own_size);
  T* item_parts = context.scratch_of<T>(1, ahead * item_size);
  T* coefficient_parts = context.scratch_of<T>(2, ahead * (coefficient_room + 64));
  auto* sums_of = reinterpret_cast<DecodeSums*>(coefficient_parts + ahead * coefficient_room);
  const T per_pair = *op.count ? static_cast<T>(1.0 / static_cast<double>(*op.count)) : T{0};
  DecodeSums total{static_cast<double>(*op.count), 0, 0, 0, 0};
  const auto take = [&](Offset chunk) {
    const Offset part = chunk % ahead;
    add_chunk(chunk, item_parts + part * item_size, item_size, op.item_gradient.data);
    for (Index s = 0; s < op.bases; ++s)
      for (Index r = 0; r < levels; ++r) {
        T& sum = op.coefficient_gradient[Offset{s} * row_stride<T>(levels) + r];
        const T of_chunk = coefficient_parts[part * coefficient_room + Offset{s} * levels + r];
        sum = chunk == 0 ? of_chunk : sum + of_chunk;
      }
    total.cross_entropy += sums_of[part].cross_entropy;
    total.squared_error += sums_of[part].squared_error;
  };
  InOrder order(ahead, take);
  std::atomic<Offset> next{0};
  for_each_task_with_thread(context, context.threads, [&](Offset, int thread) {
    PairScratch<T> own(memory.of(thread), levels, op.bases, largest, op.items.stride);
    for (Offset chunk = next++; chunk < op.chunks; chunk = next++) {
      order.begin(chunk);
      const Offset part = chunk % ahead;
      sums_of[part] = decode_chunk(op, chunk, per_pair, own, item_parts + part * item_size,
                                   coefficient_parts + part * coefficient_room);
      order.finish(chunk);
    }
  });
  *op.sums = total;
}

}  // namespace
}  // namespace gcmc
