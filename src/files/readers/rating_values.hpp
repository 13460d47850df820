// Rating values taken together: bins for those that are too many to be a level each, and what looks wrong in them.
#pragma once

#include <string>
#include <vector>

namespace gcmc {

/// Bins of values: bin k holds those from edges[k - 1] to below edges[k], and stands for their mean.
class ValueBins {
 public:
  /// `how` is ReadOptions::rating_levels, `values` are all there are, ascending. Throws InputError for what is no such
  /// text, more than 255 bins, or a logarithm of what is not above 0.
  ValueBins(const std::string& how, const std::vector<double>& values);

  double mean_of_bin(double value) const;

 private:
  std::vector<double> edges_, means_;
};

/// Sentences on values that are all the same, or of which one is far off the others and may stand for "not rated".
/// `values` are the distinct ones, ascending; counts[k] ratings have values[k].
std::vector<std::string> notes_on_values(const std::vector<double>& values, const std::vector<std::size_t>& counts,
                                         bool not_rated_known);

}  // namespace gcmc
