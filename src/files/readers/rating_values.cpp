#include "rating_values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>

#include "gcmc/base/error.hpp"
#include "gcmc/base/views.hpp"
#include "gcmc/options/option_names.hpp"
#include "text_file.hpp"

namespace gcmc {
namespace {

constexpr std::size_t most_levels = std::numeric_limits<Level>::max();

[[noreturn]] void refuse(const std::string& how, const std::string& why) {
  throw InputError("rating_levels " + shown(how) + ": " + why);
}

/// K of "quantiles:K" and "log:K"; 10 where it is not said.
std::size_t bin_count(const std::string& how) {
  const std::size_t colon = how.find(':');
  if (colon == std::string::npos) return 10;
  std::size_t count = 0;
  const char* const end = how.data() + how.size();
  const auto [stop, code] = std::from_chars(how.data() + colon + 1, end, count);
  if (code != std::errc() || stop != end || count < 2 || count > most_levels)
    refuse(how, "a number of bins from 2 to 255 was expected");
  return count;
}

/// `values` ascend.
std::vector<double> quantile_edges(const std::vector<double>& values, std::size_t bins) {
  std::vector<double> edges;
  for (std::size_t k = 1; k < bins; ++k) edges.push_back(values[values.size() * k / bins]);
  return edges;
}

std::vector<double> logarithmic_edges(const std::string& how, const std::vector<double>& values, std::size_t bins) {
  if (values.front() <= 0)
    refuse(how, "the lowest rating is " + number_text(values.front()) + ", numbers above 0 were expected");
  const double low = std::log(values.front()), high = std::log(values.back());
  std::vector<double> edges;
  for (std::size_t k = 1; k < bins; ++k)
    edges.push_back(std::exp(low + (high - low) * static_cast<double>(k) / static_cast<double>(bins)));
  return edges;
}

std::vector<double> given_edges(const std::string& how) {
  std::vector<std::string_view> parts;
  cut(std::string_view(how).substr(how.starts_with("edges:") ? 6 : 0), ",", parts);
  std::vector<double> edges;
  for (const std::string_view part : parts) {
    double edge = 0;
    if (!parse_number(part, edge)) refuse(how, "quantiles:K, log:K, or edges such as 1,10,100 were expected");
    if (!edges.empty() && edge <= edges.back()) refuse(how, "the edges must ascend");
    edges.push_back(edge);
  }
  if (edges.size() >= most_levels) refuse(how, "at most 254 edges are possible");
  return edges;
}

}  // namespace

ValueBins::ValueBins(const std::string& how, const std::vector<double>& values) {
  if (how == "quantiles" || how.starts_with("quantiles:"))
    edges_ = quantile_edges(values, bin_count(how));
  else if (how == "log" || how.starts_with("log:"))
    edges_ = logarithmic_edges(how, values, bin_count(how));
  else
    edges_ = given_edges(how);
  edges_.erase(std::unique(edges_.begin(), edges_.end()), edges_.end());
  for (auto begin = values.begin(); begin != values.end();) {
    const auto bin = std::upper_bound(edges_.begin(), edges_.end(), *begin);
    const auto end = bin == edges_.end() ? values.end() : std::lower_bound(begin, values.end(), *bin);
    double sum = 0;
    for (auto value = begin; value != end; ++value) sum += *value;
    means_.resize(static_cast<std::size_t>(bin - edges_.begin()), *begin);  // of empty bins, which nobody asks for
    means_.push_back(std::clamp(sum / static_cast<double>(end - begin), *begin, *(end - 1)));
    begin = end;
  }
}

double ValueBins::mean_of_bin(double value) const {
  return means_[static_cast<std::size_t>(std::upper_bound(edges_.begin(), edges_.end(), value) - edges_.begin())];
}

namespace {

/// Of an end of the scale: is it further from the others than they lie apart? Values that often stand for "not rated"
/// need no such gap if they are the commonest.
bool is_far_off(double value, double neighbour, const std::vector<double>& others, bool commonest) {
  constexpr std::array usual = {-1.0, 0.0, 99.0};
  const double gap = std::abs(value - neighbour);
  double largest_gap = 0;
  for (std::size_t k = 1; k < others.size(); ++k) largest_gap = std::max(largest_gap, others[k] - others[k - 1]);
  if (gap > 2 * (others.back() - others.front())) return true;
  return std::find(usual.begin(), usual.end(), value) != usual.end() && (gap > largest_gap || commonest);
}

}  // namespace

std::vector<std::string> notes_on_values(const std::vector<double>& values, const std::vector<std::size_t>& counts,
                                         bool not_rated_known) {
  std::vector<std::string> notes;
  if (values.size() == 1)
    notes.push_back("all " + std::to_string(counts[0]) + " ratings are " + number_text(values[0]) +
                    ": there is nothing to learn from them, and every prediction will be " + number_text(values[0]) +
                    " (purchases, clicks and the like are not ratings)");
  if (values.size() < 3 || not_rated_known) return notes;
  for (const bool lowest : {true, false}) {
    const std::vector<double> others(values.begin() + lowest, values.end() - !lowest);
    const std::size_t k = lowest ? 0 : values.size() - 1;
    const bool commonest = std::count_if(counts.begin(), counts.end(), [&](auto c) { return c >= counts[k]; }) == 1;
    if (is_far_off(values[k], lowest ? values[1] : values[k - 1], others, commonest))
      notes.push_back(std::to_string(counts[k]) + " of the ratings are " + number_text(values[k]) +
                      ", the others from " + number_text(others.front()) + " to " + number_text(others.back()) +
                      ": if that stands for not rated, say so (not_rated " + number_text(values[k]) +
                      ") and these are left out");
  }
  return notes;
}

}  // namespace gcmc
