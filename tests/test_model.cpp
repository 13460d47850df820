// The whole model: its gradients against central differences for every option of every layer, on every backend, and the
// updates that its optimizer puts off.
#include "backends.hpp"
#include "gcmc/testing/gradient_check.hpp"
#include "gcmc/testing/reference.hpp"
#include "gcmc/train/train.hpp"

namespace {

using namespace gcmc;

/// 11 users, 13 items, 4 levels of which one has no rating; user 10 and item 12 have none either.
struct SmallProblem {
  Index users = 11, items = 13;
  std::vector<double> levels = {1, 2, 3.5, 5};
  std::vector<Rating> ratings;
  std::array<SideFeatures, 2> features;

  SmallProblem() {
    Random random(5);
    for (Index i = 0; i < users - 1; ++i)
      for (Index j = 0; j < items - 1; ++j)
        if (random.uniform() < 0.5) {
          const auto level = static_cast<Level>(random.below(3));
          ratings.push_back({i, j, level == 2 ? Level{3} : level});
        }
    for (const int side : {0, 1}) {
      const Index nodes = side == 0 ? users : items;
      features[side].columns = 3 + side;
      for (Index k = 0; k < nodes * features[side].columns; ++k)
        features[side].values.push_back(random.uniform() - 0.5);
      if (side == 0) continue;  // a graph of items: each leads to the next and the one after the next
      SparseFeatures& graph = features[side].sparse;
      graph = {.columns = nodes, .begin = {0}};
      for (Index node = 0; node < nodes; ++node) {
        for (Index next = node + 1; next < std::min(node + 3, nodes); ++next) {
          graph.column.push_back(next);
          graph.value.push_back(0.5F);
        }
        graph.begin.push_back(static_cast<Offset>(graph.column.size()));
      }
    }
  }
  ModelShape shape() const { return {users, items, levels, {&features[0], &features[1]}}; }
};

ModelOptions small_options() {
  return {.units = 12, .output = 5, .bases = 2, .node_dropout = 0.4, .features = false, .feature_units = 3};
}

/// Checks the gradient along random directions, one a piece of the parameters, dropout on.
template <class B>
void check_gradient_of(B& backend, const ModelOptions& options, double target_removal) {
  const SmallProblem problem;
  Model<B, double> model(backend, problem.shape(), options, 3);
  testing::perturb(model.parameters());
  const Graph<B, double> graph(backend, problem.users, problem.items, static_cast<Index>(problem.levels.size()),
                               problem.ratings, options.normalization);
  const DropoutStep dropout{17, 4};
  TargetRemoval<B, double> removal(graph, target_removal);
  if (target_removal > 0) removal.draw(dropout);
  const Messages<double> messages = target_removal > 0 ? removal.messages() : graph.messages();
  const Pairs pairs = target_removal > 0 ? removal.pairs() : graph.pairs();
  const auto derivatives = testing::check_gradient(model.parameters(), [&] {
    model.forward_backward(messages, pairs, dropout);
    return model.metrics().loss();
  });
  for (const testing::DirectionalDerivative& derivative : derivatives) {
    INFO(derivative.piece << ": analytic " << derivative.analytic << ", numeric " << derivative.numeric);
    CHECK(derivative.error() < 1e-6);
  }
}

struct Variant {
  const char* name;
  void (*change)(ModelOptions&);
  double target_removal = 0;
};

const Variant variants[] = {
    {"sum", [](ModelOptions&) {}},
    {"stack", [](ModelOptions& o) { o.aggregation = Aggregation::stack; }},
    {"left normalisation", [](ModelOptions& o) { o.normalization = Normalization::left; }},
    {"relu", [](ModelOptions& o) { o.activation = Activation::relu; }},
    {"tanh", [](ModelOptions& o) { o.activation = Activation::tanh; }},
    {"sigmoid", [](ModelOptions& o) { o.activation = Activation::sigmoid; }},
    {"softsign", [](ModelOptions& o) { o.activation = Activation::softsign; }},
    {"linear", [](ModelOptions& o) { o.activation = Activation::linear; }},
    {"ordinal sum", [](ModelOptions& o) { o.ordinal = true; }},
    {"ordinal stack",
     [](ModelOptions& o) {
       o.ordinal = true;
       o.aggregation = Aggregation::stack;
     }},
    {"implicit sum", [](ModelOptions& o) { o.implicit = true; }},
    {"implicit stack",
     [](ModelOptions& o) {
       o.implicit = true;
       o.aggregation = Aggregation::stack;
     }},
    {"implicit ordinal stack",
     [](ModelOptions& o) {
       o.implicit = o.ordinal = true;
       o.aggregation = Aggregation::stack;
     }},
    {"no dropout", [](ModelOptions& o) { o.node_dropout = 0; }},
    {"hidden dropout alone",
     [](ModelOptions& o) {
       o.node_dropout = 0;
       o.hidden_dropout = 0.3;
     }},
    {"node dropout alone", [](ModelOptions& o) { o.hidden_dropout = 0; }},
    {"node dropout of all levels", [](ModelOptions& o) { o.node_dropout_all_levels = true; }},
    {"no dense bias", [](ModelOptions& o) { o.dense_bias = false; }},
    {"shared dense", [](ModelOptions& o) { o.share_dense = true; }},
    {"shared dense without bias",
     [](ModelOptions& o) {
       o.share_dense = true;
       o.dense_bias = false;
     }},
    {"side features", [](ModelOptions& o) { o.features = true; }},
    {"side features with dropout and tanh",
     [](ModelOptions& o) {
       o.features = true;
       o.feature_dropout = 0.3;
       o.activation = Activation::tanh;
     }},
    {"label smoothing", [](ModelOptions& o) { o.label_smoothing = 0.2; }},
    {"one basis", [](ModelOptions& o) { o.bases = 1; }},
    {"three bases", [](ModelOptions& o) { o.bases = 3; }},
    {"orthogonal bases, glorot",
     [](ModelOptions& o) {
       o.orthogonal_basis = true;
       o.initialization = Initialization::glorot;
     }},
    {"target removal", [](ModelOptions&) {}, 0.3},
    {"target removal, left, stack, implicit, features",
     [](ModelOptions& o) {
       o.normalization = Normalization::left;
       o.aggregation = Aggregation::stack;
       o.implicit = o.features = true;
     },
     0.3},
    {"units that no level divides, widths beyond a vector",
     [](ModelOptions& o) {
       o.aggregation = Aggregation::stack;
       o.units = 75;
       o.output = 19;
     }},
};

}  // namespace

TEST_CASE("every option's gradient agrees with central differences, dropout on", "[model][gradient][backends]") {
  const auto check = [](auto& backend) {
    for (const Variant& variant : variants) {
      INFO(variant.name);
      ModelOptions options = small_options();
      variant.change(options);
      check_gradient_of(backend, options, variant.target_removal);
    }
  };
  for_each_backend(check);
  testing::Reference reference;
  check(reference);
}

TEST_CASE("a model on every backend computes what it computes on the reference", "[model][backends]") {
  const SmallProblem problem;
  for (const Variant& variant : variants) {
    INFO(variant.name);
    ModelOptions options = small_options();
    variant.change(options);
    const auto gradient = [&](auto& backend) {
      using B = std::remove_reference_t<decltype(backend)>;
      Model<B, double> model(backend, problem.shape(), options, 3);
      const Graph<B, double> graph(backend, problem.users, problem.items, 4, problem.ratings, options.normalization);
      model.forward_backward(graph.messages(), graph.pairs(), DropoutStep{1, 2});
      return model.parameters().get_gradient();
    };
    testing::Reference reference;
    const auto plain = gradient(reference);
    for_each_backend([&](auto& backend) {
      const auto ours = gradient(backend);
      for (const auto& [name, tensor] : plain)
        for (std::size_t k = 0; k < tensor.size(); ++k) {
          INFO(name << "[" << k << "]");
          REQUIRE(std::abs(ours.at(name)[k] - tensor[k]) < 1e-12);
        }
    });
  }
}

TEST_CASE("an embedding averaged over draws of dropout is the mean of so many encodings", "[model][backends]") {
  const SmallProblem problem;
  ModelOptions options = small_options();
  options.features = true;
  options.feature_dropout = 0.3;
  constexpr Index draws = 5;
  const auto check = [&](auto& backend) {
    using B = std::remove_reference_t<decltype(backend)>;
    Model<B, double> model(backend, problem.shape(), options, 3);
    const Graph<B, double> graph(backend, problem.users, problem.items, 4, problem.ratings, options.normalization);
    std::array<std::vector<double>, 2> sums;
    for (std::uint32_t step = 4294967291u; step != 0; ++step) {  // the last five of 32 bits
      model.encode(graph.messages(), DropoutStep{17, step});
      for (const Side side : {user_side, item_side}) {
        const std::vector<double> z = model.embedding(side).get();
        sums[side].resize(z.size());
        for (std::size_t k = 0; k < z.size(); ++k) sums[side][k] += z[k];
      }
    }
    model.encode(graph.messages());
    const std::array plain{model.embedding(user_side).get(), model.embedding(item_side).get()};
    model.encode_mean(graph.messages(), 17, draws);
    for (const Side side : {user_side, item_side}) {
      const std::vector<double> z = model.embedding(side).get();
      CHECK(z != plain[side]);
      for (std::size_t k = 0; k < z.size(); ++k) REQUIRE(std::abs(z[k] - sums[side][k] / draws) < 1e-14);
    }
  };
  for_each_backend(check);
  testing::Reference reference;
  check(reference);
}

TEST_CASE("the list of the parameters' names and shapes is that of the model, for every option", "[model]") {
  const SmallProblem problem;
  Cpu cpu(1);
  for (const Variant& variant : variants) {
    INFO(variant.name);
    ModelOptions options = small_options();
    variant.change(options);
    const Model<Cpu, double> model(cpu, problem.shape(), options, 3);
    ModelSizes sizes{.nodes = {problem.users, problem.items}, .levels = 4};
    if (options.features) sizes.feature_columns = {3, 4};
    if (options.features) sizes.sparse_columns[item_side] = problem.items;
    const std::vector<ParameterPiece> listed = ModelLayers(options, sizes).pieces(), made = model.parameters().pieces();
    REQUIRE(listed.size() == made.size());
    for (std::size_t k = 0; k < made.size(); ++k) {
      INFO(made[k].name);
      ParameterPiece piece = made[k];
      piece.stride = listed[k].stride;
      piece.begin = listed[k].begin;
      CHECK(listed[k] == piece);
    }
  }
}

TEST_CASE("an optimizer's waiting updates are lost neither at its end nor between two steps", "[model]") {
  const SmallProblem problem;
  ModelOptions options = small_options();
  options.node_dropout = 0.6;
  const auto trained = [&](bool flush_between, bool twice) {
    Cpu cpu(1);
    Model<Cpu, double> model(cpu, problem.shape(), options, 3);
    const Graph<Cpu, double> graph(cpu, problem.users, problem.items, 4, problem.ratings, options.normalization);
    {
      Optimizer<Cpu, double> optimizer(cpu, model.parameters(), OptimizerKind::adam, 1.0);
      REQUIRE_THROWS_AS((Optimizer<Cpu, double>(cpu, model.parameters(), OptimizerKind::adam, 1.0)), Error);
      for (std::uint32_t step = 1; step <= 7; ++step) {
        model.forward_backward(graph.messages(), graph.pairs(), DropoutStep{1, step});
        for (int k = 0; k < (twice ? 2 : 1); ++k) {
          optimizer.step(0.01);
          if (flush_between) optimizer.flush();
        }
      }
    }
    return model.parameters().get();
  };
  for (const bool twice : {false, true}) CHECK(trained(false, twice) == trained(true, twice));
}

TEST_CASE("the tables of ids learn so many times as fast as the rest, with either optimizer", "[model]") {
  const SmallProblem problem;
  ModelOptions options = small_options();
  options.node_dropout = 0.6;
  for (const OptimizerKind kind : {OptimizerKind::adam, OptimizerKind::sgd}) {
    const auto moved = [&](double factor) {
      Cpu cpu(1);
      Model<Cpu, double> model(cpu, problem.shape(), options, 3);
      const Graph<Cpu, double> graph(cpu, problem.users, problem.items, 4, problem.ratings, options.normalization);
      const auto before = model.parameters().get();
      Optimizer<Cpu, double> optimizer(cpu, model.parameters(), kind, 1.0, 0, factor);
      model.forward_backward(graph.messages(), graph.pairs(), DropoutStep{1, 1});
      optimizer.step(0.01);
      optimizer.flush();
      auto after = model.parameters().get();
      for (auto& [name, values] : after)
        for (std::size_t k = 0; k < values.size(); ++k) values[k] -= before.at(name)[k];
      return after;
    };
    const auto plain = moved(1), faster = moved(5);
    for (const auto& [name, values] : plain) {
      INFO(name);
      const double factor = name.starts_with("encoder.") ? 5 : 1;
      for (std::size_t k = 0; k < values.size(); ++k)
        REQUIRE(std::abs(faster.at(name)[k] - factor * values[k]) < 1e-12);
    }
  }
}

TEST_CASE("weight decay takes its share of every weight, whatever the gradient, with either optimizer", "[model]") {
  const SmallProblem problem;
  ModelOptions options = small_options();
  options.node_dropout = 0.6;
  constexpr double decay = 3, rate = 0.01, factor = 5;
  for (const OptimizerKind kind : {OptimizerKind::adam, OptimizerKind::sgd}) {
    Cpu cpu(1);
    Model<Cpu, double> model(cpu, problem.shape(), options, 3);
    const Graph<Cpu, double> graph(cpu, problem.users, problem.items, 4, problem.ratings, options.normalization);
    const auto before = model.parameters().get();
    const auto stepped = [&](double weight_decay) {
      model.parameters().initialize(3);
      Optimizer<Cpu, double> optimizer(cpu, model.parameters(), kind, 1.0, 0, factor, weight_decay);
      model.forward_backward(graph.messages(), graph.pairs(), DropoutStep{1, 1});
      optimizer.step(rate);
      optimizer.flush();
      return model.parameters().get();
    };
    const auto plain = stepped(0), decayed = stepped(decay);
    for (const auto& [name, values] : plain) {
      INFO(name);
      const double share = decay * rate * (name.starts_with("encoder.") ? factor : 1);
      for (std::size_t k = 0; k < values.size(); ++k)
        REQUIRE(std::abs(decayed.at(name)[k] - (values[k] - share * before.at(name)[k])) < 1e-12);
    }
  }
}

TEST_CASE("rows whose update waits cannot be read as they were before it", "[model]") {
  const SmallProblem problem;
  ModelOptions options = small_options();
  options.node_dropout = 0.6;
  Cpu cpu(1);
  const Graph<Cpu, double> graph(cpu, problem.users, problem.items, 4, problem.ratings, options.normalization);
  const auto trained = [&](const auto& read) {
    Model<Cpu, double> model(cpu, problem.shape(), options, 3);
    Optimizer<Cpu, double> optimizer(cpu, model.parameters(), OptimizerKind::adam, 1.0);
    for (std::uint32_t step = 1; step <= 3; ++step) {
      model.forward_backward(graph.messages(), graph.pairs(), DropoutStep{1, step});
      optimizer.step(0.01);
    }
    return read(model.parameters(), optimizer);
  };
  using Values = Parameters<Cpu, double>;
  const auto copy = [](const BlockMatrix<const double>& m) {
    return std::vector<double>(m.data, m.data + Offset{m.blocks} * m.rows * m.stride);
  };
  const auto flushed = trained([&](Values& parameters, Optimizer<Cpu, double>& optimizer) {
    optimizer.flush();
    return copy(parameters.values(0));
  });
  const auto raw = trained([](Values& parameters, auto&) {
    REQUIRE(parameters.pieces()[0].deferred);
    const double* first = parameters.raw_values().data();
    return std::vector<double>(first, first + Offset{parameters.rows()[0].rows} * parameters.rows()[0].stride);
  });
  CHECK(raw != flushed);
  CHECK(trained([&](Values& parameters, auto&) { return copy(parameters.values(0)); }) == flushed);
  CHECK(trained([&](Values& parameters, auto&) {
          const MatrixView<const double> first = parameters.matrix(0);
          return std::vector<double>(first.data, first.data + flushed.size());
        }) == flushed);
  // Of some rows, those.
  trained([&](Values& parameters, auto&) {
    const std::vector<Index> rows = {0, 5, 7, 30};
    const Buffer<Cpu, Index> list(cpu, rows), count(cpu, std::vector<Index>{4});
    const BlockMatrix<const double> table = parameters.values(0, list.data(), count.data());
    const auto all = copy(table);
    for (const Index row : rows)
      for (Offset c = 0; c < table.stride; ++c)
        CHECK(all[Offset{row} * table.stride + c] == flushed[Offset{row} * table.stride + c]);
    CHECK(all != flushed);
    return 0;
  });
}
