// A model of one's own, from the public headers: LightGCN (He et al. 2020, arXiv 2002.02126), whose prediction is the
// dot product of two propagated embeddings, here of a rating less the mean, with squared error. Its gradient is
// checked, and the library's Trainer trains it on generated ratings.
#include <gcmc/cpu.hpp>
#include <gcmc/layers/message_passing.hpp>
#include <gcmc/ratings/generator.hpp>
#include <gcmc/testing/gradient_check.hpp>
#include <gcmc/train/train.hpp>
#include <iostream>

namespace {

using namespace gcmc;

/// Rating = mean + z_i . z_j with Z = (E + A E + ... + A^L E) / (L + 1), where E are the embeddings of users and items,
/// and A is the normalised graph of all ratings, whatever their level: a row of A E is the sum of its neighbours' rows,
/// each times 1 / sqrt(degree * neighbour's degree). There are no other weights and no activation. The loss is the mean
/// squared error.
template <class B, class T>
requires Backend<B, T>
class LightGcn {
 public:
  LightGcn(B& backend, const Ratings& ratings, double mean, Index width, int hops, std::uint64_t seed)
      : backend_(&backend),
        hops_(hops),
        embeddings_{add_embedding("user", ratings.users(), width), add_embedding("item", ratings.items(), width)},
        mean_(static_cast<T>(mean)),
        values_(backend, std::vector<T>(ratings.levels.begin(), ratings.levels.end())),
        slopes_(backend, static_cast<Offset>(ratings.entries.size())),
        sums_(backend, 1) {
    const Index nodes[] = {ratings.users(), ratings.items()}, levels = static_cast<Index>(ratings.levels.size());
    const ConvolutionOptions options{.units = width, .one_table = true, .activation = Activation::linear};
    workspace_ = Buffer<B, T>(backend, MessagePassing<B, T>::workspace_size({options, levels}, nodes[0], nodes[1]));
    for (const Side side : {user_side, item_side}) {
      neighbours_[side].emplace(backend, options, side, nodes[side], nodes[other(side)], levels, workspace_);
      sum_[side] = Matrix<B, T>(backend, nodes[side], width);
      z_[side] = Matrix<B, T>(backend, nodes[side], width);
      dz_[side] = Matrix<B, T>(backend, nodes[side], width);
    }
    parameters_.allocate(backend);
    parameters_.initialize(seed);
  }

  // What a Trainer asks of a model.
  Parameters<B, T>& parameters() { return parameters_; }
  Metrics metrics() const {
    const DecodeSums sums = sums_.front();
    return {.count = static_cast<Offset>(sums.count),
            .squared_error = sums.squared_error,
            .absolute_error = sums.absolute_error,
            .cross_entropy = sums.squared_error};  // what loss() is the mean of
  }

  void encode(const Messages<T>& messages, const std::optional<DropoutStep>& = {}) {
    propagate(messages, {parameters_.matrix(embeddings_[0]), parameters_.matrix(embeddings_[1])},
              {z_[0].view(), z_[1].view()});
  }
  void predict(const Pairs& pairs, T* predictions, T*) {  // there are no probabilities of levels
    PairDots<T> dots = dots_of(user_side, pairs);
    dots.dots = predictions;
    dots.sums = sums_.data();
    backend_->run(dots);
  }
  void forward_backward(const Messages<T>& messages, const Pairs& pairs, const std::optional<DropoutStep>& = {}) {
    encode(messages);
    for (const Side side : {user_side, item_side}) {
      PairDots<T> dots = dots_of(side, pairs);
      dots.count = pairs.count;
      dots.slopes = slopes_.data();
      if (side == user_side) dots.sums = sums_.data();
      backend_->run(dots);
      backend_->run(MultiplySparse<T>{.a = dots.pairs, .values = slopes_.data(), .b = dots.b, .c = dz_[side].view()});
    }
    // A is symmetric, and so is a polynomial in it: dE is dZ propagated.
    propagate(messages, {dz_[0].const_view(), dz_[1].const_view()}, {gradient(user_side), gradient(item_side)});
  }

 private:
  int add_embedding(const char* name, Index rows, Index width) {
    return parameters_.add({.name = name, .rows = rows, .columns = width, .fan_in = rows, .fan_out = width});
  }
  MatrixView<T> gradient(Side side) const {
    const BlockMatrix<T> g = parameters_.gradient(embeddings_[side]);
    return {g.data, g.rows, g.columns, g.stride};
  }

  /// Of the pairs as one side has them; what is wanted of them is to be set.
  PairDots<T> dots_of(Side side, const Pairs& pairs) const {
    return {.pairs = side == user_side ? pairs.adjacency : pairs.by_item,
            .a = z_[side].const_view(),
            .b = z_[other(side)].const_view(),
            .shift = mean_,
            .values = values_.data()};
  }

  /// Z by Horner's rule: S = E, then `hops` times S = E + A S, then Z = S / (hops + 1).
  void propagate(const Messages<T>& messages, const std::array<MatrixView<const T>, 2>& e,
                 const std::array<MatrixView<T>, 2>& z) {
    constexpr std::array sides{user_side, item_side};
    for (const Side side : sides) add(e[side], sum_[side].view(), 1, 0);
    for (int hop = 0; hop < hops_; ++hop) {
      for (const Side side : sides) neighbours_[side]->forward(messages, sum_[other(side)].as_block());
      for (const Side side : sides) {
        add(e[side], sum_[side].view(), 1, 0);
        add(neighbours_[side]->hidden(), sum_[side].view(), 1, 1);
      }
    }
    for (const Side side : sides) add(sum_[side].const_view(), z[side], T(1) / T(hops_ + 1), 0);
  }
  /// C = alpha A + beta C.
  void add(MatrixView<const T> a, MatrixView<T> c, T alpha, T beta) {
    backend_->run(AddScaled<T>{.a = a, .alpha = alpha, .beta = beta, .c = c});
  }

  B* backend_;
  int hops_;
  Parameters<B, T> parameters_;
  std::array<int, 2> embeddings_;
  T mean_;
  Buffer<B, T> values_, slopes_;
  Buffer<B, DecodeSums> sums_;
  Buffer<B, T> workspace_;
  std::array<std::optional<MessagePassing<B, T>>, 2> neighbours_;
  std::array<Matrix<B, T>, 2> sum_, z_, dz_;
};

/// On a few ratings, in double: the largest relative error of the gradient against central differences.
double gradient_error(Cpu& cpu) {
  const Ratings ratings = generate_ratings({.users = 20, .items = 15, .ratings = 120});
  LightGcn<Cpu, double> model(cpu, ratings, 3.5, 6, 3, 1);
  const Graph<Cpu, double> graph(cpu, ratings.users(), ratings.items(), 5, ratings.entries);
  return testing::worst_error(testing::check_gradient(model.parameters(), [&] {
    model.forward_backward(graph.messages(), graph.pairs());
    return model.metrics().loss();
  }));
}

}  // namespace

int main() try {
  Cpu cpu;
  const double error = gradient_error(cpu);
  std::cout << "gradient: relative error " << error << '\n';

  const Ratings ratings = generate_ratings({.users = 300, .items = 200, .ratings = 25000});
  Options options;
  options.train.learning_rate = 0.05;
  options.train.max_iterations = 400;
  options.train.weight_decay = 0.5;
  options.train.target_removal = 0.7;  // a rating that is predicted carries no message in that step
  const Split split(ratings, split_options(options));
  const BiasBaseline baseline = fit_bias_baseline(ratings, split.train());
  LightGcn<Cpu, float> model(cpu, ratings, baseline.mean, 8, 2, 1);
  Trainer<Cpu, float, LightGcn<Cpu, float>> trainer(cpu, model, ratings, split, options);
  while (!trainer.finished()) {
    trainer.step();
    trainer.observe(trainer.validate().rmse());
  }
  trainer.choose();
  const double rmse = trainer.validate().rmse(), of_biases = evaluate(baseline, ratings, split.valid()).rmse();
  std::cout << "validation RMSE " << rmse << ", of mean and biases alone " << of_biases << '\n';
  return error < 1e-6 && rmse < of_biases ? 0 : 1;
} catch (const gcmc::Error& error) {
  std::cerr << "custom_layer: " << error.what() << '\n';
  return 1;
}
