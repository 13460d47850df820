// A backend of one's own. It begins as the library's oracle, which is right and slow, and replaces one operation after
// the other: here memory and the dense products. The conformance tests say whether it is still right, and which
// operation is not; then a model is trained on it, as on any other backend.
#include <algorithm>
#include <gcmc/backend/memory.hpp>
#include <gcmc/ratings/generator.hpp>
#include <gcmc/testing/conformance.hpp>
#include <gcmc/train/train.hpp>
#include <iostream>
#include <string>
#include <vector>

/// Plain loops in the order that a cache likes, and an account of the memory.
class PlainBackend : public gcmc::testing::Reference {
 public:
  using Reference::run;  // what is not replaced below

  std::string name() const { return "plain"; }
  std::size_t most_bytes() const { return most_; }

  void* allocate(std::size_t bytes) {
    most_ = std::max(most_, held_ += bytes);
    return Reference::allocate(bytes);
  }
  void release(void* memory, std::size_t bytes) {
    held_ -= bytes;
    Reference::release(memory, bytes);
  }

  /// C = A B (+ bias) (+ C): row by row, each the sum of B's rows in order.
  template <class T>
  void run(const gcmc::Multiply<T>& op) {
    if (op.transpose || op.sum_blocks) return Reference::run(op);
    for (gcmc::Index block = 0; block < op.b.blocks; ++block)
      for (gcmc::Index i = 0; i < op.a.rows; ++i) {
        T* c = op.c.row(i) + block * gcmc::row_stride<T>(op.b.columns);
        for (gcmc::Index n = 0; n < op.b.columns; ++n)
          c[n] = (op.accumulate ? c[n] : T{0}) + (op.bias ? op.bias[n] : T{0});
        for (gcmc::Index k = 0; k < op.b.rows; ++k) {
          const T* b = op.b.block(block) + gcmc::Offset{k} * op.b.stride;
          for (gcmc::Index n = 0; n < op.b.columns; ++n) c[n] += op.a.row(i)[k] * b[n];
        }
      }
  }

  /// C = A^T B (+ C): every row of A and B adds a product of a column and a row.
  template <class T>
  void run(const gcmc::MultiplyTransposed<T>& op) {
    for (gcmc::Index block = 0; block < op.c.blocks; ++block)
      for (gcmc::Index m = 0; m < op.a.rows || (m == 0 && !op.accumulate); ++m)
        for (gcmc::Index i = 0; i < op.c.rows; ++i) {
          T* c = op.c.block(block) + gcmc::Offset{i} * op.c.stride;
          for (gcmc::Index n = 0; n < op.c.columns; ++n) {
            const gcmc::Index at = block * gcmc::row_stride<T>(op.c.columns) + n;
            const T product = m < op.a.rows ? op.a.row(m)[i] * op.b.row(m)[at] : T{0};
            c[n] = m == 0 && !op.accumulate ? product : c[n] + product;
          }
        }
  }

 private:
  std::size_t held_ = 0, most_ = 0;
};

// The compiler's message names an operation that is missing.
static_assert(gcmc::Backend<PlainBackend, float> && gcmc::Backend<PlainBackend, double>);

int main() try {
  PlainBackend backend;
  std::vector<std::string> failures = gcmc::testing::conformance<float>(backend);
  for (const std::string& failure : gcmc::testing::conformance<double>(backend)) failures.push_back(failure);
  for (const std::string& failure : failures) std::cerr << failure << '\n';
  if (!failures.empty()) return 1;
  std::cout << "every operation conforms\n";

  const gcmc::Ratings ratings = gcmc::generate_ratings({.users = 80, .items = 60, .ratings = 1500});
  gcmc::Options options;
  options.model.units = 20;
  options.model.output = 8;
  options.train.max_iterations = 10;
  const gcmc::TrainResult result = gcmc::train(backend, ratings, options);
  std::cout << "trained on " << result.metrics.backend << ": test RMSE " << result.metrics.best_test_rmse << ", "
            << backend.most_bytes() / 1000 << " KB\n";
} catch (const gcmc::Error& error) {
  std::cerr << "custom_backend: " << error.what() << '\n';
  return 1;
}
