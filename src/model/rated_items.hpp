// The ratings that a saved model holds, by user.
#pragma once

#include <span>
#include <string>
#include <utility>

#include "gcmc/model/saved_model.hpp"

namespace gcmc {

/// One part of them: rated, or tested. A view of the model's tensors.
class RatedPart {
 public:
  /// A part `tested` that the model does not have is empty. Throws InputError if another is missing, or has the wrong
  /// type or shape.
  RatedPart(const SavedModel& model, std::string name) : name_(std::move(name)), known_items_(model.item_ids.size()) {
    if (name_ == "tested" && !model.tensors.contains("tested.offsets")) return;
    offsets_ = model.values<Offset>(name_ + ".offsets", {static_cast<Offset>(model.user_ids.size()) + 1});
    items_ = model.values<Index>(name_ + ".items");
  }

  /// How many items the user has rated.
  Offset count(Index user) const {
    if (offsets_.empty()) return 0;
    const auto [begin, end] = checked(user);
    return end - begin;
  }
  /// Where the user's ratings begin among all.
  std::size_t begin(Index user) const { return offsets_.empty() ? 0 : static_cast<std::size_t>(checked(user).first); }

  /// Of the user, ascending. Throws InputError if they are not what the numbers of users and items allow.
  std::span<const Index> items_of(Index user) const {
    if (offsets_.empty()) return {};
    const std::pair<Offset, Offset> range = checked(user);
    const auto items =
        items_.subspan(static_cast<std::size_t>(range.first), static_cast<std::size_t>(range.second - range.first));
    for (std::size_t k = 0; k < items.size(); ++k)
      require(items[k] >= 0 && static_cast<std::size_t>(items[k]) < known_items_, [&] {
        return "predictor: " + name_ + ".items: entry " + std::to_string(range.first + static_cast<Offset>(k)) +
               " is " + std::to_string(items[k]) + ", but the model has " + std::to_string(known_items_) + " items";
      });
    return items;
  }

 private:
  std::pair<Offset, Offset> checked(Index user) const {
    const Offset begin = offsets_[static_cast<std::size_t>(user)], end = offsets_[static_cast<std::size_t>(user) + 1];
    require(0 <= begin && begin <= end && end <= static_cast<Offset>(items_.size()), [&] {
      return "predictor: " + name_ + ".offsets of user " + std::to_string(user) + " are " + std::to_string(begin) +
             " to " + std::to_string(end) + ", but " + name_ + ".items has " + std::to_string(items_.size());
    });
    return {begin, end};
  }

  std::string name_;
  std::size_t known_items_;
  std::span<const Offset> offsets_;
  std::span<const Index> items_;
};

}  // namespace gcmc
