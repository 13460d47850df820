// One pass over the parameters: the gradient's norm, Adam or SGD, and the moving average.
#pragma once

#include "parallel.hpp"
#include "simd.hpp"

namespace gcmc {
namespace {

/// Work of one task, in elements.
constexpr Offset update_piece = 16384;

/// Rows of a part that a pass goes over, in their order: all, or those of its list.
inline Offset pass_rows(const ParameterRows& part, bool listed) {
  return listed && part.list ? *part.list_count : part.rows;
}

/// Calls body(part, first, last, task) over pieces of all parts' rows, or of their listed rows; returns the number of
/// tasks.
template <class Body>
Offset for_each_rows(const ParameterRows* parts, Index count, bool listed, CpuContext& context, const Body& body) {
  Offset tasks = 0;
  const auto piece_of = [](const ParameterRows& part) { return update_piece / part.stride + 1; };
  const auto pieces = [&](const ParameterRows& part) {
    return (pass_rows(part, listed) + piece_of(part) - 1) / piece_of(part);
  };
  for (Index k = 0; k < count; ++k) tasks += pieces(parts[k]);
  for_each_task(context, tasks, [&](Offset task) {
    Offset left = task;
    Index k = 0;
    for (; left >= pieces(parts[k]); ++k) left -= pieces(parts[k]);
    const Offset first = left * piece_of(parts[k]);
    body(parts[k], first, smaller(pass_rows(parts[k], listed), first + piece_of(parts[k])), task);
  });
  return tasks;
}

template <class T>
double square_sum_of_rows(const SquareSum<T>& op, const ParameterRows& part, Offset first, Offset last) {
  double total = 0;
  for (Offset k = first; k < last; ++k) {
    const Offset row = part.list ? part.list[k] : k;
    if (part.gradient_step) part.gradient_step[row] = op.step;
    if (part.list && k + 8 < last)
      prefetch_row<2>(op.gradient + part.begin + part.list[k + 8] * Offset{part.stride}, part.stride / lanes<T>);
    const T* gradient = op.gradient + part.begin + row * part.stride;
    Vector<T> sum{};
    for (Index c = 0; c < part.stride; c += lanes<T>) sum += load(gradient + c) * load(gradient + c);
    total += static_cast<double>(sum_lanes<T>(sum));
  }
  return total;
}

template <class T>
void square_sum(const SquareSum<T>& op, CpuContext& context) {
  Offset bound = op.count;
  for (Index k = 0; k < op.count; ++k) bound += Offset{op.parts[k].rows} * op.parts[k].stride / update_piece + 1;
  double* sums = context.scratch_of<double>(0, bound);
  const Offset tasks = for_each_rows(op.parts, op.count, true, context,
                                     [&](const ParameterRows& part, Offset first, Offset last, Offset task) {
                                       sums[task] = square_sum_of_rows(op, part, first, last);
                                     });
  double total = 0;
  for (Offset task = 0; task < tasks; ++task) total += sums[task];
  *op.sum = total;
}

template <class T>
void record_step(const RecordStep<T>& op, CpuContext&) {
  const double norm = std::sqrt(*op.square_sum), t = op.step;
  op.record->clip = static_cast<T>(op.clip > 0 ? std::fmin(1.0, op.clip / (norm + 1e-6)) : 1.0);
  op.record->rate = static_cast<T>(op.adam ? op.rate / (1 - std::pow(op.beta1, t)) : op.rate);
  op.record->second_scale = static_cast<T>(1 / std::sqrt(1 - std::pow(op.beta2, t)));
  op.record->decay = static_cast<T>(op.decay);
  op.record->keep = static_cast<T>(1 - op.rate * op.weight_decay);
}

/// Constants of a step and of Adam, as numbers of the element type.
template <class T>
struct AdamFactors {
  explicit AdamFactors(const Update<T>& op)
      : beta1(static_cast<T>(op.beta1)),
        beta2(static_cast<T>(op.beta2)),
        root_beta2(static_cast<T>(std::sqrt(op.beta2))),
        rest1(static_cast<T>(1 - op.beta1)),
        rest2(static_cast<T>(1 - op.beta2)),
        epsilon(static_cast<T>(op.epsilon)) {}
  T beta1, beta2, root_beta2, rest1, rest2, epsilon;
};

/// A vector of the parameters on its way through steps, in registers.
template <class T>
struct AdamVector {
  Vector<T> value, first, root;

  GCMC_INLINE void step(const AdamFactors<T>& f, const StepRecord<T>& record, Vector<T> gradient) {
    first = first * f.beta1 + gradient * f.rest1;
    T squares[lanes<T>];  // an array, so that compilers make one instruction of the loop
    store(squares, root * root * f.beta2 + gradient * gradient * f.rest2);
    for (int i = 0; i < lanes<T>; ++i) squares[i] = std::sqrt(squares[i]);
    root = load(squares);
    move(f, record);
  }
  GCMC_INLINE void step_without_gradient(const AdamFactors<T>& f, const StepRecord<T>& record) {
    first *= f.beta1;
    root *= f.root_beta2;
    move(f, record);
  }

 private:
  GCMC_INLINE void move(const AdamFactors<T>& f, const StepRecord<T>& record) {
    value = value * record.keep - record.rate * first / (root * record.second_scale + f.epsilon);
  }
};

/// Takes n vectors at `at` through steps first to last, in registers; the stored gradient is that of step
/// `with_gradient`.
template <class T, bool has_average, int n>
GCMC_INLINE void update_vectors(const Update<T>& op, const AdamFactors<T>& factors, Offset at, Index first, Index last,
                                Index with_gradient) {
  AdamVector<T> w[n];
  Vector<T> average[n];

#pragma GCC unroll 4
  for (int v = 0; v < n; ++v) {
    const Offset c = at + v * lanes<T>;
    w[v] = {load(op.values + c), op.first ? load(op.first + c) : Vector<T>{},
            op.first ? load(op.second + c) : Vector<T>{}};
    if constexpr (has_average) average[v] = load(op.average + c);
  }
  for (Index s = first; s <= last; ++s) {
    const StepRecord<T>& record = op.records[s % op.ring];
    if (s == with_gradient)

#pragma GCC unroll 4
      for (int v = 0; v < n; ++v) {
        const Vector<T> gradient = load(op.gradient + at + v * lanes<T>) * record.clip;
        if (op.first)
          w[v].step(factors, record, gradient);
        else
          w[v].value = w[v].value * record.keep - gradient * record.rate;
      }
    else

#pragma GCC unroll 4
      for (int v = 0; v < n; ++v)
        if (op.first)
          w[v].step_without_gradient(factors, record);
        else
          w[v].value *= record.keep;
    if constexpr (has_average)

#pragma GCC unroll 4
      for (int v = 0; v < n; ++v) average[v] = average[v] * record.decay + w[v].value * (T{1} - record.decay);
  }

#pragma GCC unroll 4
  for (int v = 0; v < n; ++v) {
    const Offset c = at + v * lanes<T>;
    store(op.values + c, w[v].value);
    if (op.first) {
      store(op.first + c, w[v].first);
      store(op.second + c, w[v].root);
    }
    if constexpr (has_average) store(op.average + c, average[v]);
  }
}

/// Asks for n vectors at `at` of every array: from the second cache, since parts of equal distance from the arrays'
/// begins push each other out of the first.
template <class T, bool has_average, int n>
GCMC_INLINE void prefetch_vectors(const Update<T>& op, Offset at) {
  prefetch_row<2>(op.values + at, n);
  prefetch_row<2>(op.gradient + at, n);
  if (op.first) {
    prefetch_row<2>(op.first + at, n);
    prefetch_row<2>(op.second + at, n);
  }
  if constexpr (has_average) prefetch_row<2>(op.average + at, n);
}

/// The same for a row of `columns` elements. Meanwhile asks for the row that lies `ahead` elements on, unless that is
/// 0.
template <class T, bool has_average>
void update_row(const Update<T>& op, const AdamFactors<T>& factors, Offset at, Index columns, Index first, Index last,
                Index with_gradient, Offset ahead) {
  const Offset end = at + columns;
  const auto update = [&](auto size) __attribute__((always_inline)) {
    constexpr int n = decltype(size)::value;
    if (ahead) prefetch_vectors<T, has_average, n>(op, at + ahead);
    update_vectors<T, has_average, n>(op, factors, at, first, last, with_gradient);
    at += n * lanes<T>;
  };
  if constexpr (vector_bytes == 64)
    while (at + 4 * lanes<T> <= end) update(std::integral_constant<int, 4>{});
  while (at + 2 * lanes<T> <= end) update(std::integral_constant<int, 2>{});
  if (at < end) update(std::integral_constant<int, 1>{});
}

/// Brings a row up to op.step; `next` is a row that will soon be.
template <class T>
void update_part_row(const Update<T>& op, const AdamFactors<T>& factors, const ParameterRows& part, Offset row,
                     Offset next) {
  Index first = op.step, with_gradient = op.step;
  if (part.applied) {
    first = part.applied[row] + 1;
    if (first > op.step) return;
    part.applied[row] = op.step;
    with_gradient = part.gradient_step[row];
  }
  const Offset at = part.begin + row * part.stride, ahead = (next - row) * part.stride;
  if (op.average)
    update_row<T, true>(op, factors, at, part.stride, first, op.step, with_gradient, ahead);
  else
    update_row<T, false>(op, factors, at, part.stride, first, op.step, with_gradient, ahead);
}

template <class T>
void update(const Update<T>& op, CpuContext& context) {
  const AdamFactors<T> factors(op);
  if (op.rows) {
    const Offset piece = update_piece / 4 / op.parts->stride + 1;
    return for_each_piece(context, *op.row_count, piece, [&](Offset first, Offset last) {
      for (Offset k = first; k < last; ++k)
        update_part_row(op, factors, *op.parts, op.rows[k], op.rows[smaller(k + 2, *op.row_count - 1)]);
    });
  }
  for_each_rows(op.parts, op.count, false, context, [&](const ParameterRows& part, Offset first, Offset last, Offset) {
    for (Offset row = first; row < last; ++row) update_part_row(op, factors, part, row, row);
  });
}

}  // namespace
}  // namespace gcmc
