// What one call of a Predictor works in: threads, and memory of each of them, kept for later calls.
#pragma once

#include <algorithm>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "../cpu/available_threads.hpp"
#include "../cpu/thread_pool.hpp"
#include "gcmc/backend/memory.hpp"
#include "gcmc/cpu.hpp"
#include "gcmc/model/predictor.hpp"

namespace gcmc {

/// One thread's; what it allocates stays.
struct Predictor::Worker {
  explicit Worker(const std::string& isa) : cpu(1, isa) {}

  /// Of a block.
  template <class T>
  struct Block {
    Buffer<Cpu, T> users, products;  ///< [runs]: embeddings, and what they are times the bases
    Buffer<Cpu, T> fresh;            ///< of those that are multiplied now
    Buffer<Cpu, T> guests;           ///< in the items' place
    Buffer<Cpu, T> predictions, probabilities;
  };
  template <class T>
  Block<T>& block() {
    if constexpr (sizeof(T) == sizeof(float))
      return single;
    else
      return twice;
  }

  Cpu cpu;
  std::vector<Index> users;        ///< of a block's runs
  std::vector<Index> items;        ///< of its pairs
  std::vector<Offset> begin;       ///< of its runs and their levels, among the items
  std::vector<Index> to_multiply;  ///< of its runs
  Block<float> single;
  Block<double> twice;

  std::vector<char> wanted;          ///< recommend(): items for one user
  std::vector<Index> candidates;     ///< ... the same by number
  std::vector<double> ratings;       ///< ... of the candidates
  std::vector<Recommendation> best;  ///< ... of these
};

/// One call's.
struct Predictor::Memory {
  Memory(int threads, const std::string& isa) : pool(threads) {
    for (int thread = 0; thread < threads; ++thread) workers.push_back(std::make_unique<Worker>(isa));
  }

  /// Calls body(task, worker) for every task < tasks, on all threads. Throws what the first task that fails throws.
  template <class Body>
  void run(std::size_t tasks, const Body& body) {
    std::mutex mutex;
    std::size_t failed = tasks;
    std::exception_ptr failure;
    pool.run(static_cast<std::int64_t>(tasks), [&](std::int64_t number, int thread) {
      const auto task = static_cast<std::size_t>(number);
      try {
        body(task, *workers[static_cast<std::size_t>(thread)]);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (task < failed) failure = std::current_exception();
        failed = std::min(failed, task);
      }
    });
    if (failure) std::rethrow_exception(failure);
  }

  ThreadPool pool;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::size_t> order;  ///< places of the pairs whose ids are known, by user
  std::vector<std::size_t> begin_of_user;
  std::vector<char> allowed;  ///< recommend(): items that the options allow
};

/// Lends each call a Memory of its own: as many are made as calls run at once.
class Predictor::Lender {
 public:
  /// All have so many threads (0: all cores), with the instruction set of the first.
  explicit Lender(int threads) : threads_(threads == 0 ? available_threads() : threads) {
    require(threads >= 0,
            [&] { return "predictor: " + std::to_string(threads) + " threads: use 0 (all cores) or more"; });
    free_.push_back(std::make_unique<Memory>(threads_, ""));
    isa_ = free_.front()->workers.front()->cpu.isa();
  }

  /// Lent while it lives.
  class Loan {
   public:
    explicit Loan(Lender& lender) : lender_(lender), memory_(lender.take()) {}
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    ~Loan() { lender_.give_back(std::move(memory_)); }
    Memory& operator*() const { return *memory_; }

   private:
    Lender& lender_;
    std::unique_ptr<Memory> memory_;
  };

 private:
  std::unique_ptr<Memory> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        auto memory = std::move(free_.back());
        free_.pop_back();
        return memory;
      }
      free_.reserve(++made_);  // so that none is lost when it comes back
    }
    return std::make_unique<Memory>(threads_, isa_);
  }
  void give_back(std::unique_ptr<Memory> memory) noexcept {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(memory));
  }

  int threads_;
  std::string isa_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Memory>> free_;
  std::size_t made_ = 1;
};

}  // namespace gcmc
