// The oracle: every operation as plain loops straight from its formula, summed in a wider type than its results.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "gcmc/backend/memory.hpp"
#include "gcmc/base/random.hpp"
#include "gcmc/testing/reference_math.hpp"

namespace gcmc::testing {

/// The slow and obvious backend.
class Reference {
 public:
  void* allocate(std::size_t bytes) {
    void* memory = ::operator new (bytes, std::align_val_t{row_alignment});
    std::memset(memory, 0, bytes);
    return memory;
  }
  void release(void* memory, std::size_t) { ::operator delete (memory, std::align_val_t{row_alignment}); }
  void copy_to_device(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  void copy_to_host(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  void copy(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  std::string name() const { return "reference"; }

  void run(const DrawMask& op) {
    for (Offset i = 0; i < op.count; ++i) {
      const auto bit = static_cast<std::uint8_t>(1u << (i % 8));
      op.bits[i / 8] = static_cast<std::uint8_t>(kept(op.mask, static_cast<std::uint64_t>(i)) ? op.bits[i / 8] | bit
                                                                                              : op.bits[i / 8] & ~bit);
    }
  }

  void run(const SelectSources& op) {
    Index next = 0;
    for (Index k = 0; k < op.tables; ++k)
      for (Index j = 0; j < op.sources; ++j) {
        const Index pair = k * op.sources + j;
        if (bit_of(op.bits, (op.all_tables ? 0 : k) * round_up(op.sources, 64) + j)) op.list[next++] = pair;
      }
    *op.count = next;
  }

  void run(const SplitEdges& op) {
    const Adjacency& graph = op.adjacency;
    const Offset items = op.sources_are_items ? graph.sources : graph.receivers;
    Offset predicted = 0;
    for (Index i = 0; i < graph.receivers; ++i) {
      op.carried[i] = 0;
      for (Index r = 0; r < graph.levels; ++r) {
        const Offset row = Offset{i} * graph.levels + r;
        std::vector<Index> first, second;
        for (Offset e = graph.begin[row]; e < graph.end[row]; ++e) {
          const Index j = graph.source[e];
          const Offset user = op.sources_are_items ? i : j, item = op.sources_are_items ? j : i;
          (kept(op.mask, static_cast<std::uint64_t>(user * items + item)) ? second : first).push_back(j);
        }
        Offset e = graph.begin[row];
        for (const Index j : first) op.source[e++] = j;
        op.middle[row] = e;
        for (const Index j : second) op.source[e++] = j;
        op.carried[i] += static_cast<Offset>(first.size());
        predicted += static_cast<Offset>(second.size());
      }
    }
    if (op.predicted) *op.predicted = predicted;
  }

  template <class T>
  void run(const DrawUniform<T>& op) {
    Random random(op.seed, op.stream);
    for (Offset i = 0; i < Offset{op.x.blocks} * op.x.rows; ++i)
      for (Index c = 0; c < op.x.columns; ++c) {
        const double u = random.uniform();
        op.x.data[i * op.x.stride + c] = op.bound == 0 ? T{0} : static_cast<T>((2 * u - 1) * op.bound);
      }
  }

  template <class T>
  void run(const BuildTable<T>& op) {
    for (Index k = 0; k < op.weights.blocks; ++k)
      for (Index j = 0; j < op.weights.rows; ++j) {
        if (dropped(op.kept, k, op.weights.rows, j)) continue;
        for (Index c = 0; c < op.weights.columns; ++c) {
          Wide<T> sum = 0;
          for (Index s = op.ordinal && k < op.levels ? 0 : k; s <= k; ++s)
            sum += op.weights.block(s)[Offset{j} * op.weights.stride + c];
          const Wide<T> source_scale = op.source_scale ? op.source_scale[j] : T{1};
          const T message = static_cast<T>(op.scale * source_scale * sum);
          op.table.row(k * op.weights.rows + j)[c] = op.hints.bf16 ? to_eight_bits(message) : message;
        }
      }
  }

  template <class T>
  void run(const Aggregate<T>& op) {
    const Offset words = round_up(op.hidden.columns, 64);
    for (Index i = 0; i < op.adjacency.receivers; ++i)
      for (Index c = 0; c < op.hidden.columns; ++c) {
        const Index column = op.stack ? c % op.width : c;
        Wide<T> sum = 0;
        for (Index k = 0; k < op.tables; ++k)
          if (!op.stack || k == c / op.width)
            for_each_of_table(op.adjacency, i, k, op.tables, [&](Index j) {
              if (!dropped(op.kept, k, op.adjacency.sources, j))
                sum += op.table.row(k * op.adjacency.sources + j)[column];
            });
        const Wide<T> receiver_scale = op.receiver_scale ? op.receiver_scale[i] : T{1};
        const Wide<T> value = activation_value(op.activation, receiver_scale * sum);
        const bool keep = !op.bits || bit_of(op.bits, i * words + c);
        op.hidden.row(i)[c] = static_cast<T>(keep ? op.dropout_scale * value : Wide<T>{0});
      }
  }

  template <class T>
  void run(const AggregateBackward<T>& op) {
    const Index sources = op.adjacency.receivers, levels = op.adjacency.levels;
    for (Index k = 0; k < op.tables; ++k)
      for (Index j = 0; j < sources; ++j) {
        const bool whole = op.ordinal && k < levels;
        if (dropped(op.kept, k, sources, j) && !op.ordinal) continue;
        for (Index c = 0; c < op.gradient.columns; ++c) {
          Wide<T> sum = 0;
          for (Index r = k; r < (whole ? std::min(op.tables, levels) : k + 1); ++r) {
            if (dropped(op.kept, r, sources, j)) continue;
            const T* block = op.blocks.block(op.stack ? r : 0);
            for_each_of_table(op.adjacency, j, r, op.tables,
                              [&](Index i) { sum += block[Offset{i} * op.blocks.stride + c]; });
          }
          const Wide<T> source_scale = op.source_scale ? op.source_scale[j] : T{1};
          op.gradient.block(k)[Offset{j} * op.gradient.stride + c] = static_cast<T>(op.scale * source_scale * sum);
        }
      }
  }

  template <class T>
  void run(const Multiply<T>& op) {
    const Index inner = op.transpose ? op.b.columns : op.b.rows, outer = op.transpose ? op.b.rows : op.b.columns;
    for (Index block = 0; block < (op.sum_blocks ? 1 : op.b.blocks); ++block)
      for (Index i = 0; i < op.a.rows; ++i)
        for (Index n = 0; n < outer; ++n) {
          T& result = op.c.row(i)[block * row_stride<T>(outer) + n];
          Wide<T> sum = op.accumulate ? result : T{0};
          if (op.bias) sum += op.bias[n];
          for (Index b = op.sum_blocks ? 0 : block; b < (op.sum_blocks ? op.b.blocks : block + 1); ++b)
            for (Index k = 0; k < inner; ++k) {
              const T left = op.a.row(i)[(op.sum_blocks ? b * row_stride<T>(inner) : 0) + k];
              const T right = op.b.block(b)[op.transpose ? Offset{n} * op.b.stride + k : Offset{k} * op.b.stride + n];
              sum += Wide<T>{left} * right;
            }
          result = static_cast<T>(sum);
        }
  }

  template <class T>
  void run(const MultiplyTransposed<T>& op) {
    for (Index block = 0; block < op.c.blocks; ++block)
      for (Index i = 0; i < op.c.rows; ++i)
        for (Index n = 0; n < op.c.columns; ++n) {
          T& result = op.c.block(block)[Offset{i} * op.c.stride + n];
          Wide<T> sum = op.accumulate ? result : T{0};
          for (Index m = 0; m < op.a.rows; ++m)
            sum += Wide<T>{op.a.row(m)[i]} * op.b.row(m)[block * row_stride<T>(op.c.columns) + n];
          result = static_cast<T>(sum);
        }
  }

  template <class T>
  void run(const MultiplySparse<T>& op) {
    for (Index i = 0; i < op.a.receivers; ++i)
      for (Index c = 0; c < op.c.columns; ++c) {
        Wide<T> sum = op.bias ? op.bias[c] : T{0};
        for (Index r = 0; r < op.a.levels; ++r)
          for (Offset e = op.a.begin[Offset{i} * op.a.levels + r]; e < op.a.end[Offset{i} * op.a.levels + r]; ++e)
            sum += Wide<T>{op.values[e]} * op.b.row(op.a.source[e])[c];
        if (op.accumulate) sum += op.c.row(i)[c];
        op.c.row(i)[c] = static_cast<T>(sum);
      }
  }

  template <class T>
  void run(const PairDots<T>& op) {
    DecodeSums sums;
    for (Index i = 0; i < op.pairs.receivers; ++i)
      for (Index r = 0; r < op.pairs.levels; ++r)
        for (Offset e = op.pairs.begin[Offset{i} * op.pairs.levels + r];
             e < op.pairs.end[Offset{i} * op.pairs.levels + r]; ++e) {
          Wide<T> dot = op.shift;
          for (Index c = 0; c < op.a.columns; ++c) dot += Wide<T>{op.a.row(i)[c]} * op.b.row(op.pairs.source[e])[c];
          if (op.dots) op.dots[e] = static_cast<T>(dot);
          if (!op.values) continue;
          const Wide<T> error = dot - op.values[r];
          if (op.slopes) op.slopes[e] = static_cast<T>(2 * error / static_cast<Wide<T>>(*op.count));
          sums.count += 1;
          sums.squared_error += static_cast<double>(error * error);
          sums.absolute_error += static_cast<double>(std::fabs(error));
        }
    if (op.sums) *op.sums = sums;
  }

  template <class T>
  void run(const AddScaled<T>& op) {
    for (Index i = 0; i < op.a.rows; ++i)
      for (Index c = 0; c < op.a.columns; ++c) {
        const Wide<T> scale = Wide<T>{op.alpha} * (op.row_scale ? op.row_scale[i] : T{1});
        Wide<T> sum = scale * op.a.row(i)[c];
        if (op.beta != 0) sum += Wide<T>{op.beta} * op.c.row(i)[c];
        op.c.row(i)[c] = static_cast<T>(sum);
      }
  }

  template <class T>
  void run(const ColumnSums<T>& op) {
    for (Index c = 0; c < op.x.columns; ++c) {
      Wide<T> sum = op.accumulate ? op.sums[c] : T{0};
      for (Index i = 0; i < op.x.rows; ++i) sum += op.x.row(i)[c];
      op.sums[c] = static_cast<T>(sum);
    }
  }

  template <class T>
  void run(const Activate<T>& op) {
    for (Index i = 0; i < op.x.rows; ++i)
      for (Index c = 0; c < op.x.columns; ++c) {
        const bool keep = !op.bits || bit_of(op.bits, i * round_up(op.x.columns, 64) + c);
        T& x = op.x.row(i)[c];
        x = static_cast<T>(keep ? op.dropout_scale * activation_value(op.activation, Wide<T>{x}) : Wide<T>{0});
      }
  }

  template <class T>
  void run(const DenseBackward<T>& op) {
    for (Index i = 0; i < op.dz.rows; ++i)
      for (Index h = 0; h < op.hidden.columns; ++h) {
        Wide<T> sum = 0;
        for (Index d = 0; d < op.dz.columns; ++d) sum += Wide<T>{op.dz.row(i)[d]} * op.weight.row(h)[d];
        Wide<T> slope = 0;
        if (!op.bits || bit_of(op.bits, i * round_up(op.hidden.columns, 64) + h))
          slope = op.dropout_scale * activation_slope(op.activation, Wide<T>{op.hidden.row(i)[h]} / op.dropout_scale);
        const Wide<T> receiver_scale = op.receiver_scale ? op.receiver_scale[i] : T{1};
        T* block = op.blocks.block(h / op.blocks.columns);
        block[Offset{i} * op.blocks.stride + h % op.blocks.columns] = static_cast<T>(sum * slope * receiver_scale);
      }
  }

  template <class T>
  void run(const Decode<T>& op) {
    const Index columns = op.items.columns, width = row_stride<T>(columns), levels = op.pairs.levels;
    std::vector<Wide<T>> user_gradient(static_cast<std::size_t>(op.pairs.receivers) * op.bases * columns);
    std::vector<Wide<T>> item_gradient(static_cast<std::size_t>(op.pairs.sources) * columns);
    std::vector<Wide<T>> coefficient_gradient(static_cast<std::size_t>(op.bases) * levels);
    DecodeSums sums;
    for_each_pair(op, [&](Index i, Index j, Index level, Offset, const Scores<T>& scores) {
      add_pair(op.values, level, scores, sums);
      std::vector<Wide<T>> target(static_cast<std::size_t>(levels));
      std::vector<Index> next;
      if (level > 0) next.push_back(level - 1);
      if (level + 1 < levels) next.push_back(level + 1);
      const Wide<T> shared = next.empty() ? 0 : Wide<T>{op.smoothing};
      target[level] = 1 - shared;
      for (const Index r : next) target[r] = shared / static_cast<Wide<T>>(next.size());
      sums.cross_entropy += static_cast<double>(scores.log_p[level]);
      for (Index r = 0; r < levels; ++r) sums.cross_entropy -= static_cast<double>(target[r] * scores.log_p[r]);
      for (Index s = 0; s < op.bases; ++s) {
        Wide<T> dx = 0;  // dLoss / dx_s
        for (Index r = 0; r < levels; ++r) {
          const Wide<T> dlogit = (scores.p[r] - target[r]) / static_cast<Wide<T>>(*op.count);
          coefficient_gradient[s * levels + r] += dlogit * scores.x[s];
          dx += dlogit * op.coefficients[s * row_stride<T>(levels) + r];
        }
        for (Index d = 0; d < columns; ++d) {
          user_gradient[(Offset{i} * op.bases + s) * columns + d] += dx * op.items.row(j)[d];
          item_gradient[Offset{j} * columns + d] += dx * op.user_basis.row(i)[s * width + d];
        }
      }
    });
    for (Index i = 0; i < op.pairs.receivers; ++i)
      for (Index s = 0; s < op.bases; ++s)
        for (Index d = 0; d < columns; ++d)
          op.user_basis_gradient.row(i)[s * width + d] =
              static_cast<T>(user_gradient[(Offset{i} * op.bases + s) * columns + d]);
    for (Index j = 0; j < op.pairs.sources; ++j)
      for (Index d = 0; d < columns; ++d)
        op.item_gradient.row(j)[d] = static_cast<T>(item_gradient[Offset{j} * columns + d]);
    for (Index s = 0; s < op.bases; ++s)
      for (Index r = 0; r < levels; ++r)
        op.coefficient_gradient[s * row_stride<T>(levels) + r] = static_cast<T>(coefficient_gradient[s * levels + r]);
    op.sums->count = sums.count;
    op.sums->cross_entropy = sums.cross_entropy;
    op.sums->squared_error = sums.squared_error;
  }

  template <class T>
  void run(const Predict<T>& op) {
    const Index levels = op.pairs.levels;
    DecodeSums sums;
    for_each_pair(op, [&](Index, Index, Index level, Offset e, const Scores<T>& scores) {
      const Wide<T> prediction = add_pair(op.values, level, scores, sums);
      if (op.predictions) op.predictions[e] = static_cast<T>(prediction);
      for (Index r = 0; op.probabilities && r < levels; ++r)
        op.probabilities[e * levels + r] = static_cast<T>(scores.p[r]);
    });
    if (op.sums) *op.sums = sums;
  }

  template <class T>
  void run(const DegreeScale<T>& op) {
    for (Index i = 0; i < op.count; ++i) {
      const auto degree = static_cast<Wide<T>>(op.degree[i]);
      const Wide<T> divisor = op.normalization == Normalization::symmetric ? std::sqrt(degree) : degree;
      op.scale[i] = degree == 0 ? T{0} : static_cast<T>(1 / divisor);
    }
  }

  template <class T>
  void run(const SquareSum<T>& op) {
    Wide<T> sum = 0;
    for_each_row(op.parts, op.count, [&](const ParameterRows& part, Index row) {
      if (part.list && !std::binary_search(part.list, part.list + *part.list_count, row)) return;
      if (part.gradient_step) part.gradient_step[row] = op.step;
      for (Offset at = place(part, row); at < place(part, row + 1); ++at)
        sum += Wide<T>{op.gradient[at]} * op.gradient[at];
    });
    *op.sum = static_cast<double>(sum);
  }

  template <class T>
  void run(const RecordStep<T>& op) {
    Wide<T> clip = 1;
    if (op.clip > 0) clip = std::fmin(Wide<T>{1}, op.clip / (std::sqrt(Wide<T>{*op.square_sum}) + Wide<T>(1e-6)));
    const Wide<T> b1 = op.beta1, b2 = op.beta2, t = static_cast<Wide<T>>(op.step);
    const Wide<T> rate = op.adam ? op.rate / (1 - std::pow(b1, t)) : Wide<T>{op.rate};
    *op.record = {static_cast<T>(clip), static_cast<T>(rate), static_cast<T>(1 / std::sqrt(1 - std::pow(b2, t))),
                  static_cast<T>(op.decay), static_cast<T>(1 - Wide<T>{op.rate} * op.weight_decay)};
  }

  template <class T>
  void run(const Update<T>& op) {
    const auto update_row = [&](const ParameterRows& part, Index row) {
      const Index first = part.applied ? part.applied[row] + 1 : op.step;
      const Index with_gradient = part.applied ? part.gradient_step[row] : op.step;
      if (part.applied) part.applied[row] = op.step;
      for (Offset at = place(part, row); at < place(part, row + 1); ++at)
        for (Index s = first; s <= op.step; ++s) step(op, at, op.records[s % op.ring], s == with_gradient);
    };
    if (op.rows)
      for (Index k = 0; k < *op.row_count; ++k) update_row(*op.parts, op.rows[k]);
    else
      for_each_row(op.parts, op.count, update_row);
  }

 private:
  static bool bit_of(const std::uint8_t* bits, Offset i) { return bits[i / 8] >> (i % 8) & 1; }
  /// The nearest number of 8 significant bits, ties to even.
  template <class T>
  static T to_eight_bits(T x) {
    int exponent = 0;
    const T fraction = std::frexp(x, &exponent);
    return std::ldexp(std::nearbyint(std::ldexp(fraction, 8)), exponent - 8);
  }
  static bool dropped(const KeptPairs& kept, Index table, Index sources, Index j) {
    return kept.bits && !bit_of(kept.bits, (kept.all_tables ? 0 : table) * round_up(sources, 64) + j);
  }

  /// visit(source) for the entries of receiver i that table k of `tables` serves.
  template <class Visit>
  static void for_each_of_table(const Adjacency& graph, Index i, Index k, Index tables, const Visit& visit) {
    for (Index r = 0; r < graph.levels; ++r) {
      if (k != r && !serves_all_levels(k, tables, graph.levels)) continue;
      const Offset row = Offset{i} * graph.levels + r;
      for (Offset e = graph.begin[row]; e < graph.end[row]; ++e) visit(graph.source[e]);
    }
  }

  /// visit(part, row) for every row.
  template <class Visit>
  static void for_each_row(const ParameterRows* parts, Index count, const Visit& visit) {
    for (Index part = 0; part < count; ++part)
      for (Index row = 0; row < parts[part].rows; ++row) visit(parts[part], row);
  }
  static Offset place(const ParameterRows& part, Index row) { return part.begin + Offset{row} * part.stride; }

  /// One parameter's way through one step.
  template <class T>
  static void step(const Update<T>& op, Offset at, const StepRecord<T>& record, bool has_gradient) {
    const Wide<T> g = has_gradient ? Wide<T>{record.clip} * op.gradient[at] : Wide<T>{0};
    if (op.first == nullptr) {
      op.values[at] = static_cast<T>(Wide<T>{record.keep} * op.values[at] - record.rate * g);
    } else {
      const Wide<T> b1 = op.beta1, b2 = op.beta2;
      const Wide<T> m = b1 * op.first[at] + (1 - b1) * g, old = op.second[at];
      const Wide<T> root = std::sqrt(b2 * old * old + (1 - b2) * g * g);
      op.values[at] = static_cast<T>(Wide<T>{record.keep} * op.values[at] -
                                     record.rate * m / (record.second_scale * root + op.epsilon));
      op.first[at] = static_cast<T>(m);
      op.second[at] = static_cast<T>(root);
    }
    if (op.average)
      op.average[at] =
          static_cast<T>(Wide<T>{record.decay} * op.average[at] + (1 - Wide<T>{record.decay}) * op.values[at]);
  }

  /// visit(user, item, level, entry, scores) for all pairs, users ascending, then levels, then entries.
  template <class T, template <class> class Op, class Visit>
  static void for_each_pair(const Op<T>& op, const Visit& visit) {
    const Adjacency& pairs = op.pairs;
    for (Index i = 0; i < pairs.receivers; ++i)
      for (Index level = 0; level < pairs.levels; ++level) {
        const Offset row = Offset{i} * pairs.levels + level;
        for (Offset e = pairs.begin[row]; e < pairs.end[row]; ++e)
          visit(i, pairs.source[e], level, e, scores_of(op, i, pairs.source[e]));
      }
  }
};

static_assert(Backend<Reference, float> && Backend<Reference, double>);

}  // namespace gcmc::testing
