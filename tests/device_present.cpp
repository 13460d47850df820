// Says which CUDA device the tests run on; without one, that they are skipped, and why. Exit code 0 if there is one.
#include <cstdio>

#include "gcmc/base/error.hpp"
#include "gcmc/cuda.hpp"

int main() {
  try {
    std::printf("on %s\n", gcmc::Cuda().name().c_str());
    return 0;
  } catch (const gcmc::Error& error) {
    std::printf("no device: skipped (%s)\n", error.what());
    return 1;
  }
}
