// A model's gradient against central differences of its loss, for any model on any backend. In double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "gcmc/base/random.hpp"
#include "gcmc/layers/parameters.hpp"

namespace gcmc::testing {

/// One piece of the parameters: the loss' derivative along a direction, by the gradient and by differences.
struct DirectionalDerivative {
  std::string piece;
  double analytic = 0, numeric = 0;

  double error() const { return std::abs(numeric - analytic) / std::max(std::abs(analytic), 1e-12); }
};

/// The gradient and as much noise again, so that the derivative is not small and every entry counts.
inline std::vector<double> direction_near(const std::vector<double>& gradient, Random& random) {
  double largest = 1e-12;
  for (const double g : gradient) largest = std::max(largest, std::abs(g));
  std::vector<double> direction;
  for (const double g : gradient) direction.push_back(g + 0.3 * largest * (random.uniform() - 0.5));
  return direction;
}

/// Along one random direction a piece. `loss` runs a pass forward and back, the same each time (dropout's masks too),
/// and returns the loss; the parameters' gradient is then the one that is checked. Afterwards the parameters are as
/// they were. Differences of fourth order over 1e-4: where the loss is smooth between, a true gradient's relative error
/// stays below 1e-6. Cost: 4 passes a piece.
template <class B, class Loss>
requires Backend<B, double> std::vector<DirectionalDerivative> check_gradient(Parameters<B, double>& parameters,
                                                                              const Loss& loss,
                                                                              std::uint64_t seed = 9) {
  Random random(seed);
  const std::map<std::string, std::vector<double>> values = parameters.get();
  loss();
  std::vector<DirectionalDerivative> derivatives;
  for (const auto& [name, gradient] : parameters.get_gradient()) {
    const std::vector<double> direction = direction_near(gradient, random);
    DirectionalDerivative derivative{.piece = name};
    double size = 0;
    for (std::size_t k = 0; k < direction.size(); ++k) {
      derivative.analytic += direction[k] * gradient[k];
      size += direction[k] * direction[k];
    }
    const double h = 1e-4 / std::sqrt(size);
    const auto moved = [&, &piece = name](double by) {
      auto shifted = values;
      for (std::size_t k = 0; k < direction.size(); ++k) shifted[piece][k] += by * direction[k];
      parameters.set(shifted);
      return loss();
    };
    derivative.numeric = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h);
    derivatives.push_back(derivative);
  }
  parameters.set(values);
  return derivatives;
}

/// The largest relative error.
inline double worst_error(const std::vector<DirectionalDerivative>& derivatives) {
  double worst = 0;
  for (const DirectionalDerivative& derivative : derivatives) worst = std::max(worst, derivative.error());
  return worst;
}

/// Adds uniform noise to every parameter: those that start at zero would hide mistakes.
template <class B>
requires Backend<B, double>
void perturb(Parameters<B, double>& parameters, double size = 0.1, std::uint64_t seed = 9) {
  Random random(seed);
  auto values = parameters.get();
  for (auto& [name, tensor] : values)
    for (double& value : tensor) value += size * (2 * random.uniform() - 1);
  parameters.set(values);
}

}  // namespace gcmc::testing
