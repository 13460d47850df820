// Operations on the flat parameter buffer, every backend against the oracle: gradient norm, the record of a step, Adam,
// SGD and averages, at once and deferred.
#include <algorithm>

#include "compare.hpp"

namespace gcmc::cases {
namespace {

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
Waiting random_waiting(Draw& draw, const Layout& layout, Index step, Index ring) {
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

TEMPLATE_TEST_CASE("the gradient's norm passes over rows that are not stored, and notes those that are", "[operations]",
                   float, double) {
  using T = TestType;
  Draw draw(31);
  for (int repeat = 0; repeat < 40; ++repeat) {
    const Layout layout = random_layout<T>(draw);
    const Waiting waiting = random_waiting(draw, layout, 7, 7);
    const std::vector<T> gradient = random_gradient<T>(draw, layout);
    const auto run = [&](auto& backend) {
      const HeldLayout held(backend, layout, waiting);
      const Buffer values(backend, gradient);
      const Buffer sum(backend, std::vector<double>{std::numeric_limits<double>::quiet_NaN()});
      backend.run(SquareSum<T>{held.parts.data(), static_cast<Index>(held.parts.size()), values.data(), 8, sum.data()});
      Outcome outcome;
      add(outcome, sum);
      held.add_waiting(outcome);
      return outcome;
    };
    INFO("case " << repeat << ": " << layout.parts.size() << " parts, " << layout.size << " elements");
    // Squares are positive, so their sum is its own magnitude; 64 roundoffs ask for sums by halves or in double.
    Reference reference;
    Outcome tolerance = exact(run(reference));
    tolerance[0] = scaled(run(reference), 64 * roundoff<T>)[0];
    check_on_all(run, tolerance);
  }
}

TEMPLATE_TEST_CASE("a step's record holds the clip factor and the rates without bias", "[operations]", float, double) {
  using T = TestType;
  Draw draw(32);
  for (int repeat = 0; repeat < 60; ++repeat) {
    RecordStep<T> op;
    op.clip = draw.one_of({0.0, -1.0, 1.0, 1e9});
    op.rate = draw.one_of({0.01, 0.001});
    op.beta1 = draw.one_of({0.9, 0.5});
    op.beta2 = draw.one_of({0.999, 0.99});
    op.decay = draw.one_of({0.0, 0.99});
    op.adam = draw.chance(0.5);
    op.step = draw.one_of<Index>({1, 2, 10, 1000, 1000000});
    const double square_sum = draw.one_of({0.0, 1e-4, 2500.0, 1e12});
    const auto run = [&](auto& backend) {
      const Buffer sum(backend, std::vector<double>{square_sum});
      const Buffer record(backend, std::vector<StepRecord<T>>(1));
      RecordStep<T> held = op;
      held.square_sum = sum.data();
      held.record = record.data();
      backend.run(held);
      const StepRecord<T> result = record.front();
      Outcome outcome;
      add(outcome, std::vector<T>{result.clip, result.rate, result.second_scale, result.decay});
      return outcome;
    };
    // What 1 - beta^t loses where a backend computes it in double, and a few roundings.
    const double lost = roundoff<double> / (1 - std::pow(op.beta2, op.step));
    INFO("case " << repeat << ": step " << op.step << ", clip " << op.clip << ", square sum " << square_sum);
    Reference reference;
    check_on_all(run, scaled(run(reference), 4 * roundoff<T> + 4 * lost));
  }
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
  backend.run(Update<T>{held.parts.data(), static_cast<Index>(held.parts.size()), rows.data(), count.data(),
                        values.data(), gradient.data(), first.data(), second.data(), average.data(), records.data(),
                        UpdateCase<T>::ring, c.beta1, c.beta2, c.epsilon, c.step});
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
                         static_cast<T>(draw.one_of({1.0, 1.5})), static_cast<T>(draw.one_of({0.5, 0.99}))});
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

TEMPLATE_TEST_CASE("rows go through all the steps that they have not seen, with a gradient in one of them",
                   "[operations]", float, double) {
  Draw draw(33);
  for (int repeat = 0; repeat < 120; ++repeat) {
    const bool adam = draw.chance(0.7);
    const UpdateCase<TestType> c = random_update<TestType>(draw, adam);
    INFO("case " << repeat << ": Adam " << adam << ", average " << !c.average.empty() << ", " << c.layout.parts.size()
                 << " parts, " << c.layout.size << " elements, step " << c.step << ", listed " << c.rows.size());
    check_on_all([&](auto& backend) { return update(backend, c); }, update_tolerance(c));
  }
}

TEMPLATE_TEST_CASE("bits do not depend on when a row is brought up", "[operations]", float, double) {
  using T = TestType;
  Cpu cpu(2);
  Draw draw(34);
  for (int repeat = 0; repeat < 20; ++repeat) {
    UpdateCase<T> c = random_update<T>(draw, true);
    c.rows.clear();
    c.step = 1000;
    c.waiting = random_waiting(draw, c.layout, c.step, c.ring);
    const Outcome at_once = update(cpu, c);
    UpdateCase<T> gradual = c;
    Outcome stepwise;
    for (Index step = c.step - c.ring; step <= c.step; ++step) {
      gradual.step = step;
      // Rows that are ahead of this step, and parts that take part in the last alone, wait.
      UpdateCase<T> now = gradual;
      for (std::size_t part = 0; part < now.layout.parts.size(); ++part)
        if (now.waiting.applied[part].empty() && step < c.step) now.layout.parts[part].rows = 0;
      stepwise = update(cpu, now);
      const auto back = [](std::vector<T>& to, const std::vector<double>& from) {
        std::transform(from.begin(), from.end(), to.begin(), [](double x) { return static_cast<T>(x); });
      };
      back(gradual.values, stepwise[0]);
      back(gradual.first, stepwise[1]);
      back(gradual.second, stepwise[2]);
      back(gradual.average, stepwise[3]);
      for (std::size_t part = 0; part < gradual.layout.parts.size(); ++part)
        std::transform(stepwise[4 + 2 * part].begin(), stepwise[4 + 2 * part].end(),
                       gradual.waiting.applied[part].begin(), [](double x) { return static_cast<Index>(x); });
    }
    INFO("case " << repeat);
    REQUIRE(at_once == stepwise);
  }
}

}  // namespace
}  // namespace gcmc::cases
