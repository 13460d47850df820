// The operations as the .cu files implement them, float and double each.
#pragma once

#include "context.hpp"

namespace gcmc::kernels {

void run(CudaContext& context, const DrawMask& op);
void run(CudaContext& context, const SelectSources& op);
void run(CudaContext& context, const SplitEdges& op);
template <class T>
void run(CudaContext& context, const BuildTable<T>& op);
template <class T>
void run(CudaContext& context, const Aggregate<T>& op);
template <class T>
void run(CudaContext& context, const AggregateBackward<T>& op);
template <class T>
void run(CudaContext& context, const Multiply<T>& op);
template <class T>
void run(CudaContext& context, const MultiplyTransposed<T>& op);
template <class T>
void run(CudaContext& context, const ColumnSums<T>& op);
template <class T>
void run(CudaContext& context, const Activate<T>& op);
template <class T>
void run(CudaContext& context, const DenseBackward<T>& op);
template <class T>
void run(CudaContext& context, const Decode<T>& op);
template <class T>
void run(CudaContext& context, const Predict<T>& op);
template <class T>
void run(CudaContext& context, const DegreeScale<T>& op);
template <class T>
void run(CudaContext& context, const SquareSum<T>& op);
template <class T>
void run(CudaContext& context, const Update<T>& op);
template <class T>
void run(CudaContext& context, const RecordStep<T>& op);

}  // namespace gcmc::kernels
