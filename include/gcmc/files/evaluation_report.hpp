// An evaluation as JSON and as a picture.
#pragma once

#include <optional>
#include <string>

#include "gcmc/base/export.hpp"
#include "gcmc/model/evaluation.hpp"

namespace gcmc {

/// Every figure by its name in Evaluation, those that were not measured null; `comparison` beside another model, if
/// there is one. Throws InputError on a name that is not UTF-8.
GCMC_EXPORT std::string evaluation_json(const Evaluation& evaluation, const std::string& dataset,
                                        const std::optional<Comparison>& comparison = {});

/// A reliability diagram, and RMSE by activity of users and of items beside the bias baseline's. Self-contained,
/// 960 x 540, light background.
GCMC_EXPORT std::string evaluation_svg(const Evaluation& evaluation, const std::string& dataset);

}  // namespace gcmc
