// What options that a caller names by hand bring with them.
#pragma once

#include "gcmc/base/error.hpp"
#include "gcmc/options/options.hpp"

namespace gcmc {

/// Sets the options that follow from those that are given, unless they are given too; given("ordinal") tells which are.
/// Side features that are read (`side_files`) are used, whatever the preset says. Several refits are refits: throws
/// InputError where refit false is given beside them. The preset paper ties sum to ordinal weights, and side features
/// to separate dense layers: who changes the one changes the other.
template <class Given>
void follow_given(Options& options, bool side_files, const Given& given) {
  if (side_files && !given("use_one_hot_fea")) options.model.features = true;
  if (given("refits") && options.train.refits > 1) {
    if (!given("refit")) options.train.refit = true;
    require(options.train.refit, "refits is of the trainings of a refit: set refit true, or leave out refits");
  }
  if (options.preset != "paper") return;
  if (given("gcn_agg_accum") && !given("ordinal"))
    options.model.ordinal = options.model.aggregation == Aggregation::sum;
  if (given("use_one_hot_fea") && !given("share_param")) options.model.share_dense = !options.model.features;
}

}  // namespace gcmc
