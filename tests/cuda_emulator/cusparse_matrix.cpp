// Handles and descriptors of cuSPARSE, and what its documentation asks of them.
#include "cusparse_matrix.hpp"

namespace emulator {
namespace {

bool is_type(cudaDataType type) { return type == CUDA_R_32F || type == CUDA_R_64F; }

/// cusparseCreateCsr(): rows + 1 offsets, nnz columns and values; both index types alike, since cusparseSpMM() lists
/// 32-bit and 64-bit indices and no mixture.
cusparseStatus_t make(cusparseConstSpMatDescr_t* matrix, const cusparseSpMatDescr& made,
                      cusparseIndexType_t offset_type, cusparseIndexType_t column_type) {
  if (!matrix || made.rows < 0 || made.columns < 0 || made.nonzeros < 0 || !made.offsets)
    return CUSPARSE_STATUS_INVALID_VALUE;
  if (made.nonzeros > 0 && (!made.column_indices || !made.values)) return CUSPARSE_STATUS_INVALID_VALUE;
  if (made.base != CUSPARSE_INDEX_BASE_ZERO && made.base != CUSPARSE_INDEX_BASE_ONE)
    return CUSPARSE_STATUS_INVALID_VALUE;
  if (offset_type != column_type || (offset_type != CUSPARSE_INDEX_32I && offset_type != CUSPARSE_INDEX_64I) ||
      !is_type(made.type))
    return CUSPARSE_STATUS_NOT_SUPPORTED;
  if (!made.wide && std::max({made.rows, made.columns, made.nonzeros}) > 0x7FFFFFFF)
    return CUSPARSE_STATUS_INVALID_VALUE;
  *matrix = new cusparseSpMatDescr(made);
  state().objects[*matrix] = "sparse matrix descriptor";
  return CUSPARSE_STATUS_SUCCESS;
}

/// cusparseCreateDnMat(): ld >= rows if column-major, >= columns if row-major.
cusparseStatus_t make(cusparseConstDnMatDescr_t* matrix, const cusparseDnMatDescr& made, cusparseOrder_t order) {
  if (!matrix || made.rows < 0 || made.columns < 0 || (made.extent() > 0 && !made.values))
    return CUSPARSE_STATUS_INVALID_VALUE;
  if (order != CUSPARSE_ORDER_COL && order != CUSPARSE_ORDER_ROW) return CUSPARSE_STATUS_INVALID_VALUE;
  if (made.ld < (made.row_major ? made.columns : made.rows)) return CUSPARSE_STATUS_INVALID_VALUE;
  if (!is_type(made.type)) return CUSPARSE_STATUS_NOT_SUPPORTED;
  *matrix = new cusparseDnMatDescr(made);
  state().objects[*matrix] = "dense matrix descriptor";
  return CUSPARSE_STATUS_SUCCESS;
}

template <class T>
cusparseStatus_t destroy(T* object) {
  const std::lock_guard lock(state().mutex);
  if (!alive(object)) return CUSPARSE_STATUS_INVALID_VALUE;
  state().objects.erase(object);
  delete object;
  return CUSPARSE_STATUS_SUCCESS;
}

}  // namespace
}  // namespace emulator

using namespace emulator;

cusparseStatus_t cusparseCreate(cusparseHandle_t* handle) {
  return library_call(__func__, CUSPARSE_STATUS_NOT_INITIALIZED, [&] {
    if (!handle) return CUSPARSE_STATUS_INVALID_VALUE;
    if (forbid_during_capture() != cudaSuccess) return CUSPARSE_STATUS_ALLOC_FAILED;
    *handle = new cusparseContext;
    state().objects[*handle] = "cuSPARSE handle";
    return CUSPARSE_STATUS_SUCCESS;
  });
}
cusparseStatus_t cusparseDestroy(cusparseHandle_t handle) { return destroy(handle); }
cusparseStatus_t cusparseSetStream(cusparseHandle_t handle, cudaStream_t stream) {
  return cusparse_call(__func__, [&] {
    if (!alive(handle)) return CUSPARSE_STATUS_NOT_INITIALIZED;
    if (!valid(stream)) return CUSPARSE_STATUS_INVALID_VALUE;
    handle->stream = stream;
    return CUSPARSE_STATUS_SUCCESS;
  });
}
cusparseStatus_t cusparseSetPointerMode(cusparseHandle_t handle, cusparsePointerMode_t mode) {
  return cusparse_call(__func__, [&] {
    if (!alive(handle)) return CUSPARSE_STATUS_NOT_INITIALIZED;
    handle->device_scalars = mode == CUSPARSE_POINTER_MODE_DEVICE;
    return CUSPARSE_STATUS_SUCCESS;
  });
}

cusparseStatus_t cusparseCreateConstCsr(cusparseConstSpMatDescr_t* matrix, std::int64_t rows, std::int64_t columns,
                                        std::int64_t nonzeros, const void* offsets, const void* column_indices,
                                        const void* values, cusparseIndexType_t offset_type,
                                        cusparseIndexType_t column_type, cusparseIndexBase_t base,
                                        cudaDataType value_type) {
  return cusparse_call(__func__, [&] {
    return make(
        matrix,
        {rows, columns, nonzeros, offsets, column_indices, values, offset_type == CUSPARSE_INDEX_64I, base, value_type},
        offset_type, column_type);
  });
}
cusparseStatus_t cusparseCreateCsr(cusparseSpMatDescr_t* matrix, std::int64_t rows, std::int64_t columns,
                                   std::int64_t nonzeros, void* offsets, void* column_indices, void* values,
                                   cusparseIndexType_t offset_type, cusparseIndexType_t column_type,
                                   cusparseIndexBase_t base, cudaDataType value_type) {
  return cusparseCreateConstCsr(const_cast<cusparseConstSpMatDescr_t*>(matrix), rows, columns, nonzeros, offsets,
                                column_indices, values, offset_type, column_type, base, value_type);
}
cusparseStatus_t cusparseDestroySpMat(cusparseConstSpMatDescr_t matrix) { return destroy(matrix); }
cusparseStatus_t cusparseCreateConstDnMat(cusparseConstDnMatDescr_t* matrix, std::int64_t rows, std::int64_t columns,
                                          std::int64_t ld, const void* values, cudaDataType type,
                                          cusparseOrder_t order) {
  return cusparse_call(__func__, [&] {
    return make(matrix, {rows, columns, ld, values, type, order == CUSPARSE_ORDER_ROW}, order);
  });
}
cusparseStatus_t cusparseCreateDnMat(cusparseDnMatDescr_t* matrix, std::int64_t rows, std::int64_t columns,
                                     std::int64_t ld, void* values, cudaDataType type, cusparseOrder_t order) {
  return cusparseCreateConstDnMat(const_cast<cusparseConstDnMatDescr_t*>(matrix), rows, columns, ld, values, type,
                                  order);
}
cusparseStatus_t cusparseDnMatSetValues(cusparseDnMatDescr_t matrix, void* values) {
  return cusparse_call(__func__, [&] {
    if (!alive(matrix) || !values) return CUSPARSE_STATUS_INVALID_VALUE;
    matrix->values = values;
    return CUSPARSE_STATUS_SUCCESS;
  });
}
cusparseStatus_t cusparseDestroyDnMat(cusparseConstDnMatDescr_t matrix) { return destroy(matrix); }
