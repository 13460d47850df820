// Streams: queues of work that runs when someone waits for it, in an order between streams that a seed picks among
// those which events, the legacy default stream and the documentation permit.
#include "stream.hpp"

#include "pool.hpp"

namespace emulator {
namespace {

struct Engine {
  OperationId next = 1;
  std::set<OperationId> pending;
  std::set<cudaStream_t> streams;  ///< with destroyed ones that still hold work
  CUstream_st legacy;
  std::set<std::shared_ptr<Capture>> captures;

  Engine() { streams.insert(&legacy); }
};
Engine& engine() {
  static Engine* only = new Engine;
  return *only;
}

bool ready(const CUstream_st& stream) {
  return !stream.queue.empty() &&
         std::all_of(stream.queue.front().after.begin(), stream.queue.front().after.end(), is_done);
}

/// False if no work is ready.
bool run_one() {
  std::vector<cudaStream_t> candidates;
  for (cudaStream_t stream : engine().streams)
    if (ready(*stream)) candidates.push_back(stream);
  if (candidates.empty()) return false;
  const cudaStream_t stream = candidates[random_below(candidates.size())];
  const Operation operation = std::move(stream->queue.front());
  stream->queue.pop_front();
  if (state().sticky == cudaSuccess) operation.run();
  engine().pending.erase(operation.id);
  if (stream->destroyed && stream->queue.empty()) {
    engine().streams.erase(stream);
    delete stream;
  }
  return true;
}

cudaError_t create(cudaStream_t* stream, unsigned flags) {
  if (!stream || flags > cudaStreamNonBlocking) return cudaErrorInvalidValue;
  *stream = new CUstream_st;
  (*stream)->device = host_thread().device;
  (*stream)->blocking = flags == cudaStreamDefault;
  engine().streams.insert(*stream);
  state().objects[*stream] = "stream";
  return cudaSuccess;
}

}  // namespace

bool is_done(OperationId operation) { return !engine().pending.count(operation); }

cudaStream_t resolve(cudaStream_t stream) { return !stream || stream == cudaStreamLegacy ? &engine().legacy : stream; }

bool valid(cudaStream_t stream) {
  stream = resolve(stream);
  return engine().streams.count(stream) && !stream->destroyed;
}

bool is_capturing(cudaStream_t stream) { return resolve(stream)->capture != nullptr; }

OperationId push(cudaStream_t stream, std::function<void()> run, std::vector<OperationId> after) {
  stream = resolve(stream);
  // "Stream synchronization behavior": work of the legacy stream waits for all blocking streams, and they for it.
  if (stream == &engine().legacy) {
    for (cudaStream_t other : engine().streams)
      if (other->blocking) after.push_back(other->last);
  } else if (stream->blocking) {
    after.push_back(engine().legacy.last);
  }
  const OperationId id = engine().next++;
  engine().pending.insert(id);
  stream->queue.push_back({id, std::move(run), std::move(after)});
  return stream->last = id;
}

cudaError_t invalidate(Capture& capture, cudaError_t error) {
  capture.invalidated = true;
  return error;
}

cudaError_t enqueue(cudaStream_t stream, Work work) {
  stream = resolve(stream);
  if (!valid(stream)) return cudaErrorInvalidResourceHandle;
  if (stream == &engine().legacy)  // programming guide, "Prohibited and Unhandled Operations" of stream capture
    for (const auto& capture : engine().captures)
      if (capture->origin->blocking) return invalidate(*capture, cudaErrorStreamCaptureImplicit);
  if (!stream->capture) {
    push(stream, std::move(work.run));
    return cudaSuccess;
  }
  if (stream->capture->invalidated) return cudaErrorStreamCaptureInvalidated;
  auto& nodes = stream->capture->graph->nodes;
  nodes.push_back({std::move(work), std::move(stream->tips)});
  stream->tips = {nodes.size() - 1};
  return cudaSuccess;
}

/// cudaStreamCaptureMode: unless relaxed, a capture makes potentially unsafe calls fail, and they invalidate it.
cudaError_t forbid_during_capture() {
  cudaError_t error = cudaSuccess;
  for (const auto& capture : engine().captures)
    if (capture->mode != cudaStreamCaptureModeRelaxed) error = invalidate(*capture, cudaErrorStreamCaptureUnsupported);
  return error;
}

void finish(OperationId operation) {
  if (is_done(operation)) return;
  on_device([operation] {
    while (!is_done(operation))
      if (!run_one()) std::abort();  // an operation waits only for earlier ones: something is always ready
  });
}

void make_progress() {
  on_device([] { run_one(); });
}

cudaError_t finish_stream(cudaStream_t stream) {
  stream = resolve(stream);
  if (!valid(stream)) return cudaErrorInvalidResourceHandle;
  if (stream->capture) return invalidate(*stream->capture, cudaErrorStreamCaptureUnsupported);
  finish(stream->last);
  trim_pools();
  return cudaSuccess;
}

cudaError_t finish_all() {
  for (const auto& capture : engine().captures) return invalidate(*capture, cudaErrorStreamCaptureUnsupported);
  on_device([] {
    while (run_one()) {
    }
  });
  trim_pools();
  return cudaSuccess;
}

void drop_queued_work() {
  for (cudaStream_t stream : std::set<cudaStream_t>(engine().streams)) {
    stream->queue.clear();
    stream->capture.reset();
    if (!stream->destroyed) continue;
    engine().streams.erase(stream);
    delete stream;
  }
  engine().pending.clear();
  engine().captures.clear();
}

cudaError_t begin_capture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  stream = resolve(stream);
  if (!valid(stream)) return cudaErrorInvalidResourceHandle;
  // "Capture must be ended on the same stream; it may not be initiated if stream is cudaStreamLegacy."
  if (stream == &engine().legacy) return cudaErrorStreamCaptureUnsupported;
  if (stream->capture) return cudaErrorInvalidValue;
  stream->capture = std::make_shared<Capture>();
  stream->capture->origin = stream;
  stream->capture->mode = mode;
  stream->capture->graph = std::make_unique<CUgraph_st>();
  stream->capture->streams = {stream};
  stream->tips.clear();
  engine().captures.insert(stream->capture);
  return cudaSuccess;
}

void end_capture(Capture& capture) {
  const std::set<cudaStream_t> streams = capture.streams;
  std::shared_ptr<Capture> held = capture.origin->capture;
  engine().captures.erase(held);
  for (cudaStream_t stream : streams)
    if (engine().streams.count(stream)) stream->capture.reset();
}

}  // namespace emulator

using namespace emulator;

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return api(__func__, [&] { return create(stream, flags); });
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return api(
      __func__,
      [&] {
        if (!stream || !valid(stream) || stream == &engine().legacy) return cudaErrorInvalidResourceHandle;
        state().objects.erase(stream);
        // "... the resources associated with stream will be released automatically once the device has completed all
        // work in stream."
        stream->destroyed = true;
        if (const std::shared_ptr<Capture> capture = stream->capture) {
          capture->invalidated = true;
          if (capture->origin == stream) end_capture(*capture);
        }
        if (stream->queue.empty()) {
          engine().streams.erase(stream);
          delete stream;
        }
        return cudaSuccess;
      },
      true);
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return api(__func__, [&] { return finish_stream(stream); });
}
cudaError_t cudaDeviceSynchronize() {
  return api(__func__, [&] { return finish_all(); });
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return api(__func__, [&] {
    if (!valid(stream)) return cudaErrorInvalidResourceHandle;
    if (is_capturing(stream)) return finish_stream(stream);
    if (is_done(resolve(stream)->last)) return cudaSuccess;
    make_progress();
    return cudaErrorNotReady;
  });
}
