#include "spmm.hpp"

#include <algorithm>
#include <string>

#include "device.hpp"
#include "gcmc/base/error.hpp"

namespace gcmc {
namespace {

/// The arrays of a sparse matrix in one piece of memory.
template <class T>
struct Csr {
  Index* offsets;  ///< [rows + 1]
  Index* columns;
  T* values;

  static std::size_t rounded(std::size_t bytes) { return (bytes + 255) / 256 * 256; }
  static std::size_t bytes(const Expansion& a) {
    const auto entries = static_cast<std::size_t>(a.entries());
    return rounded((static_cast<std::size_t>(a.rows()) + 1) * sizeof(Index)) + rounded(entries * sizeof(Index)) +
           entries * sizeof(T);
  }
  static Csr in(void* memory, const Expansion& a) {
    char* columns = static_cast<char*>(memory) + rounded((static_cast<std::size_t>(a.rows()) + 1) * sizeof(Index));
    char* values = columns + rounded(static_cast<std::size_t>(a.entries()) * sizeof(Index));
    return {static_cast<Index*>(memory), reinterpret_cast<Index*>(columns), reinterpret_cast<T*>(values)};
  }
};

/// Where the adjacency's row begins, if it owns what lies before the next.
__device__ Offset slot(const Adjacency& graph, Offset row) {
  return row == 0 ? 0 : row == Offset{graph.receivers} * graph.levels ? graph.entries : graph.begin[row];
}

/// A warp a receiver. Its entries of all levels come first, then, for the implicit table, all of them again.
template <class T>
__global__ void __launch_bounds__(block_threads, least_blocks) expand(const Expansion a, const Csr<T> csr) {
  const Adjacency& graph = a.adjacency;
  const Index receiver = warp_of_grid(), levels = graph.levels;
  if (receiver >= graph.receivers) return;
  const bool implicit = a.tables > levels, last = receiver == graph.receivers - 1;
  const Offset before = slot(graph, Offset{receiver} * levels), behind = slot(graph, Offset{receiver + 1} * levels);
  const Offset shift = implicit ? before : 0;
  for (Index level = 0; level < levels; ++level) {
    const Offset row = Offset{receiver} * levels + level, first = slot(graph, row);
    if (!a.joined && lane_of_thread() == 0)
      csr.offsets[Offset{receiver} * a.tables + level] = static_cast<Index>(first + shift);
    for (Offset e = first + lane_of_thread(); e < slot(graph, row + 1); e += warp_lanes) {
      const Index source = graph.source[e], column = source < graph.sources ? source : 0;
      const T value = e >= graph.begin[row] && e < graph.end[row] ? T(1) : T(0);
      csr.columns[e + shift] = (a.shifted ? level * graph.sources : 0) + column;
      csr.values[e + shift] = value;
      if (!implicit) continue;
      csr.columns[e + behind] = (a.shifted ? levels * graph.sources : 0) + column;
      csr.values[e + behind] = value;
    }
  }
  if (lane_of_thread() != 0) return;
  const Offset next = Offset{receiver + 1} * (a.joined ? 1 : a.tables);
  if (a.joined) csr.offsets[receiver] = static_cast<Index>(before + shift);
  if (!a.joined && implicit) csr.offsets[next - 1] = static_cast<Index>(before + behind);
  if (last) csr.offsets[next] = static_cast<Index>(implicit ? behind + behind : behind);
}

template <class T>
constexpr cudaDataType data_type = sizeof(T) == 4 ? CUDA_R_32F : CUDA_R_64F;
template <class T>
constexpr T one = T(1);
template <class T>
constexpr T zero = T(0);

bool same(const Adjacency& a, const Adjacency& b) {
  return a.begin == b.begin && a.end == b.end && a.source == b.source && a.receivers == b.receivers &&
         a.sources == b.sources && a.levels == b.levels && a.entries == b.entries;
}
bool same(const Expansion& a, const Expansion& b) {
  return same(a.adjacency, b.adjacency) && a.tables == b.tables && a.joined == b.joined && a.shifted == b.shifted;
}

}  // namespace

Spmm::Spmm(cudaStream_t stream, CudaSpmm algorithm)
    : algorithm_(algorithm == CudaSpmm::csr_alg2 ? CUSPARSE_SPMM_CSR_ALG2 : CUSPARSE_SPMM_CSR_ALG3) {
  cusparseHandle_t handle = nullptr;
  GCMC_CHECK(cusparseCreate(&handle));
  handle_ = Cusparse(handle);
  GCMC_CHECK(cusparseSetStream(handle, stream));
}

/// The descriptors, and the buffer that cuSPARSE asks for. A rehearsal's addresses are read by nobody.
template <class T>
void Spmm::prepare(CudaContext& context, Prepared& made) {
  const Expansion& a = made.a;
  void* somewhere = reinterpret_cast<void*>(std::uintptr_t{256});
  made.bytes = CudaContext::Need::rounded(Csr<T>::bytes(a));
  made.arrays = context.take(made.bytes);
  const auto csr = Csr<T>::in(context.rehearsal ? somewhere : made.arrays.data(), a);
  cusparseSpMatDescr_t matrix = nullptr;
  GCMC_CHECK(cusparseCreateCsr(&matrix, a.rows(), a.columns(), a.entries(), csr.offsets, csr.columns, csr.values,
                               CUSPARSE_INDEX_32I, CUSPARSE_INDEX_32I, CUSPARSE_INDEX_BASE_ZERO, data_type<T>));
  made.matrix = SparseMatrix(matrix);
  const auto dense = [&](Index rows, Offset stride) {
    cusparseDnMatDescr_t descriptor = nullptr;
    GCMC_CHECK(
        cusparseCreateDnMat(&descriptor, rows, made.columns, stride, somewhere, data_type<T>, CUSPARSE_ORDER_ROW));
    return DenseMatrix(descriptor);
  };
  made.table = dense(a.columns(), made.stride);
  made.product = dense(a.rows(), made.columns);
  std::size_t bytes = 0;
  GCMC_CHECK(cusparseSpMM_bufferSize(handle_.get(), CUSPARSE_OPERATION_NON_TRANSPOSE, CUSPARSE_OPERATION_NON_TRANSPOSE,
                                     &one<T>, matrix, made.table.get(), &zero<T>, made.product.get(), data_type<T>,
                                     algorithm_, &bytes));
  bytes = CudaContext::Need::rounded(std::max(bytes, std::size_t{1}));
  made.buffer = context.take(bytes);
  made.bytes += bytes;
}

template <class T>
Spmm::Prepared& Spmm::prepared(CudaContext& context, const Expansion& a, Index columns, Offset stride) {
  const auto found = std::find_if(prepared_.begin(), prepared_.end(), [&](const Prepared& other) {
    return same(a, other.a) && other.columns == columns && other.stride == stride && other.element == sizeof(T);
  });
  if (found != prepared_.end()) return *found;
  require<DeviceError>(a.entries() < (Offset{1} << 31), [&] {
    return "cuda: " + std::to_string(a.entries()) +
           " entries are more than cuSPARSE's path takes, 2^31 - 1: use CudaSpmm::own";
  });
  Prepared made{a, columns, stride, sizeof(T), 0, {}, {}, {}, {}, {}};
  prepare<T>(context, made);
  prepared_.push_back(std::move(made));
  return prepared_.back();
}

template <class T>
void Spmm::multiply(CudaContext& context, const Expansion& a, MatrixView<const T> table, MatrixView<T> product) {
  if (a.rows() == 0) return;
  if (a.entries() == 0) {
    if (context.rehearsal) return;
    const std::size_t bytes = static_cast<std::size_t>(a.rows()) * static_cast<std::size_t>(product.stride) * sizeof(T);
    GCMC_CHECK(cudaMemsetAsync(product.data, 0, bytes, context.stream()));
    return;
  }
  Prepared& made = prepared<T>(context, a, product.columns, table.stride);
  if (context.rehearsal) return;
  GCMC_CHECK(cusparseDnMatSetValues(made.table.get(), const_cast<T*>(table.data)));
  GCMC_CHECK(cusparseDnMatSetValues(made.product.get(), product.data));
  const auto call = [&](auto function) {
    return function(handle_.get(), CUSPARSE_OPERATION_NON_TRANSPOSE, CUSPARSE_OPERATION_NON_TRANSPOSE, &one<T>,
                    made.matrix.get(), made.table.get(), &zero<T>, made.product.get(), data_type<T>, algorithm_,
                    made.buffer.data());
  };
  if (!made.filled) {
    context.launch("expand", &expand<T>, blocks_for(a.adjacency.receivers, warp_lanes), a,
                   Csr<T>::in(made.arrays.data(), a));
    // What is prepared is good for other values of the matrix, but for no other columns: only where it stays as it is.
    if (a.whole()) GCMC_CHECK(call(cusparseSpMM_preprocess));
    made.filled = a.whole();
  }
  GCMC_CHECK(call(cusparseSpMM));
}

void Spmm::forget(CudaContext& context, const void* memory) noexcept {
  std::erase_if(prepared_, [&](const Prepared& made) {
    const Adjacency& graph = made.a.adjacency;
    const bool gone = memory == graph.source || memory == graph.begin || memory == graph.end;
    if (gone && context.rehearsal) context.rehearsal->remove(made.bytes);
    return gone;
  });
}

template void Spmm::multiply<float>(CudaContext&, const Expansion&, MatrixView<const float>, MatrixView<float>);
template void Spmm::multiply<double>(CudaContext&, const Expansion&, MatrixView<const double>, MatrixView<double>);

}  // namespace gcmc
