// Operations on the flat parameter buffer, every backend against the oracle: gradient norm, Adam, SGD, averages.
#include "compare.hpp"

namespace gcmc::cases {
namespace {

/// A flat buffer cut into parts, with elements that belong to none between them.
struct Layout {
  Offset size = 0;
  std::vector<ParameterRows> parts;        // row_of is set when a backend holds it
  std::vector<std::vector<Index>> row_of;  // empty: every row is stored
  std::vector<bool> belongs, stored;       // by element
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
    layout.parts.push_back({layout.size, rows, stride, nullptr});
    layout.row_of.emplace_back();
    const bool selected = draw.chance(0.5);
    for (Index i = 0; i < rows; ++i) {
      const bool stored = !selected || draw.chance(0.3);
      if (selected) layout.row_of.back().push_back(stored ? i / 2 : -1);
      layout.belongs.insert(layout.belongs.end(), stride, true);
      layout.stored.insert(layout.stored.end(), stride, stored);
    }
    layout.size += Offset{rows} * stride;
  }
  return layout;
}

/// A layout's parts in a backend's memory. ParameterRows themselves are read by the host.
template <class B>
struct HeldLayout {
  HeldLayout(B& backend, const Layout& layout) : parts(layout.parts) {
    for (std::size_t part = 0; part < parts.size(); ++part) {
      row_of.emplace_back(backend, layout.row_of[part]);
      parts[part].row_of = row_of.back().data();
    }
  }
  std::vector<ParameterRows> parts;
  std::vector<Buffer<B, Index>> row_of;
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

TEMPLATE_TEST_CASE("the gradient's norm passes over rows that are not stored", "[operations]", float, double) {
  using T = TestType;
  Draw draw(31);
  for (int repeat = 0; repeat < 40; ++repeat) {
    const Layout layout = random_layout<T>(draw);
    const std::vector<T> gradient = random_gradient<T>(draw, layout);
    const auto run = [&](auto& backend) {
      const HeldLayout held(backend, layout);
      const Buffer values(backend, gradient);
      const Buffer sum(backend, std::vector<double>{std::numeric_limits<double>::quiet_NaN()});
      backend.run(SquareSum<T>{held.parts.data(), static_cast<Index>(held.parts.size()), values.data(), sum.data()});
      Outcome outcome;
      add(outcome, sum);
      return outcome;
    };
    INFO("case " << repeat << ": " << layout.parts.size() << " parts, " << layout.size << " elements");
    // Squares are positive, so their sum is its own magnitude; 64 roundoffs ask for sums by halves or in double.
    Reference reference;
    check_on_all(run, scaled(run(reference), 64 * roundoff<T>));
  }
}

template <class T>
struct UpdateCase {
  Layout layout;
  std::vector<T> values, gradient, first, second;  // first, second: empty for SGD
  double square_sum = 0, clip = 0, rate = 0.01, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  Offset step = 1;
};

template <class B, class T>
Outcome update(B& backend, const UpdateCase<T>& c) {
  const HeldLayout held(backend, c.layout);
  const Buffer values(backend, c.values), gradient(backend, c.gradient);
  const Buffer first(backend, c.first), second(backend, c.second);
  const Buffer square_sum(backend, std::vector<double>{c.square_sum});
  backend.run(Update<T>{held.parts.data(), static_cast<Index>(held.parts.size()), values.data(), gradient.data(),
                        first.data(), second.data(), square_sum.data(), c.clip, c.rate, c.beta1, c.beta2, c.epsilon,
                        c.step});
  Outcome outcome;
  add(outcome, values);
  add(outcome, first);
  add(outcome, second);
  return outcome;
}

/// m and v: 8 roundoffs of their terms. w: one of itself, 40 of the step with |m| at its largest, and what 1 - beta^t
/// loses where a backend computes it in double.
template <class T>
Outcome update_tolerance(const UpdateCase<T>& c) {
  Outcome tolerance = {std::vector<double>(c.values.size()), std::vector<double>(c.first.size()),
                       std::vector<double>(c.second.size())};
  const double factor = c.clip > 0 ? std::fmin(1, c.clip / (std::sqrt(c.square_sum) + 1e-6)) : 1;
  const double u = roundoff<T>, t = static_cast<double>(c.step);
  for (Offset i = 0; i < c.layout.size; ++i) {
    if (!c.layout.belongs[i]) continue;
    const double g = c.layout.stored[i] ? std::fabs(factor * static_cast<double>(c.gradient[i])) : 0;
    double step = c.rate * g;
    if (!c.first.empty()) {
      const double m = c.beta1 * std::fabs(static_cast<double>(c.first[i])) + (1 - c.beta1) * g;
      const double v = c.beta2 * static_cast<double>(c.second[i]) + (1 - c.beta2) * g * g;
      step = c.rate * m / (1 - std::pow(c.beta1, t)) / (std::sqrt(v / (1 - std::pow(c.beta2, t))) + c.epsilon);
      tolerance[1][i] = 8 * u * m;
      tolerance[2][i] = 8 * u * v;
    }
    const double lost = roundoff<double> * (1 / (1 - std::pow(c.beta1, t)) + 1 / (1 - std::pow(c.beta2, t)));
    tolerance[0][i] = 2 * u * std::fabs(static_cast<double>(c.values[i])) + (40 * u + 2 * lost) * step;
  }
  return tolerance;
}

template <class T>
UpdateCase<T> random_update(Draw& draw, bool adam) {
  UpdateCase<T> c;
  c.layout = random_layout<T>(draw);
  c.values = random_values<T>(draw, c.layout.size);
  c.gradient = random_gradient<T>(draw, c.layout);
  c.step = draw.one_of<Offset>({1, 2, 10, 1000, 1000000});
  if (adam) {
    c.first = c.step == 1 ? std::vector<T>(c.layout.size) : random_values<T>(draw, c.layout.size);
    c.second = c.step == 1 ? std::vector<T>(c.layout.size) : random_values<T>(draw, c.layout.size, true);
    c.beta1 = draw.one_of({0.9, 0.5});
    c.beta2 = draw.one_of({0.999, 0.99});
  }
  c.rate = draw.one_of({0.01, 0.001});
  c.clip = draw.one_of({0.0, -1.0, 1.0, 1e9});
  c.square_sum = draw.one_of({0.0, 1e-4, 2500.0, 1e12});
  return c;
}

TEMPLATE_TEST_CASE("Adam and SGD step on the clipped gradient, and rows without one decay", "[operations]", float,
                   double) {
  Draw draw(32);
  for (int repeat = 0; repeat < 60; ++repeat) {
    const bool adam = draw.chance(0.7);
    const UpdateCase<TestType> c = random_update<TestType>(draw, adam);
    INFO("case " << repeat << ": Adam " << adam << ", " << c.layout.size << " elements, step " << c.step << ", clip "
                 << c.clip << ", square sum " << c.square_sum);
    check_on_all([&](auto& backend) { return update(backend, c); }, update_tolerance(c));
  }
}

TEMPLATE_TEST_CASE("an average moves towards the values, and what lies behind it stays", "[operations]", float,
                   double) {
  using T = TestType;
  Draw draw(33);
  for (const Offset count : {0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 75, 100, 112, 257, 500, 70000})
    for (const double decay : {0.0, 0.1, 0.995, 1.0}) {
      const Offset size = count + row_stride<T>(1);
      const std::vector<T> values = random_values<T>(draw, size), old = random_values<T>(draw, size);
      const auto run = [&](auto& backend, const std::vector<T>& from, const std::vector<T>& before) {
        const Buffer held(backend, from), average(backend, before);
        backend.run(Average<T>{count, held.data(), average.data(), decay});
        Outcome outcome;
        add(outcome, average);
        return outcome;
      };
      const auto magnitude = [](std::vector<T> terms) {
        for (T& x : terms) x = x < 0 ? -x : x;
        return terms;
      };
      INFO(count << " elements, decay " << decay);
      Reference reference;
      Outcome tolerance = scaled(run(reference, magnitude(values), magnitude(old)), 4 * roundoff<T>);
      std::fill(tolerance[0].begin() + count, tolerance[0].end(), 0.0);
      check_on_all([&](auto& backend) { return run(backend, values, old); }, tolerance);
    }
}

}  // namespace
}  // namespace gcmc::cases
