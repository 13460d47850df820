#include "continued.hpp"

#include <algorithm>
#include <span>

#include "gcmc/files/model_folder.hpp"
#include "gcmc/train/train.hpp"
#include "notes.hpp"

using gcmc::Index, gcmc::Offset;

namespace {

Offset count_new(const std::vector<Index>& places) { return std::count(places.begin(), places.end(), -1); }

/// "12 new and 3 vanished users".
std::string changes(const std::vector<Index>& places, std::size_t known, const char* what) {
  const Offset fresh = count_new(places), kept = static_cast<Offset>(places.size()) - fresh;
  return std::to_string(fresh) + " new and " + std::to_string(static_cast<Offset>(known) - kept) + " vanished " + what;
}

/// How many of `part` are among the ratings that the model has seen. `users` and `items` are places in the model.
Offset count_seen(const gcmc::SavedModel& model, std::span<const gcmc::Rating> part, const std::vector<Index>& users,
                  const std::vector<Index>& items) {
  const auto& offsets = model.values<Offset>("rated.offsets");
  const auto& rated = model.values<Index>("rated.items");
  return std::count_if(part.begin(), part.end(), [&](const gcmc::Rating& rating) {
    const Index user = users[static_cast<std::size_t>(rating.user)],
                item = items[static_cast<std::size_t>(rating.item)];
    if (user < 0 || item < 0) return false;
    return std::binary_search(rated.begin() + offsets[static_cast<std::size_t>(user)],
                              rated.begin() + offsets[static_cast<std::size_t>(user) + 1], item);
  });
}

}  // namespace

std::vector<std::pair<std::string, std::string>> continued_options(const std::string& folder) {
  const auto nothing = [](const std::string&) { return false; };
  const std::vector<gcmc::SavedModel> models = gcmc::load_models(folder, nothing);
  gcmc::Options options = models.front().options;
  options.train.seeds = static_cast<Index>(models.size());
  std::vector<std::pair<std::string, std::string>> values;
  for_each_option(options, [&](const gcmc::OptionRow& row, const auto&) {
    const bool of_this_run = row.name == "preset" || row.name == "data_name" || row.name == "split" ||
                             row.name == "device" || row.name == "threads";
    if (!of_this_run) values.emplace_back(row.name, gcmc::option_text(options, row.name));
  });
  return values;
}

std::vector<gcmc::SavedModel> load_continued(const ProgramOptions& program) {
  return program.continued.empty() ? std::vector<gcmc::SavedModel>{} : gcmc::load_models(program.continued);
}

void tell_continued(const gcmc::SavedModel& model, const gcmc::Ratings& ratings, const gcmc::Options& options) {
  const std::vector<Index> users = gcmc::places_of(ratings.user_ids, model.user_ids),
                           items = gcmc::places_of(ratings.item_ids, model.item_ids);
  tell_note("the model is trained on with " + changes(users, model.user_ids.size(), "users") + ", " +
            changes(items, model.item_ids.size(), "items"));
  const gcmc::Split split(ratings, gcmc::split_options(options));
  const Offset valid = count_seen(model, split.valid(), users, items),
               test = count_seen(model, split.test(), users, items);
  if (valid + test > 0)
    tell_note("the model has seen " + std::to_string(valid) + " of the " + std::to_string(split.valid().size()) +
              " validation and " + std::to_string(test) + " of the " + std::to_string(split.test().size()) +
              " test ratings: their errors are too low; --valid-ratings and --test-ratings hold out others");
}
