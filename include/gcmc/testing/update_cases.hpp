// Cases of the operations on the flat parameter buffer: gradient norm, a step's record, Adam, SGD and averages.
#pragma once

#include "gcmc/testing/outcome.hpp"

namespace gcmc::testing {

/// A flat buffer cut into parts, with elements that belong to none between them.
struct Layout {
  Offset size = 0;
  std::vector<ParameterRows> parts;      // pointers are set when a backend holds what they point to
  std::vector<std::vector<Index>> list;  // rows whose gradient is stored; empty: all
  std::vector<bool> belongs, stored;     // by element
};

template <class T>
Layout random_layout(Draw& draw) {
  Layout layout;
  const Index parts = draw.between(0, 5);
  for (Index part = 0; part < parts; ++part) {
    const Index gap = draw.between(0, 2) * row_stride<T>(1);
    const Index rows = draw.one_of<Index>({0, 1, 33, 1000}), stride = row_stride<T>(draw.size());
    layout.belongs.resize(layout.size + gap, false);
    layout.stored.resize(layout.size + gap, false);
    layout.size += gap;
    layout.parts.push_back({layout.size, rows, stride});
    layout.list.emplace_back();
    const bool selected = draw.chance(0.5);
    for (Index i = 0; i < rows; ++i) {
      const bool stored = !selected || i == 0 || draw.chance(0.3);
      if (selected && stored) layout.list.back().push_back(i);
      layout.belongs.insert(layout.belongs.end(), stride, true);
      layout.stored.insert(layout.stored.end(), stride, stored);
    }
    layout.size += Offset{rows} * stride;
  }
  return layout;
}

/// What deferred rows have been through: by part, empty where it is not deferred.
struct Waiting {
  std::vector<std::vector<Index>> applied, gradient_step;
};

/// Rows that have been through 0 to `ring` steps less than `step`, and whose gradient is of any step, or of none.
inline Waiting random_waiting(Draw& draw, const Layout& layout, Index step, Index ring) {
  Waiting waiting;
  for (const ParameterRows& part : layout.parts) {
    const Index rows = draw.chance(0.6) ? part.rows : 0;
    std::vector<Index> applied, gradient_step;
    for (Index i = 0; i < rows; ++i) {
      applied.push_back(step - draw.between(0, std::min(ring, step)));
      gradient_step.push_back(draw.between(0, step));
    }
    waiting.applied.push_back(applied);
    waiting.gradient_step.push_back(gradient_step);
  }
  return waiting;
}

/// A layout's parts in a backend's memory. ParameterRows themselves are read by the host.
template <class B>
struct HeldLayout {
  HeldLayout(B& backend, const Layout& layout, const Waiting& waiting) : parts(layout.parts) {
    for (std::size_t part = 0; part < parts.size(); ++part) {
      list.emplace_back(backend, layout.list[part]);
      count.emplace_back(backend, std::vector<Index>{static_cast<Index>(layout.list[part].size())});
      applied.emplace_back(backend, waiting.applied[part]);
      gradient_step.emplace_back(backend, waiting.gradient_step[part]);
      parts[part].list = list.back().data();
      parts[part].list_count = count.back().data();
      parts[part].applied = applied.back().data();
      parts[part].gradient_step = gradient_step.back().data();
    }
  }
  void add_waiting(Outcome& outcome) const {
    for (std::size_t part = 0; part < parts.size(); ++part) {
      add(outcome, applied[part]);
      add(outcome, gradient_step[part]);
    }
  }
  std::vector<ParameterRows> parts;
  std::vector<Buffer<B, Index>> list, count, applied, gradient_step;
};

/// Gradient of random size; NaN in every row that is not stored.
template <class T>
std::vector<T> random_gradient(Draw& draw, const Layout& layout) {
  std::vector<T> gradient;
  for (Offset i = 0; i < layout.size; ++i)
    gradient.push_back(layout.stored[i] ? static_cast<T>(draw.value() * draw.one_of({0.0, 1e-3, 1.0, 30.0}))
                                        : std::numeric_limits<T>::quiet_NaN());
  return gradient;
}

template <class T>
std::vector<T> random_values(Draw& draw, Offset size, bool positive = false) {
  std::vector<T> values;
  for (Offset i = 0; i < size; ++i) {
    const double x = draw.chance(0.1) ? 0.0 : draw.value();
    values.push_back(static_cast<T>(positive ? x * x : x));
  }
  return values;
}

template <class T>
struct UpdateCase {
  static constexpr Index ring = 8;
  Layout layout;
  Waiting waiting;
  std::vector<T> values, gradient, first, second, average;  // first, second: empty for SGD
  std::vector<StepRecord<T>> records;
  std::vector<Index> rows;  // of the only part; empty: all rows
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  Index step = 1;
};

template <class B, class T>
Outcome update(B& backend, const UpdateCase<T>& c) {
  const HeldLayout held(backend, c.layout, c.waiting);
  const Buffer values(backend, c.values), gradient(backend, c.gradient), average(backend, c.average);
  const Buffer first(backend, c.first), second(backend, c.second);
  const Buffer records(backend, c.records);
  const Buffer rows(backend, c.rows), count(backend, std::vector<Index>{static_cast<Index>(c.rows.size())});
  backend.run(Update<T>{.parts = held.parts.data(),
                        .count = static_cast<Index>(held.parts.size()),
                        .rows = rows.data(),
                        .row_count = count.data(),
                        .values = values.data(),
                        .gradient = gradient.data(),
                        .first = first.data(),
                        .second = second.data(),
                        .average = average.data(),
                        .records = records.data(),
                        .ring = UpdateCase<T>::ring,
                        .beta1 = c.beta1,
                        .beta2 = c.beta2,
                        .epsilon = c.epsilon,
                        .step = c.step});
  Outcome outcome;
  for (const Buffer<B, T>* written : {&values, &first, &second, &average}) add(outcome, *written);
  held.add_waiting(outcome);
  return outcome;
}

template <class T>
UpdateCase<T> random_update(Draw& draw, bool adam) {
  UpdateCase<T> c;
  do c.layout = random_layout<T>(draw);
  while (c.layout.parts.empty());
  const bool listed = draw.chance(0.3);
  if (listed) {
    c.layout.parts.resize(1);
    c.layout.list.resize(1);
  }
  c.step = draw.one_of<Index>({1, 2, 10, 1000});
  c.waiting = random_waiting(draw, c.layout, c.step, c.ring);
  for (Index i = 0; listed && i < c.layout.parts[0].rows; ++i)
    if (draw.chance(0.4)) c.rows.push_back(i);
  c.values = random_values<T>(draw, c.layout.size);
  for (Offset i = 0; i < c.layout.size; ++i)
    c.gradient.push_back(static_cast<T>(draw.value() * draw.one_of({0.0, 1e-3, 1.0, 30.0})));
  if (adam) {
    c.first = random_values<T>(draw, c.layout.size);
    c.second = random_values<T>(draw, c.layout.size, true);
    c.beta1 = draw.one_of({0.9, 0.5});
    c.beta2 = draw.one_of({0.999, 0.99});
    // A root far below its first moment would make steps without bound.
    for (Offset i = 0; i < c.layout.size; ++i) c.second[i] += std::fabs(c.first[i]) / 8;
  }
  if (draw.chance(0.5)) c.average = random_values<T>(draw, c.layout.size);
  for (Index k = 0; k < c.ring; ++k)
    c.records.push_back({static_cast<T>(draw.one_of({1.0, 0.02})), static_cast<T>(draw.one_of({0.01, 0.05})),
                         static_cast<T>(draw.one_of({1.0, 1.5})), static_cast<T>(draw.one_of({0.5, 0.99})),
                         static_cast<T>(draw.one_of({1.0, 0.9}))});
  return c;
}

/// At most `ring` steps of a few roundings each on numbers within 1000 (w, its average and the moments' sizes).
template <class T>
Outcome update_tolerance(const UpdateCase<T>& c) {
  Reference reference;
  Outcome tolerance = exact(update(reference, c));
  for (std::size_t array = 0; array < 4; ++array)
    for (std::size_t i = 0; i < tolerance[array].size(); ++i) {
      const double size =
          std::max({std::fabs(static_cast<double>(c.values[i])), 1.0, std::fabs(static_cast<double>(c.gradient[i]))});
      tolerance[array][i] = c.layout.belongs[i] ? 16 * c.ring * roundoff<T> * size : 0;
    }
  return tolerance;
}

template <class T>
struct SquareSumCase {
  Layout layout;
  Waiting waiting;
  std::vector<T> gradient;
};

template <class T>
SquareSumCase<T> random_square_sum(Draw& draw) {
  SquareSumCase<T> c{.layout = random_layout<T>(draw), .waiting = {}, .gradient = {}};
  c.waiting = random_waiting(draw, c.layout, 7, 7);
  c.gradient = random_gradient<T>(draw, c.layout);
  return c;
}

template <class B, class T>
Outcome square_sum(B& backend, const SquareSumCase<T>& c) {
  const HeldLayout held(backend, c.layout, c.waiting);
  const Buffer gradient(backend, c.gradient);
  const Buffer sum(backend, std::vector<double>{std::numeric_limits<double>::quiet_NaN()});
  backend.run(SquareSum<T>{.parts = held.parts.data(),
                           .count = static_cast<Index>(held.parts.size()),
                           .gradient = gradient.data(),
                           .step = 8,
                           .sum = sum.data()});
  Outcome outcome = outcome_of(sum);
  held.add_waiting(outcome);
  return outcome;
}

/// Squares are positive, so their sum is its own magnitude; 64 roundoffs ask for sums by halves or in double.
template <class T>
Outcome square_sum_tolerance(const SquareSumCase<T>& c) {
  Reference reference;
  Outcome tolerance = exact(square_sum(reference, c));
  tolerance[0] = scaled(square_sum(reference, c), 64 * roundoff<T>)[0];
  return tolerance;
}

/// The operation but for its pointers, and the squares' sum.
template <class T>
struct RecordCase {
  RecordStep<T> op;
  double square_sum = 0;
};

template <class T>
RecordCase<T> random_record(Draw& draw) {
  return {.op = {.clip = draw.one_of({0.0, -1.0, 1.0, 1e9}),
                 .rate = draw.one_of({0.01, 0.001}),
                 .beta1 = draw.one_of({0.9, 0.5}),
                 .beta2 = draw.one_of({0.999, 0.99}),
                 .decay = draw.one_of({0.0, 0.99}),
                 .weight_decay = draw.one_of({0.0, 0.1, 50.0}),
                 .adam = draw.chance(0.5),
                 .step = draw.one_of<Index>({1, 2, 10, 1000, 1000000})},
          .square_sum = draw.one_of({0.0, 1e-4, 2500.0, 1e12})};
}

template <class B, class T>
Outcome record_step(B& backend, const RecordCase<T>& c) {
  const Buffer sum(backend, std::vector<double>{c.square_sum});
  const T unwritten = std::numeric_limits<T>::quiet_NaN();
  const Buffer record(backend, std::vector<StepRecord<T>>{{unwritten, unwritten, unwritten, unwritten, unwritten}});
  RecordStep<T> op = c.op;
  op.square_sum = sum.data();
  op.record = record.data();
  backend.run(op);
  const StepRecord<T> result = record.front();
  return outcome_of(std::vector<T>{result.clip, result.rate, result.second_scale, result.decay, result.keep});
}

/// What 1 - beta^t loses where a backend computes it in double, and a few roundings.
template <class T>
Outcome record_step_tolerance(const RecordCase<T>& c) {
  const double lost = roundoff<double> / (1 - std::pow(c.op.beta2, c.op.step));
  Reference reference;
  return scaled(record_step(reference, c), 4 * roundoff<T> + 4 * lost);
}

}  // namespace gcmc::testing
