// A backend with a watcher: every operation passes through watcher.around, which runs it when it likes.
#pragma once

#include <string>

#include "gcmc/backend/memory.hpp"

namespace gcmc::benchmarks {

/// Watcher::around(operation, run) must call run() once. Both outlive the object.
template <BackendMemory B, class Watcher>
class Watched {
 public:
  static constexpr bool stores_bf16_tables = requires { requires B::stores_bf16_tables; };

  Watched(B& backend, Watcher& watcher) : backend_(&backend), watcher_(&watcher) {}

  void* allocate(std::size_t bytes) { return backend_->allocate(bytes); }
  void release(void* memory, std::size_t bytes) noexcept { backend_->release(memory, bytes); }
  void copy_to_device(void* to, const void* from, std::size_t bytes) { backend_->copy_to_device(to, from, bytes); }
  void copy_to_host(void* to, const void* from, std::size_t bytes) { backend_->copy_to_host(to, from, bytes); }
  void copy(void* to, const void* from, std::size_t bytes) { backend_->copy(to, from, bytes); }
  std::string name() const { return backend_->name(); }

  template <class Operation>
  void run(const Operation& operation) {
    watcher_->around(operation, [&] { backend_->run(operation); });
  }

 private:
  B* backend_;
  Watcher* watcher_;
};

}  // namespace gcmc::benchmarks
