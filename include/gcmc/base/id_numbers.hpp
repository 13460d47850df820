// Looks up the number of an id in a list of ids.
#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gcmc/base/views.hpp"

namespace gcmc {

/// A hash table of the places in a list, which it does not own. A look-up goes from slot to slot; at most half of them
/// are taken. Memory: 16 to 32 bytes an id.
class IdNumbers {
 public:
  IdNumbers() = default;
  /// `ids` stay where they are as long as the table is used. Of equal ones the first counts.
  explicit IdNumbers(std::span<const std::string> ids)
      : ids_(ids), slots_(std::bit_ceil(2 * ids.size() + 2)), mask_(slots_.size() - 1) {
    for (std::size_t k = 0; k < ids.size(); ++k) {
      const std::size_t hash = hash_of(ids[k]);
      const auto [slot, steps] = look_up(ids[k], hash);
      if (slots_[slot].number < 0)
        slots_[slot] = {mark_of(hash), static_cast<Index>(k)};
      else if (twice_ < 0)
        twice_ = static_cast<Index>(k);
      if (crowded_ = steps >= most_steps; crowded_) return;
    }
  }

  /// -1: there is no such id.
  Index find(std::string_view id) const { return slots_.empty() ? -1 : slots_[look_up(id, hash_of(id)).first].number; }

  /// The place of the first id that is there before; -1: all are different.
  Index twice() const { return twice_; }
  /// The table was not filled: more ids share a hash than by chance do in any list, and all of them would cost the
  /// square of their number.
  bool is_crowded() const { return crowded_; }

 private:
  static constexpr std::size_t most_steps = 1000;

  struct Slot {
    std::uint32_t mark = 0;  ///< of the id's hash, what its slot does not tell
    Index number = -1;
  };

  static std::size_t hash_of(std::string_view id) { return std::hash<std::string_view>()(id); }
  static std::uint32_t mark_of(std::size_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

  /// The id's slot, or the free one where it belongs, and how many were passed.
  std::pair<std::size_t, std::size_t> look_up(std::string_view id, std::size_t hash) const {
    std::size_t slot = hash & mask_, steps = 0;
    for (; slots_[slot].number >= 0; slot = (slot + 1) & mask_, ++steps)
      if (slots_[slot].mark == mark_of(hash) && ids_[static_cast<std::size_t>(slots_[slot].number)] == id) break;
    return {slot, steps};
  }

  std::span<const std::string> ids_;
  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  Index twice_ = -1;
  bool crowded_ = false;
};

}  // namespace gcmc
