// Rows that are computed when they are first asked for.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <new>
#include <vector>

#include "gcmc/base/views.hpp"

namespace gcmc {

/// A table that any number of threads fill and read at once. Memory that no row is in is never touched.
template <class T>
class KeptRows {
 public:
  KeptRows() = default;
  KeptRows(Index rows, std::size_t width)
      : width_(width),
        values_(static_cast<T*>(::operator new(static_cast<std::size_t>(rows) * width * sizeof(T)))),
        states_(static_cast<std::size_t>(rows)) {}

  explicit operator bool() const { return values_ != nullptr; }

  /// nullptr: it is not there yet.
  const T* find(Index row) const {
    return states_[static_cast<std::size_t>(row)].load(std::memory_order_acquire) == State::whole ? place(row)
                                                                                                  : nullptr;
  }
  /// Unless another thread does, or has.
  void keep(Index row, const T* values) const {
    std::atomic<State>& state = states_[static_cast<std::size_t>(row)];
    State none = State::none;
    if (!state.compare_exchange_strong(none, State::begun)) return;
    std::copy_n(values, width_, place(row));
    state.store(State::whole, std::memory_order_release);
  }

 private:
  enum class State : char { none, begun, whole };
  struct Free {
    void operator()(T* values) const { ::operator delete(values); }
  };
  T* place(Index row) const { return values_.get() + static_cast<std::size_t>(row) * width_; }

  std::size_t width_ = 0;
  std::unique_ptr<T, Free> values_;
  mutable std::vector<std::atomic<State>> states_;
};

}  // namespace gcmc
