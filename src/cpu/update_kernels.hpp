// One pass over the parameters: the gradient's norm, Adam or SGD, and the moving average.
#pragma once

#include "parallel.hpp"
#include "simd.hpp"

namespace gcmc {
namespace {

/// Work of one task, in elements.
constexpr Offset update_piece = 16384;

/// Calls body(part, first_row, last_row, task) over pieces of all parts' rows; returns the number of tasks.
template <class Body>
Offset for_each_rows(const ParameterRows* parts, Index count, CpuContext& context, const Body& body) {
  Offset tasks = 0;
  const auto rows_of = [](const ParameterRows& part) { return update_piece / part.stride + 1; };
  for (Index k = 0; k < count; ++k) tasks += (parts[k].rows + rows_of(parts[k]) - 1) / rows_of(parts[k]);
  for_each_task(context, tasks, [&](Offset task) {
    Offset left = task;
    Index k = 0;
    for (;; ++k) {
      const Offset pieces = (parts[k].rows + rows_of(parts[k]) - 1) / rows_of(parts[k]);
      if (left < pieces) break;
      left -= pieces;
    }
    const Offset first = left * rows_of(parts[k]);
    body(parts[k], first, smaller(parts[k].rows, first + rows_of(parts[k])), task);
  });
  return tasks;
}

template <class T>
void square_sum(const SquareSum<T>& op, CpuContext& context) {
  Offset bound = op.count;
  for (Index k = 0; k < op.count; ++k) bound += Offset{op.parts[k].rows} * op.parts[k].stride / update_piece + 1;
  double* sums = context.scratch_of<double>(0, bound);
  const Offset tasks = for_each_rows(op.parts, op.count, context,
                                     [&](const ParameterRows& part, Offset first, Offset last, Offset task) {
                                       double total = 0;
                                       for (Offset row = first; row < last; ++row) {
                                         if (part.row_of && part.row_of[row] < 0) continue;
                                         const T* gradient = op.gradient + part.begin + row * part.stride;
                                         Vector<T> sum{};
                                         for (Index c = 0; c < part.stride; c += lanes<T>)
                                           sum += load(gradient + c) * load(gradient + c);
                                         total += static_cast<double>(sum_lanes<T>(sum));
                                       }
                                       sums[task] = total;
                                     });
  double total = 0;
  for (Offset task = 0; task < tasks; ++task) total += sums[task];
  *op.sum = total;
}

template <class T>
struct AdamFactors {
  T beta1, one_minus_beta1, beta2, one_minus_beta2, rate, second_scale, epsilon, clip;
};

template <class T>
GCMC_INLINE void adam_vector(T* value, T* first, T* second, Vector<T> gradient, const AdamFactors<T>& f) {
  const Vector<T> m = load(first) * f.beta1 + gradient * f.one_minus_beta1;
  const Vector<T> v = load(second) * f.beta2 + gradient * gradient * f.one_minus_beta2;
  T roots[lanes<T>];  // an array, so that compilers make one instruction of the loop
  store(roots, v);
  for (int i = 0; i < lanes<T>; ++i) roots[i] = std::sqrt(roots[i]);
  store(first, m);
  store(second, v);
  store(value, load(value) - f.rate * m / (load(roots) * f.second_scale + f.epsilon));
}

template <class T>
void update(const Update<T>& op, CpuContext& context) {
  const double norm = std::sqrt(*op.square_sum);
  const double scale = op.clip > 0 && norm > 0 ? std::fmin(1.0, op.clip / (norm + 1e-6)) : 1.0;
  const double t = static_cast<double>(op.step);
  const AdamFactors<T> factors{static_cast<T>(op.beta1),
                               static_cast<T>(1 - op.beta1),
                               static_cast<T>(op.beta2),
                               static_cast<T>(1 - op.beta2),
                               static_cast<T>(op.rate / (1 - std::pow(op.beta1, t))),
                               static_cast<T>(1 / std::sqrt(1 - std::pow(op.beta2, t))),
                               static_cast<T>(op.epsilon),
                               static_cast<T>(scale)};
  const T sgd = static_cast<T>(op.rate * scale);
  for_each_rows(op.parts, op.count, context, [&](const ParameterRows& part, Offset first, Offset last, Offset) {
    for (Offset row = first; row < last; ++row) {
      const Offset at = part.begin + row * part.stride;
      const bool absent = part.row_of && part.row_of[row] < 0;
      if (absent && !op.first) continue;
      for (Offset c = at; c < at + part.stride; c += lanes<T>) {
        const Vector<T> gradient = absent ? Vector<T>{} : load(op.gradient + c) * factors.clip;
        if (op.first)
          adam_vector<T>(op.values + c, op.first + c, op.second + c, gradient, factors);
        else
          store(op.values + c, load(op.values + c) - load(op.gradient + c) * sgd);
      }
    }
  });
}

template <class T>
void average(const Average<T>& op, CpuContext& context) {
  const T decay = static_cast<T>(op.decay), rest = static_cast<T>(1 - op.decay);
  for_each_piece(context, op.count, update_piece, [&](Offset first, Offset last) {
    Offset k = first;
    for (; k + lanes<T> <= last; k += lanes<T>)
      store(op.average + k, load(op.average + k) * decay + load(op.values + k) * rest);
    for (; k < last; ++k) op.average[k] = op.average[k] * decay + op.values[k] * rest;
  });
}

}  // namespace
}  // namespace gcmc
