#include "newcomer.hpp"

#include <map>
#include <vector>

#include "gcmc/files/rating_files.hpp"
#include "gcmc/model/answer_text.hpp"
#include "notes.hpp"

gcmc::Newcomer read_newcomer(const gcmc::Predictor& predictor, gcmc::Side side, const std::string& path) {
  const bool is_user = side == gcmc::user_side;
  const std::vector<double>& levels = predictor.model().levels;
  const std::vector<gcmc::IdRating> read = gcmc::read_own_ratings(path, other(side));
  std::map<gcmc::Index, gcmc::Level> last;  // a later rating of one pair replaces an earlier one
  std::size_t unknown = 0, between = 0;
  for (const gcmc::IdRating& rating : read) {
    const gcmc::Index node = is_user ? predictor.item_index(rating.id) : predictor.user_index(rating.id);
    unknown += node < 0;
    if (node < 0) continue;
    const gcmc::Level level = gcmc::nearest_level(levels, rating.value);
    between += levels[level] != rating.value;
    last[node] = level;
  }
  const std::string whose = is_user ? "items" : "users";
  const auto tell = [&](std::size_t count, const std::string& what) {
    if (count > 0)
      tell_note(path + ": " + std::to_string(count) + " of " + std::to_string(read.size()) + " ratings are " + what);
  };
  tell(unknown, "of " + whose + " that the model does not have, and left out");
  tell(between, "none of the model's levels, and taken for the nearest one");
  if (last.empty()) tell_note("without a rating of " + whose + " that the model has, the baseline answers");
  std::vector<gcmc::NodeRating> ratings;
  for (const auto& [node, level] : last) ratings.push_back({node, level});
  return predictor.fold_in(side, std::move(ratings));
}
