// The ratings that a saved model holds, by user.
#pragma once

#include <span>
#include <string>

#include "gcmc/model/saved_model.hpp"

namespace gcmc {

/// Where the user's ratings lie in PART.items and .levels, PART being rated or tested.
struct RatedRange {
  std::size_t begin = 0, end = 0;
  std::size_t size() const { return end - begin; }
};

/// None in a tested that the model does not have. Throws InputError if the part is missing or out of range.
inline RatedRange rated_by(const SavedModel& model, const std::string& part, Index user) {
  if (part == "tested" && !model.tensors.contains(part + ".offsets")) return {};
  const auto& offsets = model.values<Offset>(part + ".offsets", {static_cast<Offset>(model.user_ids.size()) + 1});
  const std::size_t count = model.values<Index>(part + ".items").size();
  const Offset begin = offsets[static_cast<std::size_t>(user)], end = offsets[static_cast<std::size_t>(user) + 1];
  require(0 <= begin && begin <= end && end <= static_cast<Offset>(count), [&] {
    return "predictor: " + part + ".offsets of user " + std::to_string(user) + " are " + std::to_string(begin) +
           " to " + std::to_string(end) + ", but " + part + ".items has " + std::to_string(count);
  });
  return {static_cast<std::size_t>(begin), static_cast<std::size_t>(end)};
}

/// Calls visit(item) for each item that the user rated. Throws InputError for a number that is no item's.
template <class Visit>
void for_each_rated(const SavedModel& model, const std::string& part, Index user, const Visit& visit) {
  const RatedRange range = rated_by(model, part, user);
  if (range.size() == 0) return;
  const auto& items = model.values<Index>(part + ".items");
  for (std::size_t e = range.begin; e < range.end; ++e) {
    require(items[e] >= 0 && static_cast<std::size_t>(items[e]) < model.item_ids.size(), [&] {
      return "predictor: " + part + ".items: entry " + std::to_string(e) + " is " + std::to_string(items[e]) +
             ", but the model has " + std::to_string(model.item_ids.size()) + " items";
    });
    visit(items[e]);
  }
}

}  // namespace gcmc
