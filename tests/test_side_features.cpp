// Layers of side features, dense and sparse, on every backend: values, gradients, dropout.
#include "gcmc/layers/side_features.hpp"
#include "layer_checks.hpp"

using namespace gcmc;

namespace {

/// Sparse rows of `items` nodes: row 2 is empty, row i has i % 4 entries else, and column 0 is in most.
SparseFeatures some_sparse_rows(Index columns) {
  SparseFeatures sparse{.columns = columns, .begin = {0}};
  for (Index row = 0; row < items; ++row) {
    for (Index k = 0; row != 2 && k < std::min(row % 4 + 1, columns); ++k) {
      sparse.column.push_back(k == 0 ? 0 : k + columns - 4);
      sparse.value.push_back(0.25F * static_cast<float>(row + 1) - static_cast<float>(k));
    }
    sparse.begin.push_back(static_cast<Offset>(sparse.column.size()));
  }
  return sparse;
}

}  // namespace

TEST_CASE("side features of one side add dropout(act(X W1 + b1)) W2, and have its gradients", "[layers]") {
  const SideFeatures features{.columns = 4, .values = {}, .names = {}};
  on_every_backend([&](auto& backend) {
    using B = std::remove_reference_t<decltype(backend)>;
    SideFeatures x = features;
    const Values entries = drawn(Offset{items} * 4, 7), before = drawn(Offset{items} * 3, 8);
    x.values.assign(entries.begin(), entries.end());
    const Values rounded(x.values.begin(), x.values.end());
    Parameters<B, double> parameters;
    FeatureLayer<B, double> layer(backend, parameters, "features.item",
                                  {.columns = 4, .units = 5, .output = 3, .dropout = 0.4}, item_side, items, x);
    parameters.allocate(backend);
    testing::perturb(parameters, 1.0);
    Matrix<B, double> z(backend, items, 3);
    const DropoutStep step{17, 4};
    const Mask mask = make_mask(17, 4, masked(Masked::item_features), 0.4);
    for (const bool dropping : {false, true}) {
      const std::optional<DropoutStep> dropout = dropping ? std::optional(step) : std::nullopt;
      auto values = parameters.get();
      Values f = product(rounded, values["features.item.weight"], items, 4, 5);
      for (Offset k = 0; k < Offset{items} * 5; ++k) {
        f[k] = leaky(f[k] + values["features.item.bias"][k % 5]);
        if (dropping) f[k] *= kept(mask, static_cast<std::uint64_t>(k / 5 * 64 + k % 5)) ? mask.scale() : 0;
      }
      Values expected = product(f, values["features.item.dense"], items, 5, 3);
      for (std::size_t k = 0; k < expected.size(); ++k) expected[k] += before[k];
      z.set(before);
      layer.forward(z.view(), dropout);
      check_equal(z.get(), expected);
      const Values weights = drawn(Offset{items} * 3, 9);
      const Matrix<B, double> dz = matrix(backend, items, 3, weights);
      require_gradient(parameters, [&] {
        z.set(before);
        layer.forward(z.view(), dropout);
        layer.backward(dz.const_view());
        return dot(weights, z.get());
      });
    }
  });
}

TEST_CASE("sparse side features are those of the same dense columns, and have their gradients", "[layers]") {
  constexpr Index dense = 2, sparse = 9;
  SideFeatures x{.columns = dense, .values = {}, .names = {}, .sparse = some_sparse_rows(sparse)};
  const Values entries = drawn(Offset{items} * dense, 7), before = drawn(Offset{items} * 3, 8);
  x.values.assign(entries.begin(), entries.end());
  for (const bool with_dense : {false, true}) {
    INFO("with dense columns " << with_dense);
    const Index first = with_dense ? dense : 0;
    SideFeatures mixed = x, all{.columns = first + sparse, .values = {}, .names = {}};
    if (!with_dense) mixed.columns = 0, mixed.values.clear();
    all.values.resize(static_cast<std::size_t>(items) * (first + sparse));
    for (Offset row = 0; row < items; ++row) {
      for (Offset c = 0; c < first; ++c) all.values[row * (first + sparse) + c] = x.values[row * dense + c];
      for (Offset e = x.sparse.begin[row]; e < x.sparse.begin[row + 1]; ++e)
        all.values[row * (first + sparse) + first + x.sparse.column[e]] = double{x.sparse.value[e]};
    }
    on_every_backend([&](auto& backend) {
      using B = std::remove_reference_t<decltype(backend)>;
      Parameters<B, double> of_mixed, of_all;
      FeatureLayer<B, double> layer(
          backend, of_mixed, "f", {.columns = first, .units = 5, .output = 3, .dropout = 0.4, .sparse_columns = sparse},
          item_side, items, mixed);
      FeatureLayer<B, double> dense_layer(backend, of_all, "f",
                                          {.columns = first + sparse, .units = 5, .output = 3, .dropout = 0.4},
                                          item_side, items, all);
      of_mixed.allocate(backend);
      of_all.allocate(backend);
      testing::perturb(of_mixed, 1.0);
      auto values = of_mixed.get();
      Values& weight = values["f.weight"];
      const Values sparse_weight = values["f.sparse"];
      weight.insert(weight.end(), sparse_weight.begin(), sparse_weight.end());
      values.erase("f.sparse");
      of_all.set(values);
      const Matrix<B, double> dz = matrix(backend, items, 3, drawn(Offset{items} * 3, 9));
      Matrix<B, double> z(backend, items, 3), expected(backend, items, 3);
      const auto pass = [&](FeatureLayer<B, double>& of, Matrix<B, double>& to) {
        to.set(before);
        of.forward(to.view(), DropoutStep{17, 4});
        of.backward(dz.const_view());
      };
      pass(layer, z);
      pass(dense_layer, expected);
      check_equal(z.get(), expected.get());
      auto gradient = of_mixed.get_gradient();
      Values joined = gradient["f.weight"];
      joined.insert(joined.end(), gradient["f.sparse"].begin(), gradient["f.sparse"].end());
      check_equal(joined, of_all.get_gradient()["f.weight"]);
      require_gradient(of_mixed, [&] {
        pass(layer, z);
        return dot(dz.get(), z.get());
      });
    });
  }
}

TEST_CASE("dropout on weights of sparse features is dropout on them, there and back, and none in evaluation",
          "[layers]") {
  constexpr Index sparse = 9, units = 5;
  const SideFeatures x{.columns = 0, .values = {}, .names = {}, .sparse = some_sparse_rows(sparse)};
  on_every_backend([&](auto& backend) {
    using B = std::remove_reference_t<decltype(backend)>;
    const auto made = [&](Parameters<B, double>& parameters, double dropout) {
      return FeatureLayer<B, double>(
          backend, parameters, "f",
          {.units = units, .output = 3, .layer = 1, .sparse_columns = sparse, .sparse_dropout = dropout}, item_side,
          items, x);
    };
    Parameters<B, double> dropped, plain;
    FeatureLayer<B, double> dropping = made(dropped, 0.4), layer = made(plain, 0);
    dropped.allocate(backend);
    plain.allocate(backend);
    testing::perturb(dropped, 1.0);
    const Mask mask = make_mask(17, 4, masked(Masked::user_weights, item_side, 1), 0.4);
    const auto dropout_of = [&](Values values) {
      for (Offset k = 0; k < Offset{sparse} * units; ++k)
        values[k] *= kept(mask, static_cast<std::uint64_t>(k / units * 64 + k % units)) ? mask.scale() : 0;
      return values;
    };
    const Matrix<B, double> dz = matrix(backend, items, 3, drawn(Offset{items} * 3, 9));
    const auto pass = [&](FeatureLayer<B, double>& of, const std::optional<DropoutStep>& step) {
      Matrix<B, double> z(backend, items, 3);
      of.forward(z.view(), step);
      of.backward(dz.const_view());
      return z.get();
    };
    plain.set(dropped.get());
    check_equal(pass(dropping, {}), pass(layer, {}));
    auto values = dropped.get();
    values["f.sparse"] = dropout_of(values["f.sparse"]);
    plain.set(values);
    check_equal(pass(dropping, DropoutStep{17, 4}), pass(layer, DropoutStep{17, 4}));
    check_equal(dropped.get_gradient()["f.sparse"], dropout_of(plain.get_gradient()["f.sparse"]));
    require_gradient(dropped, [&] { return dot(dz.get(), pass(dropping, DropoutStep{17, 4})); });
  });
}
