// The program loads its CUDA part: what passes between the two, and what is said where there is none.
#include "../examples/trainer/cuda_module.hpp"
#include "catch.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/ratings/generator.hpp"

using namespace gcmc;

namespace {

std::string device_error(const std::string& path, int number) {
  try {
    training_of_module(path, number);
  } catch (const DeviceError& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("a module's training trains, to the same bits as the program's own", "[cuda_module]") {
  const Ratings ratings = generate_ratings({.users = 40, .items = 30, .ratings = 500});
  Options options;
  options.model.units = 10;
  options.model.output = 5;
  options.train.max_iterations = 3;
  const TrainResult result = training_of_module("module_without_cuda.so", 0)(ratings, options, {}, {}, {});
  CHECK(result.model.tensors == train_on_cpu(ratings, options, {}, {}).model.tensors);
}

TEST_CASE("an error that a module throws is caught as what it is", "[cuda_module]") {
  CHECK(device_error("module_without_cuda.so", 3) == "no device 3");
}

TEST_CASE("a module that is missing or is none is an error with the loader's reason", "[cuda_module]") {
  const std::string missing = device_error("nowhere/cuda.so", 0);
  CHECK(missing.find("cuda: its part of the program does not load (/") == 0);
  CHECK(missing.find("/nowhere/cuda.so: cannot open shared object file") != missing.npos);
  CHECK(device_error("/dev/null", 0).find("does not load (/dev/null: ") != std::string::npos);
}
