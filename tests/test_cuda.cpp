// Training on CUDA: the steps' graphs, losses against the CPU's, whole runs.
#include "backends.hpp"
#include "gcmc/cuda.hpp"
#include "gcmc/files/readers.hpp"
#include "gcmc/train/train.hpp"

namespace {

using namespace gcmc;

Options small_options() {
  Options options;
  options.model = {.aggregation = Aggregation::stack, .units = 40, .output = 12, .node_dropout = 0.5};
  options.train.max_iterations = 6;
  return options;
}

Split parts_of(const Ratings& ratings, const Options& options) { return Split(ratings, split_options(options)); }

}  // namespace

/// Cuda without its way to run a step.
struct Direct : Cuda {
  using Cuda::Cuda;
  template <class Step>
  void run_step(const Step& step) = delete;
};

TEST_CASE("steps that are launched as graphs give the bits of steps that are not", "[cuda]") {
  const Ratings ratings = generate_ratings({.users = 40, .items = 50, .ratings = 900});
  Options options = small_options();
  options.train.target_removal = 0.2;
  options.train.average_decay = 0.9;
  const Split parts = parts_of(ratings, options);
  Cuda cuda(0, cuda_options());
  Direct direct(0, cuda_options());
  Trainer<Cuda, float> recorded(cuda, ratings, parts, options);
  Trainer<Direct, float> plain(direct, ratings, parts, options);
  for (int k = 0; k < 6; ++k) {
    REQUIRE(recorded.step().loss() == plain.step().loss());
    REQUIRE(recorded.validate().loss() == plain.validate().loss());
  }
  REQUIRE(recorded.model().parameters().get() == plain.model().parameters().get());
}

/// x *= factor.
Activate<float> scale(const Buffer<Cuda, float>& x, float factor) {
  return {
      {x.data(), 1, static_cast<Index>(x.size()), static_cast<Index>(x.size())}, Activation::linear, nullptr, factor};
}

TEST_CASE("a graph is made anew when the operations change", "[cuda]") {
  Cuda cuda;
  Buffer<Cuda, float> x(cuda, std::vector<float>(32, 1));
  const auto run = [&](int times, float factor) {
    cuda.run_step([&] {
      for (int k = 0; k < times; ++k) cuda.run(scale(x, factor));
    });
    return x.front();
  };
  CHECK(run(1, 0.5f) == 0.5f);
  CHECK(run(1, 0.5f) == 0.25f);      // recorded
  CHECK(run(1, 4.0f) == 1.0f);       // the same graph, another parameter
  CHECK(run(3, 0.5f) == 0.125f);     // another graph
  CHECK(run(3, 0.5f) == 0.015625f);  // the same again
}

TEST_CASE("a step that throws leaves the backend usable", "[cuda]") {
  Cuda cuda;
  Buffer<Cuda, float> x(cuda, std::vector<float>(32, 1));
  cuda.run_step([&] { cuda.run(scale(x, 0.5f)); });
  REQUIRE_THROWS_AS(cuda.run_step([&] {
    cuda.run(scale(x, 0.5f));
    throw Error("stop");
  }),
                    Error);
  CHECK(x.front() == 0.5f);  // what was recorded is dropped
  cuda.run_step([&] { cuda.run(scale(x, 0.5f)); });
  CHECK(x.front() == 0.25f);
}

/// The real ml-100k where GCMC_DATA_DIR has it, else as many generated ratings.
Ratings ratings_of_100k() {
  const char* folder = std::getenv("GCMC_DATA_DIR");
  try {
    require(folder && *folder, "GCMC_DATA_DIR is not set");
    return load_data({.name = "ml-100k", .data_dir = folder}).ratings;
  } catch (const Error& error) {
    WARN("ml-100k: skipped, generated ratings in its place (" << error.what() << ")");
    return load_data({.name = "synthetic-100k"}).ratings;
  }
}

TEST_CASE("losses are the CPU's within rounding, on ml-100k", "[cuda]") {
  const Ratings ratings = ratings_of_100k();
  Options options;
  options.model.aggregation = Aggregation::stack;
  options.train.learning_rate = 0.001;
  const Split parts = parts_of(ratings, options);
  Cuda cuda(0, cuda_options());
  Cpu cpu;
  Trainer<Cuda, float> ours(cuda, ratings, parts, options);
  Trainer<Cpu, float> theirs(cpu, ratings, parts, options);
  for (int step = 0; step < 5; ++step) {
    const Metrics a = ours.step(), b = theirs.step();
    INFO(ratings.name << ", step " << step << ": " << a.loss() << " and " << b.loss());
    CHECK(std::abs(a.loss() - b.loss()) < 1e-5 * b.loss());
    CHECK(std::abs(a.rmse() - b.rmse()) < 1e-5 * b.rmse());
    CHECK(a.count == b.count);
  }
}

TEST_CASE("a whole run on CUDA does what it does on the CPU", "[cuda]") {
  const Ratings ratings = generate_ratings({.users = 60, .items = 40, .ratings = 1100});
  Options options = small_options();
  options.train.max_iterations = 30;
  options.train.learning_rate = 0.02;
  options.train.refit = true;
  options.train.target_removal = 0.1;
  Cuda cuda(0, cuda_options());
  const TrainResult ours = train(cuda, ratings, options), theirs = train(ratings, options);
  CHECK(ours.metrics.backend == cuda.name());
  CHECK(ours.history.back().loss < ours.history.front().loss);
  CHECK(std::abs(ours.history.front().loss - theirs.history.front().loss) < 1e-5);
  CHECK(std::abs(ours.history.back().loss - theirs.history.back().loss) < 0.02);
  CHECK(ours.model.tensors.size() == theirs.model.tensors.size());
  for (const auto& [name, tensor] : theirs.model.tensors) CHECK(ours.model.tensors.at(name).shape == tensor.shape);
}

TEST_CASE("a run on CUDA begins with factors as one on the CPU does", "[cuda]") {
  const Ratings ratings = generate_ratings({.users = 60, .items = 40, .ratings = 1100});
  Options options = small_options();
  options.train.start = Start::factors;
  options.train.learning_rate = options.train.min_learning_rate = 1e-6;  // so that the start is what is seen
  Cuda cuda(0, cuda_options());
  const RunMetrics ours = train(cuda, ratings, options).metrics, theirs = train(ratings, options).metrics;
  CHECK(std::abs(ours.best_test_rmse - theirs.best_test_rmse) < 1e-3);
  options.train.start = Start::drawn;
  CHECK(std::abs(train(ratings, options).metrics.best_test_rmse - theirs.best_test_rmse) > 1e-2);
}

TEST_CASE("cuSPARSE trains what gcmc's kernels train, and gives its memory back", "[cuda]") {
  const Ratings ratings = generate_ratings({.users = 40, .items = 50, .ratings = 900});
  for (const Aggregation aggregation : {Aggregation::stack, Aggregation::sum})
    for (const double removal : {0.0, 0.2}) {
      Options options = small_options();
      options.model.aggregation = aggregation;
      options.model.implicit = removal > 0;
      options.train.target_removal = removal;
      const Split parts = parts_of(ratings, options);
      for (const CudaSpmm spmm : {CudaSpmm::csr_alg2, CudaSpmm::csr_alg3}) {
        Cuda own, other(0, {.spmm = spmm});
        INFO(other.name() << ", removal " << removal);
        const std::size_t free = other.free_memory();
        {
          Trainer<Cuda, double> ours(own, ratings, parts, options);
          Trainer<Cuda, double> theirs(other, ratings, parts, options);
          for (int k = 0; k < 6; ++k) {
            const double a = ours.step().loss(), b = theirs.step().loss();
            REQUIRE(std::abs(a - b) < 1e-9);
            REQUIRE(std::abs(ours.validate().loss() - theirs.validate().loss()) < 1e-9);
          }
        }
        // What scratch memory has grown to is kept, and no matrix: another training takes no more.
        const std::size_t scratch = free - other.free_memory();
        { Trainer<Cuda, double>(other, ratings, parts, options).step(); }
        CHECK(free - other.free_memory() == scratch);
      }
    }
}

TEST_CASE("a graph too large for cuSPARSE's indices is refused", "[cuda]") {
  Cuda cuda(0, {.spmm = CudaSpmm::csr_alg3});
  Buffer<Cuda, float> table(cuda, 16), hidden(cuda, 16);
  Aggregate<float> op;
  op.adjacency = {1, 1, 1, 1, nullptr, nullptr, nullptr, Offset{1} << 31};
  op.tables = op.width = 1;
  op.table = {table.data(), 1, 1, 16};
  op.hidden = {hidden.data(), 1, 1, 16};
  try {
    cuda.run(op);
    FAIL();
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("cuda: 2147483648 entries are more than cuSPARSE's path takes") == 0);
  }
}

TEST_CASE("a device that is not there is named, with those that are", "[cuda]") {
  try {
    Cuda cuda(1000);
    FAIL();
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("there is no device 1000: this machine has ") != std::string::npos);
  }
}

TEST_CASE("training that needs more memory than there is is refused before it starts, with both figures", "[cuda]") {
  Cuda cuda;
  const std::size_t free = cuda.free_memory();
  const auto take = [&](std::size_t bytes) {
    return [&cuda, bytes] { Buffer<Cuda, char>(cuda, static_cast<Offset>(bytes)); };
  };
  REQUIRE_NOTHROW(cuda.require_memory(take(free / 2)));
  REQUIRE_NOTHROW(cuda.require_memory([&] {
    take(free / 2)();  // freed before the next
    take(free / 2)();
  }));
  try {
    cuda.require_memory(take(free + (std::size_t{100} << 20)));
    FAIL();
  } catch (const Error& error) {
    INFO(error.what());
    CHECK(std::string(error.what()).find(" MB of device memory, and " + cuda.name() + " has ") != std::string::npos);
  }
  CHECK(cuda.free_memory() == free);  // nothing was taken
}
