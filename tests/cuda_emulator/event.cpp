// Events: what a stream had to do when they were recorded.
#include <chrono>

#include "stream.hpp"

namespace emulator {
namespace {

std::set<cudaEvent_t>& events() {
  static auto* all = new std::set<cudaEvent_t>;
  return *all;
}

double now_in_milliseconds() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

cudaError_t record(cudaEvent_t event, cudaStream_t stream) {
  if (!events().count(event) || !valid(stream)) return cudaErrorInvalidResourceHandle;
  stream = resolve(stream);
  if (stream != resolve(nullptr) && stream->device != event->device) return cudaErrorInvalidResourceHandle;
  if (stream->capture) {
    if (stream->capture->invalidated) return cudaErrorStreamCaptureInvalidated;
    event->capture = stream->capture;
    event->tips = stream->tips;
    return cudaSuccess;
  }
  event->capture.reset();
  event->milliseconds = std::make_shared<double>(0);
  event->recorded = push(stream, [time = event->milliseconds] { *time = now_in_milliseconds(); });
  return cudaSuccess;
}

/// Joins a stream to the capture in which the event was recorded: "Cross-stream Dependencies and Events".
cudaError_t wait_in_capture(CUstream_st& stream, const CUevent_st& event) {
  if (!event.capture) return invalidate(*stream.capture, cudaErrorStreamCaptureIsolation);
  if (stream.capture && stream.capture != event.capture) {
    stream.capture->invalidated = true;
    return invalidate(*event.capture, cudaErrorStreamCaptureMerge);
  }
  if (event.capture->invalidated || !event.capture->graph) return cudaErrorStreamCaptureInvalidated;
  if (!stream.capture) stream.tips.clear();
  stream.capture = event.capture;
  stream.capture->streams.insert(&stream);
  stream.tips.insert(event.tips.begin(), event.tips.end());
  return cudaSuccess;
}

cudaError_t wait(cudaStream_t stream, cudaEvent_t event) {
  if (!events().count(event) || !valid(stream)) return cudaErrorInvalidResourceHandle;
  stream = resolve(stream);
  if (stream->capture || event->capture) return wait_in_capture(*stream, *event);
  // An event that was never recorded holds nobody up.
  if (event->recorded) push(stream, [] {}, {event->recorded});
  return cudaSuccess;
}

}  // namespace
}  // namespace emulator

using namespace emulator;

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return api(__func__, [&] {
    if (!event || flags > (cudaEventBlockingSync | cudaEventDisableTiming)) return cudaErrorInvalidValue;
    *event = new CUevent_st;
    (*event)->device = host_thread().device;
    (*event)->timing = !(flags & cudaEventDisableTiming);
    events().insert(*event);
    state().objects[*event] = "event";
    return cudaSuccess;
  });
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return api(
      __func__,
      [&] {
        if (!events().erase(event)) return cudaErrorInvalidResourceHandle;
        state().objects.erase(event);
        delete event;
        return cudaSuccess;
      },
      true);
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return api(__func__, [&] { return record(event, stream); });
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
  return api(__func__, [&] { return flags != 0 ? cudaErrorInvalidValue : wait(stream, event); });
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return api(__func__, [&] {
    if (!events().count(event)) return cudaErrorInvalidResourceHandle;
    if (event->capture) return cudaErrorCapturedEvent;
    finish(event->recorded);
    return cudaSuccess;
  });
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  return api(__func__, [&] {
    if (!events().count(event)) return cudaErrorInvalidResourceHandle;
    if (event->capture) return cudaErrorCapturedEvent;
    if (const auto error = forbid_during_capture()) return error;
    if (is_done(event->recorded)) return cudaSuccess;
    make_progress();
    return cudaErrorNotReady;
  });
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return api(__func__, [&] {
    if (!events().count(start) || !events().count(end) || !start->timing || !end->timing || !start->recorded ||
        !end->recorded)
      return cudaErrorInvalidResourceHandle;
    if (!is_done(start->recorded) || !is_done(end->recorded)) return cudaErrorNotReady;
    *milliseconds = static_cast<float>(*end->milliseconds - *start->milliseconds);
    return cudaSuccess;
  });
}
