// What a server counts, in the text form of Prometheus (version 0.0.4). Never ids, and few labels.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "http.hpp"
#include "live_model.hpp"

namespace serve {

class Metrics {
 public:
  std::atomic<std::uint64_t> pairs{0}, unknown_users{0}, unknown_items{0};

  /// By the thread of all connections, as text().
  void count(const Exchange& exchange);
  std::string text(const Models& models, std::size_t in_flight) const;

 private:
  static constexpr std::array<double, 12> bounds = {.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5};
  struct Histogram {
    std::array<std::uint64_t, bounds.size() + 1> counts{};  ///< the last one: beyond all bounds
    double sum = 0;
  };
  std::map<std::tuple<std::string, std::string, int>, std::uint64_t> requests_;  ///< by method, route and status
  std::map<std::string, Histogram> seconds_;                                     ///< by route
};

}  // namespace serve
