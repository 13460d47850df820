// Each layer alone, on every backend: its values against plain loops over ratings, its gradients against central
// differences. And two convolutions one above the other.
#include "gcmc/layers/bilinear_decoder.hpp"
#include "gcmc/layers/dense.hpp"
#include "gcmc/layers/dense_convolution.hpp"
#include "gcmc/layers/graph_convolution.hpp"
#include "layer_checks.hpp"

namespace {

using namespace gcmc;
/// User 6 and item 8 have none.
std::vector<Rating> some_ratings() {
  Random random(5);
  std::vector<Rating> ratings;
  for (Index i = 0; i < users - 1; ++i)
    for (Index j = 0; j < items - 1; ++j)
      if (random.uniform() < 0.5) ratings.push_back({i, j, static_cast<Level>(random.below(levels))});
  return ratings;
}

/// An input as a piece of the parameters: its gradient is checked with theirs.
ParameterPiece input_piece(Index rows, Index columns) { return {.name = "x", .rows = rows, .columns = columns}; }
template <class B>
MatrixView<double> input_gradient(Parameters<B, double>& parameters, int piece) {
  const BlockMatrix<double> g = parameters.gradient(piece);
  return {g.data, g.rows, g.columns, g.stride};
}

/// A convolution's H for the users, from one message a rating and table: `message(k, j)` is row j of table k.
template <class Message>
Values convolved(const ConvolutionOptions& options, Normalization normalization, const Message& message) {
  const ConvolutionShape shape(options, levels);
  const bool stack = options.aggregation == Aggregation::stack;
  std::vector<double> of_user(users), of_item(items);
  for (const Rating& r : some_ratings()) {
    ++of_user[r.user];
    ++of_item[r.item];
  }
  Values h(static_cast<std::size_t>(users) * shape.hidden);
  for (const Rating& r : some_ratings()) {
    const double scale =
        normalization == Normalization::left ? 1 / of_user[r.user] : 1 / std::sqrt(of_user[r.user] * of_item[r.item]);
    for (Index k = 0; k < shape.tables; ++k)
      if (k == r.level || k == levels || options.one_table)
        for (Index c = 0; c < shape.width; ++c)
          h[r.user * shape.hidden + (stack ? k * shape.width : 0) + c] += scale * message(k, r.item)[c];
  }
  for (double& x : h) x = leaky(x);
  return h;
}

struct ConvolutionCase {
  Aggregation aggregation;
  bool implicit, one_table;
  Normalization normalization;
};
const ConvolutionCase convolution_cases[] = {{Aggregation::sum, false, false, Normalization::symmetric},
                                             {Aggregation::stack, false, false, Normalization::left},
                                             {Aggregation::sum, true, false, Normalization::left},
                                             {Aggregation::stack, true, false, Normalization::symmetric},
                                             {Aggregation::sum, false, true, Normalization::symmetric}};

template <class B>
Buffer<B, double> workspace(B& backend, const ConvolutionOptions& options) {
  return {backend, MessagePassing<B, double>::workspace_size({options, levels}, users, items)};
}

/// Two levels of convolution, dropout between, a dense layer and the decoder, from these headers alone.
template <class B>
class TwoLayers {
 public:
  TwoLayers(B& backend, bool stack) : backend_(&backend) {
    const ConvolutionOptions below{.aggregation = stack ? Aggregation::stack : Aggregation::sum,
                                   .units = 10,
                                   .node_dropout = 0.3,
                                   .hidden_dropout = 0.2,
                                   .dense_above = false},
        above{.aggregation = below.aggregation, .units = 7, .activation = Activation::tanh};
    const Index nodes[] = {users, items}, input = ConvolutionShape(below, levels).hidden;
    space_ = workspace(backend, below);
    for (const Side side : {user_side, item_side}) {
      const Side from = other(side);
      const std::string name = side == user_side ? ".item" : ".user";
      first_[side].emplace(backend, parameters_, "first" + name, below, side, nodes[side], nodes[from], levels, space_);
      second_[side].emplace(backend, parameters_, "second" + name, above, side, nodes[side], nodes[from], levels, input,
                            space_);
      dh_[side] = Matrix<B, double>(backend, nodes[side], input);
      z_[side] = Matrix<B, double>(backend, nodes[side], 4);
      dz_[side] = Matrix<B, double>(backend, nodes[side], 4);
    }
    dense_.emplace(backend, parameters_, "dense", DenseOptions{ConvolutionShape(above, levels).hidden, 4});
    decoder_.emplace(backend, parameters_, "decoder", DecoderOptions{.output = 4}, users, Values{1, 2, 3});
    parameters_.allocate(backend);
    parameters_.initialize(3);
    testing::perturb(parameters_);
  }

  Parameters<B, double>& parameters() { return parameters_; }

  double loss(const Messages<double>& messages, const Pairs& pairs, const DropoutStep& dropout) {
    for (const Side side : {user_side, item_side}) first_[side]->forward(messages, dropout);
    for (const Side side : {user_side, item_side}) {
      second_[side]->forward(messages, first_[other(side)]->hidden());
      dense_->forward(second_[side]->hidden(), z_[side].view());
    }
    decoder_->forward_backward(z_[0].const_view(), z_[1].const_view(), pairs, dz_[0].view(), dz_[1].view());
    for (const Side side : {user_side, item_side}) {
      const Side below = other(side);
      dense_->backward(second_[side]->hidden(), dz_[side].const_view(), side == item_side);
      second_[side]->backward(messages, first_[below]->hidden(), dz_[side].const_view(), dense_->weight(),
                              dh_[below].view());
    }
    for (const Side side : {user_side, item_side}) first_[side]->backward(messages, dh_[side].const_view());
    return decoder_->metrics().loss();
  }

 private:
  B* backend_;
  Parameters<B, double> parameters_;
  Buffer<B, double> space_;
  std::array<std::optional<GraphConvolution<B, double>>, 2> first_;
  std::array<std::optional<DenseConvolution<B, double>>, 2> second_;
  std::optional<Dense<B, double>> dense_;
  std::optional<BilinearDecoder<B, double>> decoder_;
  std::array<Matrix<B, double>, 2> dh_, z_, dz_;
};

}  // namespace

TEST_CASE("a dense layer is H W + b, and its gradients are those of that", "[layers]") {
  on_every_backend([](auto& backend) {
    using B = std::remove_reference_t<decltype(backend)>;
    for (const bool bias : {true, false}) {
      Parameters<B, double> parameters;
      const int x = parameters.add(input_piece(5, 11));
      Dense<B, double> layer(backend, parameters, "dense", {.input = 11, .output = 3, .bias = bias});
      REQUIRE(parameters.pieces().size() == (bias ? 3 : 2));
      parameters.allocate(backend);
      testing::perturb(parameters, 1.0);
      Matrix<B, double> z(backend, 5, 3);
      const Values weights = drawn(15, 2);
      const Matrix<B, double> dz = matrix(backend, 5, 3, weights);
      layer.forward(parameters.matrix(x), z.view());
      auto values = parameters.get();
      Values expected = product(values["x"], values["dense.weight"], 5, 11, 3);
      for (std::size_t k = 0; bias && k < expected.size(); ++k) expected[k] += values["dense.bias"][k % 3];
      check_equal(z.get(), expected);
      require_gradient(parameters, [&] {
        layer.forward(parameters.matrix(x), z.view());
        layer.backward(parameters.matrix(x), dz.const_view());
        layer.backward_input(dz.const_view(), input_gradient(parameters, x));
        return dot(weights, z.get());
      });
    }
  });
}

TEST_CASE("a dense layer of two inputs has the sum of their gradients", "[layers]") {
  on_every_backend([](auto& backend) {
    using B = std::remove_reference_t<decltype(backend)>;
    Parameters<B, double> parameters;
    Dense<B, double> layer(backend, parameters, "dense", {.input = 4, .output = 3});
    parameters.allocate(backend);
    testing::perturb(parameters, 1.0);
    const Values weights[] = {drawn(15, 2), drawn(18, 3)};
    const Matrix<B, double> h[] = {matrix(backend, 5, 4, drawn(20, 4)), matrix(backend, 6, 4, drawn(24, 5))},
                            dz[] = {matrix(backend, 5, 3, weights[0]), matrix(backend, 6, 3, weights[1])};
    require_gradient(parameters, [&] {
      double sum = 0;
      for (const int side : {0, 1}) {
        Matrix<B, double> z(backend, side == 0 ? 5 : 6, 3);
        layer.forward(h[side].const_view(), z.view());
        layer.backward(h[side].const_view(), dz[side].const_view(), side == 1);
        sum += dot(weights[side], z.get());
      }
      return sum;
    });
  });
}

TEST_CASE("a graph convolution sums its neighbours' rows, and dH gives its tables' gradient", "[layers]") {
  on_every_backend([](auto& backend) {
    using B = std::remove_reference_t<decltype(backend)>;
    for (const auto& [aggregation, implicit, one_table, normalization] : convolution_cases) {
      INFO("stack " << (aggregation == Aggregation::stack) << ", implicit " << implicit << ", one table " << one_table);
      const ConvolutionOptions options{
          .aggregation = aggregation, .units = 20, .implicit = implicit, .one_table = one_table, .dense_above = false};
      const ConvolutionShape shape(options, levels);
      Buffer<B, double> space = workspace(backend, options);
      Parameters<B, double> parameters;
      GraphConvolution<B, double> layer(backend, parameters, "encoder.item", options, user_side, users, items, levels,
                                        space);
      parameters.allocate(backend);
      testing::perturb(parameters, 1.0);
      const Graph<B, double> graph(backend, users, items, levels, some_ratings(), normalization);
      const Matrix<B, double> dh = matrix(backend, users, shape.hidden, drawn(Offset{users} * shape.hidden, 3));
      const auto hidden = [&] {
        const MatrixView<const double> h = layer.hidden();
        Values values(static_cast<std::size_t>(h.rows) * h.columns);
        for (Offset i = 0; i < h.rows; ++i)
          backend.copy_to_host(values.data() + i * h.columns, h.row(i), sizeof(double) * h.columns);
        return values;
      };
      layer.forward(graph.messages());
      const Values w = parameters.get(0);
      check_equal(hidden(), convolved(options, normalization,
                                      [&](Index k, Index j) { return &w[(k * items + j) * shape.width]; }));
      require_gradient(parameters, [&] {
        layer.forward(graph.messages());
        layer.backward(graph.messages(), dh.const_view());
        return dot(dh.get(), hidden());
      });
    }
  });
}

TEST_CASE("a convolution refuses dH where it was made for a dense layer above", "[layers]") {
  testing::Reference backend;
  const ConvolutionOptions options{.units = 4};
  Buffer<testing::Reference, double> space = workspace(backend, options);
  Parameters<testing::Reference, double> parameters;
  GraphConvolution<testing::Reference, double> layer(backend, parameters, "encoder.item", options, user_side, users,
                                                     items, levels, space);
  parameters.allocate(backend);
  const Graph<testing::Reference, double> graph(backend, users, items, levels, some_ratings());
  const Matrix<testing::Reference, double> dh(backend, users, 4);
  layer.forward(graph.messages());
  CHECK_THROWS_AS(layer.backward(graph.messages(), dh.const_view()), InputError);
}

TEST_CASE("layers of one side draw masks of their own where they are numbered", "[layers]") {
  using B = testing::Reference;
  B backend;
  const auto hidden_of = [&](Index layer) {
    const ConvolutionOptions options{
        .units = 40, .activation = Activation::linear, .hidden_dropout = 0.5, .layer = layer};
    Buffer<B, double> space = workspace(backend, options);
    Parameters<B, double> parameters;
    GraphConvolution<B, double> convolution(backend, parameters, "encoder.item", options, user_side, users, items,
                                            levels, space);
    parameters.allocate(backend);
    parameters.initialize(1);
    const Graph<B, double> graph(backend, users, items, levels, some_ratings());
    convolution.forward(graph.messages(), DropoutStep{7, 1});
    Values values(convolution.hidden().row(0), convolution.hidden().row(0) + 40);
    return values;
  };
  CHECK(hidden_of(0) == hidden_of(0));
  CHECK(hidden_of(0) != hidden_of(1));
}

TEST_CASE("one table for all levels goes with neither implicit nor ordinal weights", "[layers]") {
  CHECK(ConvolutionShape({.units = 4, .one_table = true}, levels).tables == 1);
  CHECK_THROWS_AS(ConvolutionShape({.units = 4, .implicit = true, .one_table = true}, levels), InputError);
  CHECK_THROWS_AS(ConvolutionShape({.units = 4, .one_table = true, .ordinal = true}, levels), InputError);
}

TEST_CASE("a convolution of dense input sums its neighbours' X W, and has the gradients of W and X", "[layers]") {
  on_every_backend([](auto& backend) {
    using B = std::remove_reference_t<decltype(backend)>;
    for (const auto& [aggregation, implicit, one_table, normalization] : convolution_cases) {
      INFO("stack " << (aggregation == Aggregation::stack) << ", implicit " << implicit << ", one table " << one_table);
      const ConvolutionOptions options{
          .aggregation = aggregation, .units = 20, .implicit = implicit, .one_table = one_table, .dense_above = false};
      const ConvolutionShape shape(options, levels);
      Buffer<B, double> space = workspace(backend, options);
      Parameters<B, double> parameters;
      const int x = parameters.add(input_piece(items, 6));
      DenseConvolution<B, double> layer(backend, parameters, "second.item", options, user_side, users, items, levels, 6,
                                        space);
      parameters.allocate(backend);
      testing::perturb(parameters, 1.0);
      const Graph<B, double> graph(backend, users, items, levels, some_ratings(), normalization);
      const Matrix<B, double> dh = matrix(backend, users, shape.hidden, drawn(Offset{users} * shape.hidden, 3));
      const auto hidden = [&] {
        const MatrixView<const double> h = layer.hidden();
        Values values(static_cast<std::size_t>(h.rows) * h.columns);
        for (Offset i = 0; i < h.rows; ++i)
          backend.copy_to_host(values.data() + i * h.columns, h.row(i), sizeof(double) * h.columns);
        return values;
      };
      layer.forward(graph.messages(), parameters.matrix(x));
      const Values w = parameters.get(1);
      std::vector<Values> xw;
      for (Index k = 0; k < shape.tables; ++k)
        xw.push_back(product(parameters.get(0),
                             {w.begin() + k * 6 * shape.width, w.begin() + (k + 1) * 6 * shape.width}, items, 6,
                             shape.width));
      check_equal(hidden(),
                  convolved(options, normalization, [&](Index k, Index j) { return &xw[k][j * shape.width]; }));
      require_gradient(parameters, [&] {
        layer.forward(graph.messages(), parameters.matrix(x));
        layer.backward(graph.messages(), parameters.matrix(x), dh.const_view(), input_gradient(parameters, x));
        return dot(dh.get(), hidden());
      });
    }
  });
}

TEST_CASE("convolutions stack: the gradient through two of them agrees with central differences", "[layers]") {
  on_every_backend([](auto& backend) {
    using B = std::remove_reference_t<decltype(backend)>;
    const Graph<B, double> graph(backend, users, items, levels, some_ratings());
    for (const bool stack : {false, true}) {
      TwoLayers<B> model(backend, stack);
      require_gradient(model.parameters(), [&] { return model.loss(graph.messages(), graph.pairs(), {17, 4}); });
    }
  });
}

TEST_CASE("a decoder predicts the expected rating, and its gradients are those of the cross-entropy", "[layers]") {
  constexpr Index width = 5, bases = 2;
  const Values ratings = {1, 2.5, 4};
  on_every_backend([&](auto& backend) {
    using B = std::remove_reference_t<decltype(backend)>;
    Parameters<B, double> parameters;
    ParameterPiece u_piece = input_piece(users, width), v_piece = input_piece(items, width);
    u_piece.name = "u";
    v_piece.name = "v";
    const int u = parameters.add(u_piece), v = parameters.add(v_piece);
    BilinearDecoder<B, double> decoder(backend, parameters, "decoder", {.bases = bases, .output = width}, users,
                                       ratings);
    parameters.allocate(backend);
    testing::perturb(parameters, 1.0);
    const Graph<B, double> graph(backend, users, items, levels, some_ratings());
    std::vector<Rating> pairs = some_ratings();
    std::sort(pairs.begin(), pairs.end(), [](const Rating& a, const Rating& b) {
      return std::tuple(a.user, a.level, a.item) < std::tuple(b.user, b.level, b.item);
    });
    auto values = parameters.get();
    const Values &p = values["decoder.basis"], &a = values["decoder.coefficients"];
    Values expected;
    double loss = 0;
    for (const Rating& pair : pairs) {
      Values odds(levels);
      for (Index r = 0; r < levels; ++r) {
        double logit = 0;
        for (Index s = 0; s < bases; ++s)
          for (Index d = 0; d < width; ++d)
            for (Index e = 0; e < width; ++e)
              logit += a[s * levels + r] * values["u"][pair.user * width + d] * p[(s * width + d) * width + e] *
                       values["v"][pair.item * width + e];
        odds[r] = std::exp(logit);
      }
      const double total = odds[0] + odds[1] + odds[2];
      expected.push_back(dot(odds, ratings) / total);
      loss -= std::log(odds[pair.level] / total) / static_cast<double>(pairs.size());
    }
    Buffer<B, double> predictions(backend, graph.edges());
    decoder.predict(parameters.matrix(u), parameters.matrix(v), graph.pairs(), predictions.data());
    const Values given = predictions.get();
    REQUIRE(given.size() == expected.size());
    for (std::size_t e = 0; e < given.size(); ++e) CHECK(std::abs(given[e] - expected[e]) < 1e-12);
    CHECK(std::abs(decoder.metrics().loss() - loss) < 1e-12);
    require_gradient(parameters, [&] {
      decoder.forward_backward(parameters.matrix(u), parameters.matrix(v), graph.pairs(), input_gradient(parameters, u),
                               input_gradient(parameters, v));
      return decoder.metrics().loss();
    });
  });
}

TEST_CASE("a random orthogonal matrix has orthonormal columns, and is drawn anew each time", "[layers]") {
  Random random(3);
  Values before;
  for (const Index n : {1, 2, 5, 30, 75}) {
    const Values q = random_orthogonal(n, random);
    for (Index a = 0; a < n; ++a)
      for (Index b = 0; b < n; ++b) {
        double sum = 0;
        for (Index i = 0; i < n; ++i) sum += q[Offset{i} * n + a] * q[Offset{i} * n + b];
        REQUIRE(std::abs(sum - (a == b)) < 1e-12);
      }
    CHECK((n == 1 || random_orthogonal(n, random) != q));
  }
  // Uniform over all of them: entries have mean 0 and variance 1 / n; 2000 draws err by some 3 %.
  double sum = 0, squares = 0;
  constexpr int draws = 2000;
  for (int draw = 0; draw < draws; ++draw) {
    const double first = random_orthogonal(4, random).front();
    sum += first;
    squares += first * first;
  }
  CHECK(std::abs(sum / draws) < 0.05);
  CHECK(std::abs(squares / draws - 0.25) < 0.025);
}
