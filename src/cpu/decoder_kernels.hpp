// The fused bilinear decoder: scores, softmax, loss and every gradient of a user's pairs in one pass, and the pass
// without gradients. Pairs are taken in batches of one vector; no array has the size of the edges.
#pragma once

#include "pair_scores.hpp"

namespace gcmc {
namespace {

/// For columns of `width` vectors: dQ_s += sum over j of y[s][j] z_j,  dz_j += sum over s of y[s][j] q_s.
template <class T, int n_bases, int width>
GCMC_INLINE void pair_gradients(const T* basis, T* basis_gradient, Index block_stride, const T* const* rows,
                                T* const* row_gradients, const T* y, int n) {
  Vector<T> q[n_bases][width], dq[n_bases][width];
  for (int s = 0; s < n_bases; ++s)
    for (int v = 0; v < width; ++v) {
      q[s][v] = load(basis + s * block_stride + v * lanes<T>);
      dq[s][v] = load(basis_gradient + s * block_stride + v * lanes<T>);
    }
  for (int j = 0; j < n; ++j) {
    Vector<T> by[n_bases];
    for (int s = 0; s < n_bases; ++s) by[s] = broadcast(y[s * lanes<T> + j]);
    for (int v = 0; v < width; ++v) {
      const Vector<T> z = load(rows[j] + v * lanes<T>);
      Vector<T> dz = load(row_gradients[j] + v * lanes<T>);
      for (int s = 0; s < n_bases; ++s) {
        dq[s][v] += by[s] * z;
        dz += by[s] * q[s][v];
      }
      store(row_gradients[j] + v * lanes<T>, dz);
    }
  }
  for (int s = 0; s < n_bases; ++s)
    for (int v = 0; v < width; ++v) store(basis_gradient + s * block_stride + v * lanes<T>, dq[s][v]);
}

template <class T, int n_bases>
inline void batch_gradients(const T* basis, T* basis_gradient, Index block_stride, const T* const* rows,
                            T* const* row_gradients, int vectors, const T* y, int n) {
  constexpr int width = 2;
  const T* z[lanes<T>];
  T* dz[lanes<T>];
  for (int v = 0; v < vectors; v += width) {
    const Offset at = v * lanes<T>;
    for (int j = 0; j < n; ++j) {
      z[j] = rows[j] + at;
      dz[j] = row_gradients[j] + at;
    }
    if (v + width <= vectors)
      pair_gradients<T, n_bases, width>(basis + at, basis_gradient + at, block_stride, z, dz, y, n);
    else
      pair_gradients<T, n_bases, 1>(basis + at, basis_gradient + at, block_stride, z, dz, y, n);
  }
}

/// Memory of one thread, carved from one allocation.
template <class T>
struct DecodeScratch {
  static Offset size(Index levels, Index bases, Index largest_row) {
    const Offset vectors = levels + 2 * Offset{bases} + Offset{bases} * levels;
    const Offset pairs = round_up(largest_row + 2 * lanes<T>, 64);
    return round_up(vectors * vector_bytes + pairs * static_cast<Offset>(sizeof(Index) + sizeof(T)), 64);
  }
  DecodeScratch(std::byte* memory, Index levels, Index bases, Index largest_row) {
    p = reinterpret_cast<Vector<T>*>(memory);
    x = p + levels;
    y = x + bases;
    coefficient_gradient = y + bases;
    pairs.levels = reinterpret_cast<Element<Integers<T>>*>(coefficient_gradient + Offset{bases} * levels);
    pairs.items = reinterpret_cast<Index*>(pairs.levels + round_up(largest_row + 2 * lanes<T>, 64));
  }
  Vector<T>*p, *x, *y, *coefficient_gradient;
  UserPairs<T> pairs;
};

/// From the softmax of one batch to y[s] = dLoss/dx_s; adds to the coefficients' gradient.
template <class T>
GCMC_INLINE void logit_gradients(const Decode<T>& op, const Softmax<T>& soft, Integers<T> label, Integers<T> valid,
                                 T per_pair, DecodeScratch<T>& own) {
  const Index levels = op.pairs.levels, stride = row_stride<T>(levels);
  for (Index s = 0; s < op.bases; ++s) own.y[s] = Vector<T>{};
  const Vector<T> scale = select<T>(valid, broadcast(per_pair), Vector<T>{}), by = soft.inverse_total * scale;
  for (Index r = 0; r < levels; ++r) {
    const Integers<T> is_label = label == static_cast<Element<Integers<T>>>(r);
    const Vector<T> d = own.p[r] * by - select<T>(is_label, scale, Vector<T>{});
    for (Index s = 0; s < op.bases; ++s) {
      own.y[s] += d * op.coefficients[Offset{s} * stride + r];
      own.coefficient_gradient[Offset{s} * levels + r] += d * own.x[s];
    }
  }
}

template <class T>
void decode_user(const Decode<T>& op, Offset user, T per_pair, T* item_gradient, DecodeScratch<T>& own,
                 ChunkSums<T>& sums) {
  const Index stride = op.items.stride, levels = op.pairs.levels;
  const int vectors = stride / lanes<T>;
  const T* basis = op.user_basis.row(user);
  T* basis_gradient = op.user_basis_gradient.row(user);
  std::memset(basis_gradient, 0, sizeof(T) * static_cast<std::size_t>(op.user_basis_gradient.stride));
  own.pairs.collect(op.pairs, user);
  for (Offset first = 0; first < own.pairs.count; first += lanes<T>) {
    const int n = static_cast<int>(smaller(lanes<T>, own.pairs.count - first));
    const T* rows[lanes<T>];
    T* row_gradients[lanes<T>];
    for (int j = 0; j < lanes<T>; ++j) {
      const Offset at = Offset{own.pairs.items[first + j]} * stride;
      rows[j] = op.items.data + at;
      row_gradients[j] = item_gradient + at;
    }
    all_dots(basis, stride, op.bases, rows, vectors, own.x);
    Integers<T> label;
    std::memcpy(&label, own.pairs.levels + first, sizeof label);
    const Integers<T> valid = first_lanes<T>(n);
    const Softmax<T> soft =
        softmax(op.coefficients, op.bases, row_stride<T>(levels), levels, op.values, own.x, label, own.p);
    sums.add(soft, valid);
    logit_gradients(op, soft, label, valid, per_pair, own);
    const T* y = reinterpret_cast<const T*>(own.y);
    Index s = 0;
    for (; s + 2 <= op.bases; s += 2)
      batch_gradients<T, 2>(basis + Offset{s} * stride, basis_gradient + Offset{s} * stride, stride, rows,
                            row_gradients, vectors, y + Offset{s} * lanes<T>, n);
    if (s < op.bases)
      batch_gradients<T, 1>(basis + Offset{s} * stride, basis_gradient + Offset{s} * stride, stride, rows,
                            row_gradients, vectors, y + Offset{s} * lanes<T>, n);
  }
}

/// Adds the chunks' sums in order.
template <class T>
void reduce_decode(const Decode<T>& op, const T* item_partial, const T* coefficient_partial, CpuContext& context) {
  const Index levels = op.pairs.levels;
  const Offset item_size = Offset{op.items.rows} * op.items.stride;
  for_each_piece(context, item_size, 16384, [&](Offset first, Offset last) {
    for (Offset k = first; k < last; k += lanes<T>) {
      Vector<T> sum = load(item_partial + k);
      for (Index chunk = 1; chunk < op.chunks; ++chunk) sum += load(item_partial + chunk * item_size + k);
      store(op.item_gradient.data + k, sum);
    }
  });
  for (Index s = 0; s < op.bases; ++s)
    for (Index r = 0; r < levels; ++r) {
      T sum = 0;
      for (Index chunk = 0; chunk < op.chunks; ++chunk)
        sum += coefficient_partial[(Offset{chunk} * op.bases + s) * levels + r];
      op.coefficient_gradient[Offset{s} * row_stride<T>(levels) + r] = sum;
    }
}

template <class T>
void decode(const Decode<T>& op, CpuContext& context) {
  const Index levels = op.pairs.levels, largest = op.pairs.largest_row;
  const Offset own_size = DecodeScratch<T>::size(levels, op.bases, largest);
  const Offset item_size = Offset{op.items.rows} * op.items.stride;
  const Offset coefficient_size = Offset{op.bases} * levels;
  auto* memory = context.scratch_of<std::byte>(0, context.threads * own_size);
  T* item_partial = context.scratch_of<T>(1, op.chunks * item_size);
  auto* sums_of = context.scratch_of<DecodeSums>(
      2, op.chunks +
             (op.chunks * coefficient_size * static_cast<Offset>(sizeof(T))) / static_cast<Offset>(sizeof(DecodeSums)) +
             1);
  T* coefficient_partial = reinterpret_cast<T*>(sums_of + op.chunks);
  const T per_pair = *op.count ? static_cast<T>(1.0 / static_cast<double>(*op.count)) : T{0};
  for_each_task_with_thread(context, op.chunks, [&](Offset chunk, int thread) {
    DecodeScratch<T> own(memory + thread * own_size, levels, op.bases, largest);
    for (Offset k = 0; k < coefficient_size; ++k) own.coefficient_gradient[k] = Vector<T>{};
    T* item_gradient = item_partial + chunk * item_size;
    std::memset(item_gradient, 0, sizeof(T) * static_cast<std::size_t>(item_size));
    ChunkSums<T> sums(levels);
    for (Offset user = op.chunk_begin[chunk]; user < op.chunk_begin[chunk + 1]; ++user)
      decode_user(op, user, per_pair, item_gradient, own, sums);
    sums.flush();
    sums_of[chunk] = {0, sums.cross_entropy, sums.squared_error, 0, 0};
    for (Offset k = 0; k < coefficient_size; ++k)
      coefficient_partial[chunk * coefficient_size + k] = sum_lanes<T>(own.coefficient_gradient[k]);
  });
  reduce_decode(op, item_partial, coefficient_partial, context);
  DecodeSums total{static_cast<double>(*op.count), 0, 0, 0, 0};
  for (Index chunk = 0; chunk < op.chunks; ++chunk) {
    total.cross_entropy += sums_of[chunk].cross_entropy;
    total.squared_error += sums_of[chunk].squared_error;
  }
  *op.sums = total;
}

/// Writes what is wanted of one batch's n pairs, and adds their absolute errors and hits.
template <class T>
void report_batch(const Predict<T>& op, const Softmax<T>& soft, const Vector<T>* p, Integers<T> label, Offset at, int n,
                  DecodeSums& sums) {
  const Index levels = op.pairs.levels;
  for (int j = 0; j < n; ++j) {
    Index best = 0;
    for (Index r = 1; r < levels; ++r)
      if (p[r][j] > p[best][j]) best = r;
    sums.correct += best == static_cast<Index>(label[j]);
    sums.absolute_error += std::abs(static_cast<double>(soft.prediction[j]) - static_cast<double>(soft.value[j]));
    if (op.predictions) op.predictions[at + j] = soft.prediction[j];
    if (op.probabilities)
      for (Index r = 0; r < levels; ++r) op.probabilities[(at + j) * levels + r] = p[r][j] * soft.inverse_total[j];
  }
}

template <class T>
void predict_user(const Predict<T>& op, Offset user, DecodeScratch<T>& own, ChunkSums<T>& sums, DecodeSums& more) {
  const Index stride = op.items.stride, levels = op.pairs.levels;
  own.pairs.collect(op.pairs, user);
  const Offset begin = op.pairs.begin[user * levels];
  for (Offset first = 0; first < own.pairs.count; first += lanes<T>) {
    const int n = static_cast<int>(smaller(lanes<T>, own.pairs.count - first));
    const T* rows[lanes<T>];
    for (int j = 0; j < lanes<T>; ++j) rows[j] = op.items.row(own.pairs.items[first + j]);
    all_dots(op.user_basis.row(user), stride, op.bases, rows, stride / lanes<T>, own.x);
    Integers<T> label;
    std::memcpy(&label, own.pairs.levels + first, sizeof label);
    const Softmax<T> soft =
        softmax(op.coefficients, op.bases, row_stride<T>(levels), levels, op.values, own.x, label, own.p);
    sums.add(soft, first_lanes<T>(n));
    report_batch(op, soft, own.p, label, begin + first, n, more);
  }
}

template <class T>
void predict(const Predict<T>& op, CpuContext& context) {
  const Index levels = op.pairs.levels, largest = op.pairs.largest_row;
  const Offset own_size = DecodeScratch<T>::size(levels, op.bases, largest);
  auto* memory = context.scratch_of<std::byte>(0, context.threads * own_size);
  auto* sums_of = context.scratch_of<DecodeSums>(2, op.chunks);
  for_each_task_with_thread(context, op.chunks, [&](Offset chunk, int thread) {
    DecodeScratch<T> own(memory + thread * own_size, levels, op.bases, largest);
    ChunkSums<T> sums(levels);
    DecodeSums more;
    for (Offset user = op.chunk_begin[chunk]; user < op.chunk_begin[chunk + 1]; ++user) {
      predict_user(op, user, own, sums, more);
      more.count += static_cast<double>(own.pairs.count);
    }
    sums.flush();
    more.cross_entropy = sums.cross_entropy;
    more.squared_error = sums.squared_error;
    sums_of[chunk] = more;
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
