// How side features are encoded, as a member of a saved model's configuration.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "../json.hpp"
#include "gcmc/ratings/features.hpp"

namespace gcmc {

/// [{"name": "age", "kind": "number", "means": [31.5], "deviations": [12.1]}, {"name": "job", "kind": "category",
/// "categories": ["clerk", "nurse"]}, ...]
inline nlohmann::ordered_json encodings_to_json(const std::vector<FeatureEncoding>& encodings) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const FeatureEncoding& encoding : encodings) {
    nlohmann::ordered_json object = {{"name", encoding.name}, {"kind", name_of(encoding.kind)}};
    if (!encoding.means.empty()) object["means"] = encoding.means;
    if (!encoding.means.empty()) object["deviations"] = encoding.deviations;
    if (!encoding.categories.empty()) object["categories"] = encoding.categories;
    list.push_back(std::move(object));
  }
  return list;
}

/// Throws InputError, beginning with `where`, for another form; validate_encodings checks the rest.
inline std::vector<FeatureEncoding> encodings_of_json(const nlohmann::ordered_json& list, const std::string& where) {
  std::vector<FeatureEncoding> encodings;
  try {
    for (const auto& object : list) {
      FeatureEncoding encoding{.name = object.at("name").get<std::string>()};
      const auto kind = object.at("kind").get<std::string>();
      const auto* known = std::find(feature_kind_names.begin(), feature_kind_names.end(), kind);
      require(known != feature_kind_names.end(),
              [&] { return where + ": there is no kind of features " + json_quoted(kind); });
      encoding.kind = static_cast<FeatureKind>(known - feature_kind_names.begin());
      if (object.contains("means")) encoding.means = object.at("means").get<std::vector<double>>();
      if (object.contains("deviations")) encoding.deviations = object.at("deviations").get<std::vector<double>>();
      if (object.contains("categories")) encoding.categories = object.at("categories").get<std::vector<std::string>>();
      encodings.push_back(std::move(encoding));
    }
  } catch (const nlohmann::json::exception& problem) {
    throw InputError(where + ": \"features\" has the wrong form: " + json_problem(problem));
  }
  return encodings;
}

}  // namespace gcmc
