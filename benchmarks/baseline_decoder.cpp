// The decoder as it is written down, unfused: one pass for each formula, arrays of the size of the edges between them.
#include <benchmark/benchmark.h>

#include <cmath>
#include <thread>

#include "benchmarks.hpp"
#include "recorded_step.hpp"

namespace gcmc::benchmarks {
namespace {

/// Plain loops over what a recorded Decode reads. Work is shared out by rows, so that no two threads write one place.
class UnfusedDecoder {
 public:
  UnfusedDecoder(const Decode<float>& op, int threads) : op_(op), threads_(threads), width_(op.items.columns) {
    collect_edges();
    const std::size_t edges = item_.size(), bases = static_cast<std::size_t>(op.bases);
    scores_.resize(bases * edges);
    score_gradients_.resize(bases * edges);
    logit_gradients_.resize(static_cast<std::size_t>(op.pairs.levels) * edges);
    user_basis_gradient_.resize(static_cast<std::size_t>(op.user_basis.rows) * op.user_basis.stride);
    item_gradient_.resize(static_cast<std::size_t>(op.items.rows) * op.items.stride);
  }

  void run() {
    for (Index s = 0; s < op_.bases; ++s) score(s);
    softmax();
    for (Index s = 0; s < op_.bases; ++s) {
      score_gradient(s);
      user_gradient(s);
    }
    items_gradient();
  }

  /// dQ and dz, as Decode leaves them but for what lies in the padding.
  const std::vector<float>& user_basis_gradient() const { return user_basis_gradient_; }
  const std::vector<float>& item_gradient() const { return item_gradient_; }

 private:
  /// Edges by user; and for each item the numbers of its edges.
  void collect_edges() {
    const Adjacency& pairs = op_.pairs;
    by_item_.resize(static_cast<std::size_t>(op_.items.rows));
    first_edge_ = {0};
    for (Index i = 0; i < pairs.receivers; ++i) {
      for (Index r = 0; r < pairs.levels; ++r)
        for (Offset e = pairs.begin[Offset{i} * pairs.levels + r]; e < pairs.end[Offset{i} * pairs.levels + r]; ++e) {
          by_item_[static_cast<std::size_t>(pairs.source[e])].push_back(static_cast<Index>(item_.size()));
          user_.push_back(i);
          item_.push_back(pairs.source[e]);
          level_.push_back(r);
        }
      first_edge_.push_back(static_cast<Index>(item_.size()));
    }
  }

  /// body(first, last) over [0, count), a part for each thread.
  template <class Body>
  void share(Index count, const Body& body) const {
    std::vector<std::jthread> others;
    const auto bound = [&](int part) { return static_cast<Index>(Offset{count} * part / threads_); };
    for (int part = 1; part < threads_; ++part) others.emplace_back(body, bound(part), bound(part + 1));
    body(0, bound(1));
  }
  Index edges() const { return static_cast<Index>(item_.size()); }
  const float* basis(Index user, Index s) const { return op_.user_basis.row(user) + s * op_.items.stride; }

  /// x_s[e] = <Q_s of the user, z of the item>
  void score(Index s) {
    share(edges(), [&, x = &scores_[static_cast<std::size_t>(s) * item_.size()]](Index first, Index last) {
      for (Index e = first; e < last; ++e) {
        const float *q = basis(user_[e], s), *z = op_.items.row(item_[e]);
        float sum = 0;
        for (Index c = 0; c < width_; ++c) sum += q[c] * z[c];
        x[e] = sum;
      }
    });
  }

  /// d[e, r] = (softmax over r of sum over s of a_sr x_s) - [r is the level], over the number of edges.
  void softmax() {
    const Index levels = op_.pairs.levels, stride = row_stride<float>(levels);
    share(edges(), [&](Index first, Index last) {
      for (Index e = first; e < last; ++e) {
        float* d = &logit_gradients_[static_cast<std::size_t>(e) * levels];
        float total = 0;
        for (Index r = 0; r < levels; ++r) {
          float logit = 0;
          for (Index s = 0; s < op_.bases; ++s)
            logit += op_.coefficients[s * stride + r] * scores_[static_cast<std::size_t>(s) * item_.size() + e];
          d[r] = std::exp(logit);
          total += d[r];
        }
        for (Index r = 0; r < levels; ++r)
          d[r] = (d[r] / total - (r == level_[e] ? 1.0f : 0.0f)) / static_cast<float>(edges());
      }
    });
  }

  /// y_s[e] = sum over r of a_sr d[e, r]
  void score_gradient(Index s) {
    const Index levels = op_.pairs.levels, stride = row_stride<float>(levels);
    share(edges(), [&, y = &score_gradients_[static_cast<std::size_t>(s) * item_.size()]](Index first, Index last) {
      for (Index e = first; e < last; ++e) {
        y[e] = 0;
        for (Index r = 0; r < levels; ++r)
          y[e] += op_.coefficients[s * stride + r] * logit_gradients_[static_cast<std::size_t>(e) * levels + r];
      }
    });
  }

  /// dQ_s[i] = sum over the user's edges of y_s z
  void user_gradient(Index s) {
    const float* y = &score_gradients_[static_cast<std::size_t>(s) * item_.size()];
    share(op_.user_basis.rows, [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        float* dq = &user_basis_gradient_[static_cast<std::size_t>(i) * op_.user_basis.stride + s * op_.items.stride];
        std::fill(dq, dq + width_, 0.0f);
        for (Index e = first_edge_[i]; e < first_edge_[i + 1]; ++e)
          for (Index c = 0; c < width_; ++c) dq[c] += y[e] * op_.items.row(item_[e])[c];
      }
    });
  }

  /// dz[j] = sum over the item's edges and s of y_s Q_s
  void items_gradient() {
    share(op_.items.rows, [&](Index first, Index last) {
      for (Index j = first; j < last; ++j) {
        float* dz = &item_gradient_[static_cast<std::size_t>(j) * op_.items.stride];
        std::fill(dz, dz + width_, 0.0f);
        for (Index s = 0; s < op_.bases; ++s)
          for (const Index e : by_item_[static_cast<std::size_t>(j)]) {
            const float y = score_gradients_[static_cast<std::size_t>(s) * item_.size() + e];
            for (Index c = 0; c < width_; ++c) dz[c] += y * basis(user_[e], s)[c];
          }
      }
    });
  }

  Decode<float> op_;
  int threads_;
  Index width_;
  std::vector<Index> user_, item_, level_, first_edge_;
  std::vector<std::vector<Index>> by_item_;
  std::vector<float> scores_, score_gradients_, logit_gradients_, user_basis_gradient_, item_gradient_;
};

/// Largest difference of two padded matrices, as a share of the first one's largest element.
double difference(MatrixView<const float> expected, Index blocks, Index columns, const std::vector<float>& actual) {
  const Index block_stride = expected.stride / blocks;
  double largest = 0, off = 0;
  for (Offset i = 0; i < expected.rows; ++i)
    for (Index b = 0; b < blocks; ++b)
      for (Index c = 0; c < columns; ++c) {
        const Offset at = i * expected.stride + b * block_stride + c;
        largest = std::max(largest, std::abs(double(expected.data[at])));
        off = std::max(off, std::abs(double(expected.data[at]) - double(actual[static_cast<std::size_t>(at)])));
      }
  return off / largest;
}

void run(benchmark::State& state, Laboratory& laboratory, const Case& options) {
  auto& step = laboratory.experiment<RecordedStep>("kernel/" + options.name(), options);
  const auto& op = step.first<Decode<float>>();
  step.run("decode");
  UnfusedDecoder decoder(op, options.threads);
  for (auto _ : state) decoder.run();
  const double off =
      std::max(difference(op.user_basis_gradient, op.bases, op.items.columns, decoder.user_basis_gradient()),
               difference(op.item_gradient, 1, op.items.columns, decoder.item_gradient()));
  if (!(off < 1e-3)) state.SkipWithError("the unfused decoder's gradients are not the library's");
}

}  // namespace

void register_unfused_decoders(const std::shared_ptr<Laboratory>& laboratory, const std::vector<std::string>& shapes) {
  for (const std::string& shape : shapes)
    for (const int threads : thread_counts()) {
      const Case options{shape, Aggregation::stack, "dgl", 0.3, threads};
      benchmark::RegisterBenchmark(("baseline/unfused_decoder/" + options.name()).c_str(),
                                   [=](benchmark::State& state) { run(state, *laboratory, options); })
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
    }
}

}  // namespace gcmc::benchmarks
