// The other path of the graph convolution: cuSPARSE multiplies a sparse matrix, made from the adjacency, by a table.
#pragma once

#include <vector>

#include "context.hpp"
#include "gcmc/backend/operations.hpp"

namespace gcmc {

using Cusparse = Owned<cusparseHandle_t, cusparseDestroy>;
using SparseMatrix = Owned<cusparseSpMatDescr_t, cusparseDestroySpMat>;
using DenseMatrix = Owned<cusparseDnMatDescr_t, cusparseDestroyDnMat>;

/// An adjacency as one sparse matrix of ones. Its row (i, k) = i * tables + k holds the sources of receiver i at level
/// k, or at all levels where k == levels (the implicit table); `joined`: row i holds those of all tables, each once
/// where there is one table. Source j of table k is column k * sources + j if `shifted`, else j. The adjacency's rows
/// must ascend in `source`. What lies between the end of one and the begin of the next, such as the edges that target
/// removal took out, is stored as zeros: so the sizes do not depend on it, and need not be read back.
struct Expansion {
  Adjacency adjacency;
  Index tables = 0;
  bool joined = false, shifted = false;

  bool implicit() const { return tables > adjacency.levels; }
  /// Nothing lies between the rows: the matrix stays what it is.
  bool whole() const { return adjacency.end == adjacency.begin + 1; }
  Index rows() const { return joined ? adjacency.receivers : adjacency.receivers * tables; }
  Index columns() const { return shifted ? adjacency.sources * tables : adjacency.sources; }
  Offset entries() const { return adjacency.entries * (implicit() ? 2 : 1); }
};

/// cuSPARSE's handle, and the matrices, descriptors and buffers of every adjacency that was multiplied by, until its
/// memory is released.
class Spmm {
 public:
  /// `algorithm` is not CudaSpmm::own.
  Spmm(cudaStream_t stream, CudaSpmm algorithm);

  /// product[row] = the sum of `table`'s rows that `a`'s row names. The first `columns` of table and product alike;
  /// `product` has no gaps. The table must be finite. Throws DeviceError for 2^31 entries and more.
  template <class T>
  void multiply(CudaContext& context, const Expansion& a, MatrixView<const T> table, MatrixView<T> product);

  /// Drops what was made from an adjacency in this memory.
  void forget(CudaContext& context, const void* memory) noexcept;

 private:
  /// One matrix, with the shapes that its buffer is made for.
  struct Prepared {
    Expansion a;
    Index columns;
    Offset stride;
    std::size_t element;
    std::size_t bytes;  ///< of both memories, as a rehearsal counts them
    PoolMemory arrays, buffer;
    SparseMatrix matrix;
    DenseMatrix table, product;
    bool filled = false;
  };
  template <class T>
  Prepared& prepared(CudaContext& context, const Expansion& a, Index columns, Offset stride);
  template <class T>
  void prepare(CudaContext& context, Prepared& made);

  Cusparse handle_;
  cusparseSpMMAlg_t algorithm_;
  std::vector<Prepared> prepared_;
};

}  // namespace gcmc
