// A warp's part of what is done with pairs: a receiver's pairs in batches, a lane a pair; their dots, and of the
// decoder scores, softmax, loss and dLoss/dx.
#pragma once

#include "gather.hpp"

namespace gcmc::kernels {
namespace {

/// Lanes that share one pair's dots: a quarter of a warp.
constexpr int pair_lanes = 8, pairs_at_once = warp_lanes / pair_lanes;

/// x[s] = q block s . row `item` of b, of this lane's pair; item < 0: no pair. Blocks of q lie b's stride apart. All of
/// the warp's lanes have the same q.
template <class T, int held>
__device__ void pair_dots(const T* q, const MatrixView<const T>& b, Index item, Index bases, T (&x)[held]) {
  const int lane = lane_of_thread(), part = lane % pair_lanes;
  for (int turn = 0; turn < pair_lanes; ++turn) {
    const Index other = __shfl_sync(whole_warp, item, turn * pairs_at_once + lane / pair_lanes);
    T dot[held] = {};
    for (Index c = part * Pack<T>::size; other >= 0 && c < b.stride; c += pair_lanes * Pack<T>::size) {
      const Pack<T> z = load(b.row(other) + c);
#pragma unroll
      for (int s = 0; s < held; ++s) {
        if (s >= bases) break;
        const Pack<T> pack = load(q + Offset{s} * b.stride + c);
        for (Index i = 0; i < Pack<T>::size; ++i) dot[s] += pack.value[i] * z.value[i];
      }
    }
#pragma unroll
    for (int s = 0; s < held; ++s) {
      if (s >= bases) break;
      const T sum = warp_sum(dot[s], pair_lanes);
      const T mine = __shfl_sync(whole_warp, sum, lane % pairs_at_once * pair_lanes);
      if (lane / pairs_at_once == turn) x[s] = mine;
    }
  }
}

/// All entries of a receiver.
__device__ inline EntryRows rows_of(const Adjacency& pairs, Index receiver) {
  return {Offset{receiver} * pairs.levels, pairs.levels, 1};
}

/// Calls worker.add(receiver, first, warps), which takes batches first, first + warps, ... of the receiver's pairs: a
/// warp a receiver; one of many pairs is shared out over the block.
template <class Worker>
__device__ void share_out(const Adjacency& pairs, Worker& worker) {
  __shared__ bool is_long[block_warps];
  const int warp = warp_of_block();
  const Index first = static_cast<Index>(blockIdx.x) * block_warps;
  const bool mine = first + warp < pairs.receivers;
  const bool many = mine && entries_of(pairs, rows_of(pairs, first + warp)) > long_output;
  if (lane_of_thread() == 0) is_long[warp] = many;
  if (mine && !many) worker.add(first + warp, 0, 1);
  __syncthreads();
  for (int other = 0; other < block_warps; ++other)
    if (is_long[other]) worker.add(first + other, warp, block_warps);
}

/// One block. `with_hits` false: absolute error and hits are 0, as after Decode.
static __global__ void __launch_bounds__(block_threads, least_blocks)
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

  __device__ void add(Index user, int first, int warps) {
    const EntryRows rows = rows_of(pass_.pairs, user);
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
      pair_dots(pass_.basis_row(user, first), pass_.items, item, bases, x_);
      if constexpr (wide)
#pragma unroll
        for (int s = 0; s < held; ++s)
          if (valid_ && s < bases) pass_.x[place_.entry * pass_.bases + first + s] = x_[s];
    });
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

}  // namespace
}  // namespace gcmc::kernels
