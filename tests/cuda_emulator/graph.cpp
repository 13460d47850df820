// Stream capture and graphs: "CUDA Graphs" of the programming guide.
#include "stream.hpp"

namespace emulator {
namespace {

std::set<cudaGraph_t>& graphs() {
  static auto* all = new std::set<cudaGraph_t>;
  return *all;
}
std::set<cudaGraphExec_t>& executables() {
  static auto* all = new std::set<cudaGraphExec_t>;
  return *all;
}

/// Whether every node comes before the work that the origin would capture next.
bool all_joined(const CUgraph_st& graph, const std::set<std::size_t>& tips) {
  std::set<std::size_t> reached;
  std::vector<std::size_t> open(tips.begin(), tips.end());
  while (!open.empty()) {
    const std::size_t node = open.back();
    open.pop_back();
    if (reached.insert(node).second)
      open.insert(open.end(), graph.nodes[node].after.begin(), graph.nodes[node].after.end());
  }
  return reached.size() == graph.nodes.size();
}

cudaError_t end(cudaStream_t stream, cudaGraph_t* graph) {
  stream = resolve(stream);
  if (graph) *graph = nullptr;
  if (!graph) return cudaErrorInvalidValue;
  if (!valid(stream)) return cudaErrorInvalidResourceHandle;
  const std::shared_ptr<Capture> capture = stream->capture;
  if (!capture) return cudaErrorIllegalState;
  if (capture->origin != stream) return invalidate(*capture, cudaErrorStreamCaptureUnmatched);
  const bool joined = all_joined(*capture->graph, stream->tips);
  end_capture(*capture);
  if (capture->invalidated) return cudaErrorStreamCaptureInvalidated;
  if (!joined) return cudaErrorStreamCaptureUnjoined;
  *graph = capture->graph.release();
  graphs().insert(*graph);
  state().objects[*graph] = "graph";
  return cudaSuccess;
}

/// Runs the nodes in a random one of the orders that their edges permit.
void run_nodes(const std::vector<CUgraphNode_st>& nodes) {
  std::vector<bool> done(nodes.size(), false);
  for (std::size_t left = nodes.size(); left > 0 && state().sticky == cudaSuccess; --left) {
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i < nodes.size(); ++i)
      if (!done[i] && std::all_of(nodes[i].after.begin(), nodes[i].after.end(), [&](std::size_t n) { return done[n]; }))
        ready.push_back(i);
    const std::size_t next = ready[random_below(ready.size())];
    nodes[next].work.run();
    done[next] = true;
  }
}

/// What the limitations of cudaGraphExecUpdate forbid. Functions of kernels may change.
cudaGraphExecUpdateResult compare(const std::vector<CUgraphNode_st>& from, CUgraph_st& to, cudaGraphNode_t& node) {
  node = nullptr;
  if (from.size() != to.nodes.size()) return cudaGraphExecUpdateErrorTopologyChanged;
  for (std::size_t i = 0; i < from.size(); ++i) {
    node = &to.nodes[i];
    if (from[i].after != to.nodes[i].after) return cudaGraphExecUpdateErrorTopologyChanged;
    if (from[i].work.kind != to.nodes[i].work.kind) return cudaGraphExecUpdateErrorNodeTypeChanged;
    if (from[i].work.fixed != to.nodes[i].work.fixed) return cudaGraphExecUpdateErrorParametersChanged;
  }
  node = nullptr;
  return cudaGraphExecUpdateSuccess;
}

}  // namespace
}  // namespace emulator

using namespace emulator;

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  return api(__func__, [&] { return begin_capture(stream, mode); });
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  return api(
      __func__, [&] { return end(stream, graph); }, true);
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  return api(__func__, [&] {
    if (!valid(stream)) return cudaErrorInvalidResourceHandle;
    const auto& capture = resolve(stream)->capture;
    *status = !capture               ? cudaStreamCaptureStatusNone
              : capture->invalidated ? cudaStreamCaptureStatusInvalidated
                                     : cudaStreamCaptureStatusActive;
    return cudaSuccess;
  });
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long flags) {
  return api(__func__, [&] {
    if (!executable || !graphs().count(graph) || flags != 0) return cudaErrorInvalidValue;
    *executable = new CUgraphExec_st;
    (*executable)->nodes = std::make_shared<std::vector<CUgraphNode_st>>(graph->nodes);
    executables().insert(*executable);
    state().objects[*executable] = "executable graph";
    return cudaSuccess;
  });
}
cudaError_t cudaGraphExecUpdate(cudaGraphExec_t executable, cudaGraph_t graph, cudaGraphExecUpdateResultInfo* info) {
  return api(__func__, [&] {
    if (!info) return cudaErrorInvalidValue;
    *info = {cudaGraphExecUpdateError, nullptr, nullptr};
    if (!executables().count(executable) || !graphs().count(graph)) return cudaErrorInvalidValue;
    info->result = compare(*executable->nodes, *graph, info->errorNode);
    if (info->result != cudaGraphExecUpdateSuccess) return cudaErrorGraphExecUpdateFailure;
    executable->nodes = std::make_shared<std::vector<CUgraphNode_st>>(graph->nodes);  // launched ones keep theirs
    return cudaSuccess;
  });
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return api(__func__, [&] {
    if (!executables().count(executable)) return cudaErrorInvalidValue;
    if (!valid(stream)) return cudaErrorInvalidResourceHandle;
    if (is_capturing(stream)) return cudaErrorNotSupported;  // a child graph: permitted, not emulated
    // "Each launch is ordered behind both any previous work in stream and any previous launches of graphExec."
    executable->last = push(stream, [nodes = executable->nodes] { run_nodes(*nodes); }, {executable->last});
    return cudaSuccess;
  });
}
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, std::size_t* count) {
  return api(__func__, [&] {
    if (!graphs().count(graph) || !count) return cudaErrorInvalidValue;
    for (std::size_t i = 0; nodes && i < *count; ++i) nodes[i] = i < graph->nodes.size() ? &graph->nodes[i] : nullptr;
    *count = nodes ? std::min(*count, graph->nodes.size()) : graph->nodes.size();
    return cudaSuccess;
  });
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return api(
      __func__,
      [&] {
        if (!executables().erase(executable)) return cudaErrorInvalidValue;
        state().objects.erase(executable);
        delete executable;
        return cudaSuccess;
      },
      true);
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return api(
      __func__,
      [&] {
        if (!graphs().erase(graph)) return cudaErrorInvalidValue;
        state().objects.erase(graph);
        delete graph;
        return cudaSuccess;
      },
      true);
}
