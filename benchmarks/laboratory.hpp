// Holds what benchmarks share: the graph and the experiment that were asked for last, so that a run over many
// benchmarks builds each once and has one of them in memory.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "cases.hpp"
#include "ceilings.hpp"

namespace gcmc::benchmarks {

class Laboratory {
 public:
  /// `files`: shape name to graph file; other shapes are generated.
  explicit Laboratory(std::map<std::string, std::string> files) : files_(std::move(files)) {}

  const Shape& shape(const std::string& name) {
    if (!shape_ || shape_name_ != name) {
      shape_.reset();
      const auto file = files_.find(name);
      shape_ = std::make_unique<Shape>(file == files_.end() ? generated_shape(name) : shape_from_file(file->second));
      shape_name_ = name;
    }
    return *shape_;
  }

  /// The experiment called `name`, made as Experiment(shape, case) unless it was the last one asked for.
  template <class Experiment>
  Experiment& experiment(const std::string& name, const Case& options) {
    if (!experiment_ || experiment_name_ != name) {
      experiment_.reset();
      experiment_ = std::make_shared<Experiment>(shape(options.shape), options);
      experiment_name_ = name;
    }
    return *static_cast<Experiment*>(experiment_.get());
  }

  Ceilings& ceilings() { return ceilings_; }

 private:
  std::map<std::string, std::string> files_;
  Ceilings ceilings_;
  std::string shape_name_, experiment_name_;
  std::unique_ptr<Shape> shape_;
  std::shared_ptr<void> experiment_;
};

}  // namespace gcmc::benchmarks
