// One training step and one prediction, recorded: each operation can be run again by itself.
#pragma once

#include <any>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "cases.hpp"
#include "gcmc/cpu.hpp"
#include "gcmc/train/train.hpp"
#include "phases.hpp"
#include "watched.hpp"
#include "work.hpp"

namespace gcmc::benchmarks {

struct Recorded {
  std::string_view phase;
  Work work;
  std::any operation;
  std::function<void(Cpu&)> run;
};

/// Watches a backend, and keeps what it runs while `recording`.
class Recorder {
 public:
  template <class Operation, class Run>
  void around(const Operation& operation, const Run& run) {
    timer.around(operation, run);
    if (recording)
      operations.push_back(
          {phase_of(operation), work_of(operation), operation, [operation](Cpu& cpu) { cpu.run(operation); }});
  }

  PhaseTimer timer;
  bool recording = false;
  std::vector<Recorded> operations;
};

/// Records the predictions of an evaluation, and the ninth training step.
class RecordedStep {
 public:
  RecordedStep(const Shape& shape, const Case& options)
      : cpu_(options.threads),
        backend_(cpu_, recorder_),
        trainer_(backend_, shape.ratings, shape.split, options.options()) {
    recorder_.recording = true;
    trainer_.validate();
    std::erase_if(recorder_.operations, [](const Recorded& operation) { return operation.phase != "predict"; });
    recorder_.recording = false;
    for (int step = 0; step < 8; ++step) trainer_.step();
    recorder_.recording = true;
    trainer_.step();
    recorder_.recording = false;
  }

  const std::vector<Recorded>& operations() const { return recorder_.operations; }

  /// Runs a phase's operations again; their seconds.
  double run(std::string_view phase) {
    const auto start = std::chrono::steady_clock::now();
    for (const Recorded& operation : operations())
      if (operation.phase == phase) operation.run(cpu_);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  /// Trains one more step; the seconds of one of its phases. For phases whose work depends on the steps before.
  double train(std::string_view phase) {
    recorder_.timer.reset();
    trainer_.step();
    return recorder_.timer.seconds().at(phase);
  }

  /// The first recorded operation of this type. Throws std::out_of_range if there is none.
  template <class Operation>
  const Operation& first() const {
    for (const Recorded& recorded : operations())
      if (const auto* operation = std::any_cast<Operation>(&recorded.operation)) return *operation;
    throw std::out_of_range("no such operation was recorded");
  }

 private:
  Cpu cpu_;
  Recorder recorder_;
  Watched<Cpu, Recorder> backend_;
  Trainer<Watched<Cpu, Recorder>, float> trainer_;
};

}  // namespace gcmc::benchmarks
