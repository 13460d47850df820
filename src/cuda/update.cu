// One pass over the parameters: the gradient's norm, the record of a step, and Adam or SGD with the moving average, for
// all rows or for those that are about to be read.
#include <cmath>

#include "device.hpp"
#include "kernels.hpp"

namespace gcmc::kernels {
namespace {

/// Rows that one warp takes, one after the other.
constexpr Index warp_rows = 4, block_rows = warp_rows * block_warps;

/// The host's list of parts as a kernel argument, and which blocks work on which: part k's begin at first_block[k].
struct Parts {
  static constexpr Index most = 16;
  ParameterRows part[most];
  Index first_block[most + 1] = {};
  Index count = 0;

  Parts(const ParameterRows* list, Index parts) : count(parts < most ? parts : most) {
    for (Index k = 0; k < count; ++k) {
      part[k] = list[k];
      first_block[k + 1] = first_block[k] + (list[k].rows + block_rows - 1) / block_rows;
    }
  }
  unsigned blocks() const { return static_cast<unsigned>(first_block[count]); }
  __device__ Index of_block() const {
    Index k = 0;
    while (static_cast<Index>(blockIdx.x) >= first_block[k + 1]) ++k;
    return k;
  }
};

/// visit(Parts) for the list in groups that fit a kernel's arguments.
template <class Visit>
void for_each_group(const ParameterRows* list, Index count, const Visit& visit) {
  for (Index first = 0; first < count; first += Parts::most) visit(Parts(list + first, count - first));
}

template <class T>
__global__ void __launch_bounds__(block_threads, least_blocks)
    partial_square_sums(const Parts parts, const T* gradient, Index step, double* partial) {
  const Index k = parts.of_block();
  const ParameterRows& part = parts.part[k];
  const Index stored = part.list ? *part.list_count : part.rows;
  const Index first =
      (static_cast<Index>(blockIdx.x) - parts.first_block[k]) * block_rows + warp_of_block() * warp_rows;
  double sum = 0;
  for (Index n = first; n < first + warp_rows && n < stored; ++n) {
    const Index row = part.list ? part.list[n] : n;
    if (part.gradient_step && lane_of_thread() == 0) part.gradient_step[row] = step;
    const T* from = gradient + part.begin + Offset{row} * part.stride;
    T squares = T(0);
    for (Index c = lane_of_thread() * Pack<T>::size; c < part.stride; c += warp_lanes * Pack<T>::size) {
      const Pack<T> pack = load(from + c);
      for (const T value : pack.value) squares += value * value;
    }
    sum += static_cast<double>(squares);
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

/// One block.
__global__ void __launch_bounds__(block_threads, least_blocks)
    add_square_sums(const double* partial, Index count, double* sum) {
  double total = 0;
  for (Index k = static_cast<Index>(threadIdx.x); k < count; k += block_threads) total += partial[k];
  total = block_sum(total);
  if (threadIdx.x == 0) *sum = total;
}

/// One thread. What does not depend on the gradient is the host's.
template <class T>
__global__ void record_step(const double* square_sum, double clip, StepRecord<T> record, StepRecord<T>* to) {
  if (thread_of_grid() > 0) return;
  record.clip = static_cast<T>(clip > 0 ? ::fmin(1.0, clip / (::sqrt(*square_sum) + 1e-6)) : 1.0);
  *to = record;
}

/// Adam's constants as numbers of the element type, as the CPU's kernels have them.
template <class T>
struct Factors {
  T beta1, beta2, root_beta2, rest1, rest2, epsilon;
};

template <class T>
Factors<T> factors_of(const Update<T>& op) {
  return {static_cast<T>(op.beta1),     static_cast<T>(op.beta2),     static_cast<T>(std::sqrt(op.beta2)),
          static_cast<T>(1 - op.beta1), static_cast<T>(1 - op.beta2), static_cast<T>(op.epsilon)};
}

/// Takes one row, a warp together, through steps first to op.step, each element in registers; the stored gradient is
/// that of step `with_gradient`.
template <class T>
__device__ void update_elements(const Update<T>& op, const Factors<T>& f, Offset at, Index columns, Index first,
                                Index with_gradient) {
  const bool adam = op.first != nullptr;
  for (Index c = lane_of_thread() * Pack<T>::size; c < columns; c += warp_lanes * Pack<T>::size) {
    const Offset place = at + c;
    Pack<T> w = load(op.values + place), m, u, average;
    if (adam) m = load(op.first + place), u = load(op.second + place);
    if (op.average) average = load(op.average + place);
    for (Index s = first; s <= op.step; ++s) {
      const StepRecord<T> record = op.records[s % op.ring];
      const bool has_gradient = s == with_gradient;
      const Pack<T> gradient = has_gradient ? load(op.gradient + place) : Pack<T>{};
#pragma unroll
      for (Index i = 0; i < Pack<T>::size; ++i) {
        const T g = gradient.value[i] * record.clip;
        if (adam) {
          m.value[i] = m.value[i] * f.beta1 + g * f.rest1;
          u.value[i] =
              has_gradient ? ::sqrt(u.value[i] * u.value[i] * f.beta2 + g * g * f.rest2) : u.value[i] * f.root_beta2;
          w.value[i] =
              w.value[i] * record.keep - record.rate * m.value[i] / (u.value[i] * record.second_scale + f.epsilon);
        } else {
          w.value[i] = w.value[i] * record.keep - g * record.rate;
        }
        average.value[i] = average.value[i] * record.decay + w.value[i] * (T(1) - record.decay);
      }
    }
    store(op.values + place, w);
    if (adam) store(op.first + place, m), store(op.second + place, u);
    if (op.average) store(op.average + place, average);
  }
}

template <class T>
__device__ void update_row(const Update<T>& op, const Factors<T>& f, const ParameterRows& part, Index row) {
  Index first = op.step, with_gradient = op.step;
  if (part.applied) {
    first = part.applied[row] + 1;
    if (first > op.step) return;
    with_gradient = part.gradient_step[row];
    __syncwarp();  // all lanes have read `applied`
    if (lane_of_thread() == 0) part.applied[row] = op.step;
  }
  update_elements(op, f, part.begin + Offset{row} * part.stride, part.stride, first, with_gradient);
}

template <class T>
__global__ void __launch_bounds__(block_threads, least_blocks)
    update_parts(const Parts parts, const Update<T> op, const Factors<T> f) {
  const Index k = parts.of_block();
  const ParameterRows& part = parts.part[k];
  const Index first =
      (static_cast<Index>(blockIdx.x) - parts.first_block[k]) * block_rows + warp_of_block() * warp_rows;
  for (Index row = first; row < first + warp_rows && row < part.rows; ++row) update_row(op, f, part, row);
}

/// A warp a listed row; the grid has one for each row of the part, since their number is the device's.
template <class T>
__global__ void __launch_bounds__(block_threads, least_blocks)
    update_listed(const ParameterRows part, const Update<T> op, const Factors<T> f) {
  const Index n = warp_of_grid();
  if (n < *op.row_count) update_row(op, f, part, op.rows[n]);
}

}  // namespace

template <class T>
void run(CudaContext& context, const SquareSum<T>& op) {
  Index blocks = 0;
  for_each_group(op.parts, op.count, [&](const Parts& parts) { blocks += static_cast<Index>(parts.blocks()); });
  auto* partial = context.scratch<double>(0, blocks);
  Index done = 0;
  for_each_group(op.parts, op.count, [&](const Parts& parts) {
    context.launch("partial_square_sums", &partial_square_sums<T>, parts.blocks(), parts, op.gradient, op.step,
                   partial + done);
    done += static_cast<Index>(parts.blocks());
  });
  context.launch("add_square_sums", &add_square_sums, 1, partial, blocks, op.sum);
}

template <class T>
void run(CudaContext& context, const RecordStep<T>& op) {
  const double t = op.step;
  const StepRecord<T> record{T(1), static_cast<T>(op.adam ? op.rate / (1 - std::pow(op.beta1, t)) : op.rate),
                             static_cast<T>(1 / std::sqrt(1 - std::pow(op.beta2, t))), static_cast<T>(op.decay),
                             static_cast<T>(1 - op.rate * op.weight_decay)};
  context.launch("record_step", &record_step<T>, 1, op.square_sum, op.clip, record, op.record);
}

template <class T>
void run(CudaContext& context, const Update<T>& op) {
  Update<T> on_device = op;
  on_device.parts = nullptr;  // the host's
  if (op.rows)
    return context.launch("update_listed", &update_listed<T>, blocks_for(op.parts->rows, warp_lanes), *op.parts,
                          on_device, factors_of(op));
  for_each_group(op.parts, op.count, [&](const Parts& parts) {
    context.launch("update_parts", &update_parts<T>, parts.blocks(), parts, on_device, factors_of(op));
  });
}

#define GCMC_INSTANTIATE(T)                                 \
  template void run<T>(CudaContext&, const SquareSum<T>&);  \
  template void run<T>(CudaContext&, const RecordStep<T>&); \
  template void run<T>(CudaContext&, const Update<T>&);
GCMC_INSTANTIATE(float)
GCMC_INSTANTIATE(double)

}  // namespace gcmc::kernels
