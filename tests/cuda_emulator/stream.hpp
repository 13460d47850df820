// Streams, events, captures and graphs: what they hold.
#pragma once

#include "internal.hpp"

namespace emulator {

struct Operation {
  OperationId id;
  std::function<void()> run;
  std::vector<OperationId> after;
};

/// The graph under construction of one cudaStreamBeginCapture.
struct Capture {
  cudaStream_t origin;
  cudaStreamCaptureMode mode;
  bool invalidated = false;
  std::unique_ptr<CUgraph_st> graph;
  std::set<cudaStream_t> streams;
};

}  // namespace emulator

struct CUstream_st {
  int device = 0;
  bool blocking = true;  ///< ordered with the legacy default stream
  bool destroyed = false;
  std::deque<emulator::Operation> queue;
  emulator::OperationId last = 0;
  std::shared_ptr<emulator::Capture> capture;
  std::set<std::size_t> tips;  ///< nodes that the next captured one comes after
};

struct CUevent_st {
  int device = 0;
  bool timing = true;
  emulator::OperationId recorded = 0;          ///< 0: never recorded
  std::shared_ptr<double> milliseconds;        ///< when the record was reached
  std::shared_ptr<emulator::Capture> capture;  ///< recorded in a capture
  std::set<std::size_t> tips;
};

struct CUgraphNode_st {
  emulator::Work work;
  std::set<std::size_t> after;
};

struct CUgraph_st {
  std::vector<CUgraphNode_st> nodes;
};

struct CUgraphExec_st {
  std::shared_ptr<std::vector<CUgraphNode_st>> nodes;
  emulator::OperationId last = 0;  ///< launches of one executable graph run one after another
};

namespace emulator {

/// The stream that a handle names: null is the legacy default stream.
cudaStream_t resolve(cudaStream_t stream);
bool is_done(OperationId operation);
OperationId push(cudaStream_t stream, std::function<void()> run, std::vector<OperationId> after = {});
/// Runs queued work, of any stream in any permitted order, until the operation is done.
void finish(OperationId operation);
/// Runs one operation, if one is ready.
void make_progress();
void drop_queued_work();
cudaError_t begin_capture(cudaStream_t stream, cudaStreamCaptureMode mode);
void end_capture(Capture& capture);
/// Marks the capture as broken, and returns the error.
cudaError_t invalidate(Capture& capture, cudaError_t error);

}  // namespace emulator
