// The bilinear decoder in passes without atomics: scores, softmax, loss and dLoss/dx of all pairs, by user; then both
// sides' gradients, as sums of gathered rows. The pass without gradients is the first alone.
#include "gather.hpp"
#include "kernels.hpp"

namespace gcmc::kernels {
namespace {

/// Lanes that share one pair's dots: a quarter of a warp.
constexpr int pair_lanes = 8, pairs_at_once = warp_lanes / pair_lanes;

/// The fields that Decode and Predict share, and what each wants written; nullptr: not wanted.
template <class T>
struct ScorePass {
  Adjacency pairs;
  Index bases;
  MatrixView<const T> user_basis, items;
  const T* coefficients;
  const T* values;
  const Offset* count;       ///< Decode: the mean's denominator
  T* slopes;                 ///< Decode: [entries][bases] dLoss/dx
  T* x;                      ///< [entries][bases], where a thread does not hold all of a pair's
  T* coefficient_partial;    ///< Decode: [warps][levels][bases]
  T* predictions;            ///< Predict
  T* probabilities;          ///< Predict
  DecodeSums* sums_partial;  ///< [warps]
  T smoothing = T(0);        ///< Decode

  __device__ const T* basis_row(Index user, Index s) const { return user_basis.row(user) + Offset{s} * items.stride; }
  __device__ T coefficient(Index s, Index r) const { return coefficients[Offset{s} * row_stride<T>(pairs.levels) + r]; }
};

/// A warp's work: batches of 32 pairs of one user, a lane a pair, dots by eight lanes together. A lane holds its pair's
/// x of `held` bases; where there are more (`wide`), they are taken so many at a time and kept in memory.
template <class T, int held, bool wide>
class Scorer {
 public:
  __device__ explicit Scorer(const ScorePass<T>& pass) : pass_(pass) {}

  /// Batches first, first + warps, ... of the user's pairs.
  __device__ void add_user(Index user, int first, int warps) {
    const EntryRows rows = rows_of(user);
    const Index pairs = entries_of(pass_.pairs, rows);
    for (Index batch = first * warp_lanes; batch < pairs; batch += warps * warp_lanes) {
      valid_ = batch + lane_of_thread() < pairs;
      place_ = valid_ ? locate(pass_.pairs, rows, batch + lane_of_thread()) : Place{};
      dots(user);
      softmax();
      if (pass_.slopes)
        gradients();
      else
        report();
    }
  }
  __device__ EntryRows rows_of(Index user) const { return {Offset{user} * pass_.pairs.levels, pass_.pairs.levels, 1}; }

  __device__ void write(Index warp) {
    DecodeSums sums{warp_sum(count_), warp_sum(cross_entropy_), warp_sum(squared_error_), warp_sum(absolute_error_),
                    warp_sum(correct_)};
    if (lane_of_thread() == 0) pass_.sums_partial[warp] = sums;
    if (pass_.slopes && !added_)
      for (Index k = lane_of_thread(); k < pass_.bases * pass_.pairs.levels; k += warp_lanes)
        coefficient_row()[k] = T(0);
  }

 private:
  __device__ T* coefficient_row() const {
    return pass_.coefficient_partial + Offset{warp_of_grid()} * pass_.bases * pass_.pairs.levels;
  }

  /// Calls f(first, bases) for the bases that are held together: first .. first + bases - 1.
  template <class F>
  __device__ void for_held(const F& f) {
    if constexpr (wide)
      for (Index first = 0; first < pass_.bases; first += held)
        f(first, pass_.bases - first < held ? pass_.bases - first : held);
    else
      f(0, pass_.bases);
  }

  /// x_s = user_basis block s . item, of this lane's pair.
  __device__ void dots(Index user) {
    const Index item = valid_ ? pass_.pairs.source[place_.entry] : -1;
    for_held([&](Index first, Index bases) {
      dots(user, item, first, bases);
      if constexpr (wide)
#pragma unroll
        for (int s = 0; s < held; ++s)
          if (valid_ && s < bases) pass_.x[place_.entry * pass_.bases + first + s] = x_[s];
    });
  }

  __device__ void dots(Index user, Index item, Index first, Index bases) {
    const int lane = lane_of_thread(), part = lane % pair_lanes;
    for (int turn = 0; turn < pair_lanes; ++turn) {
      const Index other = __shfl_sync(whole_warp, item, turn * pairs_at_once + lane / pair_lanes);
      T dot[held] = {};
      for (Index c = part * Pack<T>::size; other >= 0 && c < pass_.items.stride; c += pair_lanes * Pack<T>::size) {
        const Pack<T> z = load(pass_.items.row(other) + c);
#pragma unroll
        for (int s = 0; s < held; ++s) {
          if (s >= bases) break;
          const Pack<T> q = load(pass_.basis_row(user, first + s) + c);
          for (Index i = 0; i < Pack<T>::size; ++i) dot[s] += q.value[i] * z.value[i];
        }
      }
#pragma unroll
      for (int s = 0; s < held; ++s) {
        if (s >= bases) break;
        const T sum = warp_sum(dot[s], pair_lanes);
        const T mine = __shfl_sync(whole_warp, sum, lane % pairs_at_once * pair_lanes);
        if (lane / pairs_at_once == turn) x_[s] = mine;
      }
    }
  }

  /// x of basis first + s; 0 where there is no pair.
  __device__ T x(Index first, int s) const {
    if constexpr (wide)
      return valid_ ? pass_.x[place_.entry * pass_.bases + first + s] : T(0);
    else
      return x_[s];
  }

  __device__ T logit(Index r) const {
    T sum = T(0);
    if constexpr (wide)
      for (Index s = 0; s < pass_.bases; ++s) sum += pass_.coefficient(s, r) * x(s, 0);
    else
#pragma unroll
      for (int s = 0; s < held; ++s)
        if (s < pass_.bases) sum += pass_.coefficient(s, r) * x_[s];
    return sum;
  }

  /// largest_, total_ and the sums.
  __device__ void softmax() {
    largest_ = logit(0);
    Index best = 0;
    for (Index r = 1; r < pass_.pairs.levels; ++r) {
      const T other = logit(r);
      if (other > largest_) best = r;
      largest_ = other > largest_ ? other : largest_;
    }
    total_ = prediction_ = T(0);
    T label_shifted = T(0);
    for (Index r = 0; r < pass_.pairs.levels; ++r) {
      const T shifted = logit(r) - largest_, e = ::exp(shifted);
      label_shifted += level_weight(r, place_.row, pass_.pairs.levels, pass_.smoothing) * shifted;
      total_ += e;
      prediction_ += e * pass_.values[r];
    }
    prediction_ /= total_;
    if (!valid_) return;
    const double error = static_cast<double>(prediction_ - pass_.values[place_.row]);
    count_ += 1;
    cross_entropy_ += static_cast<double>(::log(total_) - label_shifted);
    squared_error_ += error * error;
    absolute_error_ += error < 0 ? -error : error;
    correct_ += best == place_.row ? 1 : 0;
  }

  /// slopes = dLoss/dx of the pair; adds to this warp's row of the coefficients' gradient.
  __device__ void gradients() {
    for_held([&](Index first, Index bases) { gradients(first, bases); });
    added_ = true;
  }

  __device__ void gradients(Index first, Index bases) {
    const T per_pair = static_cast<T>(1.0 / static_cast<double>(*pass_.count));
    T slope[held] = {}, kept = T(0);
    for (Index r = 0; r < pass_.pairs.levels; ++r) {
      const T p = ::exp(logit(r) - largest_) / total_;
      const T d = valid_ ? (p - level_weight(r, place_.row, pass_.pairs.levels, pass_.smoothing)) * per_pair : T(0);
#pragma unroll
      for (int s = 0; s < held; ++s) {
        if (s >= bases) break;
        slope[s] += d * pass_.coefficient(first + s, r);
        const Index at = r * pass_.bases + first + s;
        const T sum = warp_sum(d * x(first, s));
        if (at % warp_lanes == lane_of_thread()) kept = sum;
        if (wide && at % warp_lanes == lane_of_thread())
          add(at, at, sum);
        else if (!wide && (at % warp_lanes == warp_lanes - 1 || at == pass_.bases * pass_.pairs.levels - 1))
          add(at / warp_lanes * warp_lanes + lane_of_thread(), at, kept);
      }
    }
#pragma unroll
    for (int s = 0; s < held; ++s)
      if (valid_ && s < bases) pass_.slopes[place_.entry * pass_.bases + first + s] = slope[s];
  }

  /// Element `at` of the row, of this lane, if it is not behind `last`.
  __device__ void add(Index at, Index last, T sum) {
    if (at <= last) coefficient_row()[at] = added_ ? coefficient_row()[at] + sum : sum;
  }

  __device__ void report() const {
    if (!valid_) return;
    if (pass_.predictions) pass_.predictions[place_.entry] = prediction_;
    for (Index r = 0; pass_.probabilities && r < pass_.pairs.levels; ++r)
      pass_.probabilities[place_.entry * pass_.pairs.levels + r] = ::exp(logit(r) - largest_) / total_;
  }

  const ScorePass<T>& pass_;
  bool valid_ = false, added_ = false;
  Place place_;
  T x_[held] = {}, largest_ = T(0), total_ = T(0), prediction_ = T(0);
  double count_ = 0, cross_entropy_ = 0, squared_error_ = 0, absolute_error_ = 0, correct_ = 0;
};

/// A warp a user; a user of many pairs is shared out over the block.
template <class T, int held, bool wide>
__global__ void __launch_bounds__(block_threads, least_blocks) score_pairs(const ScorePass<T> pass) {
  __shared__ bool is_long[block_warps];
  const int warp = warp_of_block();
  const Index first = static_cast<Index>(blockIdx.x) * block_warps;
  Scorer<T, held, wide> scorer(pass);
  const bool mine = first + warp < pass.pairs.receivers;
  const bool many = mine && entries_of(pass.pairs, scorer.rows_of(first + warp)) > long_output;
  if (lane_of_thread() == 0) is_long[warp] = many;
  if (mine && !many) scorer.add_user(first + warp, 0, 1);
  __syncthreads();
  for (int other = 0; other < block_warps; ++other)
    if (is_long[other]) scorer.add_user(first + other, warp, block_warps);
  scorer.write(warp_of_grid());
}

/// One block an element of the coefficients' gradient.
template <class T>
__global__ void __launch_bounds__(block_threads, least_blocks)
    add_coefficients(const ScorePass<T> pass, Offset warps, T* gradient) {
  const Index element = static_cast<Index>(blockIdx.x), s = element % pass.bases, r = element / pass.bases;
  double sum = 0;
  for (Offset warp = threadIdx.x; warp < warps; warp += block_threads)
    sum += static_cast<double>(pass.coefficient_partial[warp * gridDim.x + element]);
  sum = block_sum(sum);
  if (threadIdx.x == 0) gradient[Offset{s} * row_stride<T>(pass.pairs.levels) + r] = static_cast<T>(sum);
}

/// One block. After Decode, absolute error and hits are 0.
__global__ void __launch_bounds__(block_threads, least_blocks)
    add_sums(const DecodeSums* partial, Offset warps, bool with_hits, DecodeSums* sums) {
  DecodeSums own;
  for (Offset warp = threadIdx.x; warp < warps; warp += block_threads) {
    own.count += partial[warp].count;
    own.cross_entropy += partial[warp].cross_entropy;
    own.squared_error += partial[warp].squared_error;
    own.absolute_error += partial[warp].absolute_error;
    own.correct += partial[warp].correct;
  }
  const DecodeSums total{block_sum(own.count), block_sum(own.cross_entropy), block_sum(own.squared_error),
                         block_sum(own.absolute_error), block_sum(own.correct)};
  if (threadIdx.x == 0)
    *sums = with_hits ? total : DecodeSums{total.count, total.cross_entropy, total.squared_error, 0, 0};
}

/// d user_basis of blocks first_base and the next: the items' rows weighted by the pairs' slopes.
template <class T, int bases_at_once>
struct UserGradient {
  using Element = T;
  static constexpr int sums = bases_at_once;
  static constexpr bool weighted = true;
  static constexpr Index rows_each = 1;
  Adjacency adjacency;
  MatrixView<const T> items;
  Index columns, bases, first_base;
  Offset stride;
  const T* slopes;
  MatrixView<T> gradient;

  __host__ __device__ Index outputs() const { return adjacency.receivers; }
  __device__ EntryRows rows(Index user) const { return {Offset{user} * adjacency.levels, adjacency.levels, 1}; }
  __device__ Addend look_up(Index, const Place& place) const { return {adjacency.source[place.entry], place.entry}; }
  __device__ T weight(const Addend& addend, Index, int s) const {
    return slopes[addend.weight * bases + first_base + s];
  }
  __device__ const T* base(Index) const { return items.data; }
  __device__ void finish(Index user, int s, Index column, const Pack<T>& pack) const {
    store(gradient.row(user) + Offset{first_base + s} * stride + column, pack);
  }
};

/// d items: the users' rows of every basis weighted by the pairs' slopes. `adjacency` holds the pairs by item; a pair's
/// slopes lie where it stands among its user's, whose rows ascend.
template <class T>
struct ItemGradient {
  using Element = T;
  static constexpr int sums = 1;
  static constexpr bool weighted = true;
  Adjacency adjacency, by_user;
  MatrixView<const T> user_basis;
  Index columns, rows_each;
  Offset stride;
  const T* slopes;
  MatrixView<T> gradient;

  __host__ __device__ Index outputs() const { return adjacency.receivers; }
  __device__ EntryRows rows(Index item) const { return {Offset{item} * adjacency.levels, adjacency.levels, 1}; }
  __device__ Addend look_up(Index item, const Place& place) const {
    const Index user = adjacency.source[place.entry];
    const Offset row = Offset{user} * by_user.levels + place.row;
    Offset low = by_user.begin[row], high = by_user.end[row];
    while (low < high) {
      const Offset middle = low + (high - low) / 2;
      if (by_user.source[middle] < item)
        low = middle + 1;
      else
        high = middle;
    }
    return {user, low};
  }
  __device__ T weight(const Addend& addend, Index s, int) const { return slopes[addend.weight * rows_each + s]; }
  __device__ const T* base(Index) const { return user_basis.data; }
  __device__ void finish(Index item, int, Index column, const Pack<T>& pack) const {
    store(gradient.row(item) + column, pack);
  }
};

/// Scores all pairs and adds up what the warps leave.
template <class T>
void score(CudaContext& context, ScorePass<T> pass, T* coefficient_gradient, DecodeSums* sums) {
  const unsigned blocks = blocks_for(pass.pairs.receivers, warp_lanes);
  const Offset warps = Offset{blocks} * block_warps;
  pass.sums_partial = context.scratch<DecodeSums>(0, warps);
  if (pass.slopes) pass.coefficient_partial = context.scratch<T>(1, warps * pass.bases * pass.pairs.levels);
  const auto launch = [&](auto kernel) { context.launch("score_pairs", kernel, blocks, pass); };
  if (pass.bases <= 2)
    launch(&score_pairs<T, 2, false>);
  else if (pass.bases <= 4)
    launch(&score_pairs<T, 4, false>);
  else if (pass.bases <= 8)
    launch(&score_pairs<T, 8, false>);
  else {
    pass.x = context.scratch<T>(3, pass.pairs.entries * pass.bases);
    launch(&score_pairs<T, 4, true>);
  }
  if (coefficient_gradient)
    context.launch("add_coefficients", &add_coefficients<T>, static_cast<unsigned>(pass.bases * pass.pairs.levels),
                   pass, warps, coefficient_gradient);
  if (sums) context.launch("add_sums", &add_sums, 1, pass.sums_partial, warps, !pass.slopes, sums);
}

}  // namespace

template <class T>
void run(CudaContext& context, const Decode<T>& op) {
  T* slopes = context.scratch<T>(2, op.pairs.entries * op.bases);
  score<T>(context,
           {op.pairs, op.bases, op.user_basis, op.items, op.coefficients, op.values, op.count, slopes, nullptr, nullptr,
            nullptr, nullptr, nullptr, op.smoothing},
           op.coefficient_gradient, op.sums);
  const Index columns = op.items.stride;
  for (Index s = 0; s < op.bases; s += 2) {
    if (s + 1 < op.bases)
      run_gather(context, "user_gradient",
                 UserGradient<T, 2>{op.pairs, op.items, columns, op.bases, s, columns, slopes, op.user_basis_gradient});
    else
      run_gather(context, "user_gradient",
                 UserGradient<T, 1>{op.pairs, op.items, columns, op.bases, s, columns, slopes, op.user_basis_gradient});
  }
  run_gather(
      context, "item_gradient",
      ItemGradient<T>{op.by_item, op.pairs, op.user_basis, columns, op.bases, columns, slopes, op.item_gradient});
}

template <class T>
void run(CudaContext& context, const Predict<T>& op) {
  score<T>(context,
           {op.pairs, op.bases, op.user_basis, op.items, op.coefficients, op.values, nullptr, nullptr, nullptr, nullptr,
            op.predictions, op.probabilities, nullptr},
           nullptr, op.sums);
}

#define GCMC_INSTANTIATE(T)                             \
  template void run<T>(CudaContext&, const Decode<T>&); \
  template void run<T>(CudaContext&, const Predict<T>&);
GCMC_INSTANTIATE(float)
GCMC_INSTANTIATE(double)

}  // namespace gcmc::kernels
