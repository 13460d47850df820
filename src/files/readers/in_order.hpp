// Pieces of a stream, worked on by several threads, with what comes of them in the stream's order.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>

#include "gcmc/base/parallel.hpp"

namespace gcmc {

/// For each piece that take(piece) gives, until it says that there is no more: work(piece, result), then merge(result).
/// take and merge are called by one thread at a time, in the same order; work by `threads` at once, or by as many as
/// the system starts. What is merged, and what is thrown, is what one thread would merge and throw.
template <class Piece, class Result, class Take, class Work, class Merge>
void for_each_in_order(int threads, const Take& take, const Work& work, const Merge& merge) {
  constexpr std::int64_t nobody = -1;
  std::mutex taking;
  std::int64_t taken = 0;
  bool taken_all = false;             // both by `taking`
  std::atomic<std::int64_t> next{0};  // whose turn it is to merge; nobody's behind an error
  std::exception_ptr error;           // by whose turn it is: the first in order

  // True if there may be more.
  const auto take_one = [&](Piece& piece, std::int64_t& number, std::exception_ptr& failed) {
    const std::lock_guard lock(taking);
    if (taken_all) return false;
    number = taken++;
    try {
      taken_all = !take(piece);
      return !taken_all;
    } catch (...) {
      failed = std::current_exception();
      return taken_all = true;
    }
  };
  // False if nothing is to be merged any more.
  const auto merge_one = [&](Result& result, std::int64_t number, std::exception_ptr failed) {
    for (std::int64_t turn = next; turn != number; turn = next) {
      if (turn == nobody) return false;
      next.wait(turn);
    }
    try {
      if (failed) std::rethrow_exception(failed);
      merge(result);
      next = number + 1;
    } catch (...) {
      error = std::current_exception();
      next = nobody;
    }
    next.notify_all();
    return next != nobody;
  };
  const auto loop = [&] {
    Piece piece{};
    Result result{};
    std::int64_t number = 0;
    for (std::exception_ptr failed; take_one(piece, number, failed);) {
      try {
        if (!failed) work(piece, result);
      } catch (...) {
        failed = std::current_exception();
      }
      if (!merge_one(result, number, failed)) return;
    }
  };

  run_parallel(threads, threads, [&](Offset) { loop(); });
  if (error) std::rethrow_exception(error);
}

}  // namespace gcmc
