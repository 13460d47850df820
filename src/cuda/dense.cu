// Dense products by cuBLAS with their prologues and epilogues, column sums, and elementwise activation.
// A row-major matrix is a column-major one transposed, so C = A B is given to cuBLAS as C^T = B^T A^T.
#include "device.hpp"
#include "kernels.hpp"

namespace gcmc::kernels {
namespace {

/// One factor as cuBLAS sees it.
template <class T>
struct Factor {
  const T* data;
  Index stride;
  cublasOperation_t operation;
  long long step = 0;  ///< to the next product's, in a batch
};

cublasStatus_t gemm(cublasHandle_t handle, int m, int n, int k, const Factor<float>& a, const Factor<float>& b,
                    float beta, float* c, int c_stride, long long c_step, int batch) {
  const float one = 1;
  return cublasSgemmStridedBatched(handle, a.operation, b.operation, m, n, k, &one, a.data, a.stride, a.step, b.data,
                                   b.stride, b.step, &beta, c, c_stride, c_step, batch);
}
cublasStatus_t gemm(cublasHandle_t handle, int m, int n, int k, const Factor<double>& a, const Factor<double>& b,
                    double beta, double* c, int c_stride, long long c_step, int batch) {
  const double one = 1;
  return cublasDgemmStridedBatched(handle, a.operation, b.operation, m, n, k, &one, a.data, a.stride, a.step, b.data,
                                   b.stride, b.step, &beta, c, c_stride, c_step, batch);
}

/// c (rows x columns, row-major) = left right + beta c, inner summed over; factors in the row-major order.
template <class T>
void multiply(CudaContext& context, Index rows, Index columns, Index inner, const Factor<T>& left,
              const Factor<T>& right, T beta, T* c, Index c_stride, long long c_step = 0, int batch = 1) {
  if (context.rehearsal || rows == 0 || columns == 0) return;
  check(gemm(context.cublas(), columns, rows, inner, right, left, beta, c, c_stride, c_step, batch), "cublasGemm");
}

/// c[i, n] = bias[n] (+ c[i, n]): what the product is then added to. A warp a row.
template <class T>
__global__ void __launch_bounds__(block_threads, least_blocks)
    add_bias(MatrixView<T> c, const T* bias, bool accumulate) {
  const Index i = warp_of_grid();
  if (i >= c.rows) return;
  for (Index n = lane_of_thread(); n < c.columns; n += warp_lanes)
    c.row(i)[n] = accumulate ? c.row(i)[n] + bias[n] : bias[n];
}

/// The epilogue of DenseBackward, on what the product left in the blocks. A warp a row.
template <class T>
__global__ void __launch_bounds__(block_threads, least_blocks) dense_epilogue(const DenseBackward<T> op) {
  const Index i = warp_of_grid();
  if (i >= op.hidden.rows) return;
  const T* hidden = op.hidden.row(i);
  const T scale = op.receiver_scale ? op.dropout_scale * op.receiver_scale[i] : op.dropout_scale;
  const Offset first_bit = i * round_up(op.hidden.columns, 64);
  for (Index unit = lane_of_thread(); unit < op.hidden.columns; unit += warp_lanes) {
    const Index block = unit / op.blocks.columns, c = unit - block * op.blocks.columns;
    T& value = op.blocks.block(block)[Offset{i} * op.blocks.stride + c];
    value *= unit_kept(op.bits, first_bit + unit)
                 ? scale * activation_slope(op.activation, hidden[unit] / op.dropout_scale)
                 : T(0);
  }
}

/// Rows that one block sums.
constexpr Index column_sum_rows = 256;

/// Block (chunk, tile): warp w adds rows w, w + block_warps, ... of the chunk, a lane a column; then warps in order.
template <class T>
__global__ void __launch_bounds__(block_threads, least_blocks) partial_column_sums(MatrixView<const T> x, T* partial) {
  __shared__ T sums[block_warps][warp_lanes];
  const int warp = warp_of_block(), lane = lane_of_thread();
  const Index column = static_cast<Index>(blockIdx.y) * warp_lanes + lane;
  const Offset first = Offset{blockIdx.x} * column_sum_rows;
  const Offset last = first + column_sum_rows < x.rows ? first + column_sum_rows : x.rows;
  T sum = T(0);
  if (column < x.columns)
    for (Offset i = first + warp; i < last; i += block_warps) sum += x.row(i)[column];
  sums[warp][lane] = sum;
  __syncthreads();
  if (warp > 0 || column >= x.columns) return;
  for (int other = 1; other < block_warps; ++other) sum += sums[other][lane];
  partial[Offset{blockIdx.x} * x.columns + column] = sum;
}

/// A warp a column.
template <class T>
__global__ void __launch_bounds__(block_threads, least_blocks)
    add_column_sums(const T* partial, Index chunks, Index columns, T* sums, bool accumulate) {
  const Index column = warp_of_grid();
  if (column >= columns) return;
  T sum = T(0);
  for (Offset chunk = lane_of_thread(); chunk < chunks; chunk += warp_lanes) sum += partial[chunk * columns + column];
  sum = warp_sum(sum);
  if (lane_of_thread() == 0) sums[column] = accumulate ? sums[column] + sum : sum;
}

/// A thread for each counter, of which two numbers are.
template <class T>
__global__ void __launch_bounds__(block_threads, least_blocks) draw_uniform(const DrawUniform<T> op, Offset count) {
  const Offset counter = thread_of_grid();
  const auto words =
      philox({static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), op.stream, 0xFFFFFFFFu},
             op.seed);
  for (int half = 0; half < 2; ++half) {
    const Offset k = 2 * counter + half;
    if (k >= count) return;
    const double u = uniform(words[2 * half], words[2 * half + 1]);
    op.x.data[k / op.x.columns * op.x.stride + k % op.x.columns] =
        op.bound == 0 ? T(0) : static_cast<T>((2 * u - 1) * op.bound);
  }
}

/// A warp a row.
template <class T>
__global__ void __launch_bounds__(block_threads, least_blocks) add_scaled(const AddScaled<T> op) {
  const Index i = warp_of_grid();
  if (i >= op.a.rows) return;
  const T scale = op.row_scale ? op.alpha * op.row_scale[i] : op.alpha;
  for (Index c = lane_of_thread(); c < op.a.columns; c += warp_lanes) {
    T& to = op.c.row(i)[c];
    to = op.beta != 0 ? op.a.row(i)[c] * scale + to * op.beta : op.a.row(i)[c] * scale;
  }
}

/// A warp a row.
template <class T>
__global__ void __launch_bounds__(block_threads, least_blocks) activate(const Activate<T> op) {
  const Index i = warp_of_grid();
  if (i >= op.x.rows) return;
  const Offset first_bit = i * round_up(op.x.columns, 64);
  for (Index c = lane_of_thread(); c < op.x.columns; c += warp_lanes) {
    T& x = op.x.row(i)[c];
    x = unit_kept(op.bits, first_bit + c) ? op.dropout_scale * activation_value(op.activation, x) : T(0);
  }
}

}  // namespace

template <class T>
void run(CudaContext& context, const Multiply<T>& op) {
  const Index inner = op.transpose ? op.b.columns : op.b.rows, outer = op.transpose ? op.b.rows : op.b.columns;
  for (Index block = 0; block < op.b.blocks; ++block) {
    T* c = op.c.data + (op.sum_blocks ? 0 : Offset{block} * row_stride<T>(outer));
    const T* a = op.a.data + (op.sum_blocks ? Offset{block} * row_stride<T>(inner) : 0);
    const bool first = block == 0 || !op.sum_blocks;
    if (op.bias && first)
      context.launch("add_bias", &add_bias<T>, blocks_for(op.a.rows, warp_lanes),
                     MatrixView<T>{c, op.a.rows, outer, op.c.stride}, op.bias, op.accumulate);
    multiply<T>(context, op.a.rows, outer, inner, {a, op.a.stride, CUBLAS_OP_N},
                {op.b.block(block), op.b.stride, op.transpose ? CUBLAS_OP_T : CUBLAS_OP_N},
                first && !op.bias && !op.accumulate ? T(0) : T(1), c, op.c.stride);
  }
}

template <class T>
void run(CudaContext& context, const MultiplyTransposed<T>& op) {
  multiply<T>(context, op.c.rows, op.c.columns, op.a.rows, {op.a.data, op.a.stride, CUBLAS_OP_T},
              {op.b.data, op.b.stride, CUBLAS_OP_N, row_stride<T>(op.c.columns)}, op.accumulate ? T(1) : T(0),
              op.c.data, op.c.stride, static_cast<long long>(op.c.rows) * op.c.stride, op.c.blocks);
}

template <class T>
void run(CudaContext& context, const DrawUniform<T>& op) {
  const Offset count = Offset{op.x.blocks} * op.x.rows * op.x.columns;
  context.launch("draw_uniform", &draw_uniform<T>, blocks_for((count + 1) / 2, 1), op, count);
}

template <class T>
void run(CudaContext& context, const AddScaled<T>& op) {
  context.launch("add_scaled", &add_scaled<T>, blocks_for(op.a.rows, warp_lanes), op);
}

template <class T>
void run(CudaContext& context, const ColumnSums<T>& op) {
  const Index chunks = (op.x.rows + column_sum_rows - 1) / column_sum_rows;
  T* partial = context.scratch<T>(0, Offset{chunks} * op.x.columns);
  const auto tiles = static_cast<unsigned>((op.x.columns + warp_lanes - 1) / warp_lanes);
  context.launch("partial_column_sums", &partial_column_sums<T>, dim3(static_cast<unsigned>(chunks), tiles), op.x,
                 partial);
  context.launch("add_column_sums", &add_column_sums<T>, blocks_for(op.x.columns, warp_lanes), partial, chunks,
                 op.x.columns, op.sums, op.accumulate);
}

template <class T>
void run(CudaContext& context, const Activate<T>& op) {
  context.launch("activate", &activate<T>, blocks_for(op.x.rows, warp_lanes), op);
}

/// One batched product, block b = dZ W_b^T with W_b the rows of W that block b has units of; then the epilogue in
/// place.
template <class T>
void run(CudaContext& context, const DenseBackward<T>& op) {
  const Index width = op.blocks.columns;
  multiply<T>(context, op.dz.rows, width, op.dz.columns, {op.dz.data, op.dz.stride, CUBLAS_OP_N},
              {op.weight.data, op.weight.stride, CUBLAS_OP_T, static_cast<long long>(width) * op.weight.stride}, T(0),
              op.blocks.data, op.blocks.stride, static_cast<long long>(op.blocks.rows) * op.blocks.stride,
              op.blocks.blocks);
  context.launch("dense_epilogue", &dense_epilogue<T>, blocks_for(op.hidden.rows, warp_lanes), op);
}

#define GCMC_INSTANTIATE(T)                                         \
  template void run<T>(CudaContext&, const Multiply<T>&);           \
  template void run<T>(CudaContext&, const MultiplyTransposed<T>&); \
  template void run<T>(CudaContext&, const DrawUniform<T>&);        \
  template void run<T>(CudaContext&, const AddScaled<T>&);          \
  template void run<T>(CudaContext&, const ColumnSums<T>&);         \
  template void run<T>(CudaContext&, const Activate<T>&);           \
  template void run<T>(CudaContext&, const DenseBackward<T>&);
GCMC_INSTANTIATE(float)
GCMC_INSTANTIATE(double)

}  // namespace gcmc::kernels
