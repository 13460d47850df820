#include "newcomer.hpp"

#include <map>
#include <vector>

#include "gcmc/files/rating_files.hpp"
#include "gcmc/model/answer_text.hpp"
#include "notes.hpp"

gcmc::Newcomer read_newcomer(const gcmc::Predictor& predictor, const std::string& path) {
  const std::vector<double>& levels = predictor.model().levels;
  const std::vector<gcmc::ItemRating> read = gcmc::read_item_ratings(path);
  std::map<gcmc::Index, gcmc::Level> last;  // a later rating of an item replaces an earlier one
  std::size_t unknown = 0, between = 0;
  for (const gcmc::ItemRating& rating : read) {
    const gcmc::Index item = predictor.item_index(rating.item);
    unknown += item < 0;
    if (item < 0) continue;
    const gcmc::Level level = gcmc::nearest_level(levels, rating.value);
    between += levels[level] != rating.value;
    last[item] = level;
  }
  const auto tell = [&](std::size_t count, const char* what) {
    if (count > 0)
      tell_note(path + ": " + std::to_string(count) + " of " + std::to_string(read.size()) + " ratings are " + what);
  };
  tell(unknown, "of items that the model does not have, and left out");
  tell(between, "none of the model's levels, and taken for the nearest one");
  if (last.empty()) tell_note("without a rating of an item that the model has, the baseline answers");
  std::vector<gcmc::NodeRating> ratings;
  for (const auto& [item, level] : last) ratings.push_back({item, level});
  return predictor.fold_in(gcmc::user_side, std::move(ratings));
}
