// gcmc predict: pairs of ids in, ratings out.
#include <algorithm>
#include <memory>
#include <utility>

#include "asking.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/files/rating_files.hpp"
#include "notes.hpp"

namespace {

using gcmc::Index;

struct Arguments : Asking {
  std::string pairs;  ///< "-": standard input
  gcmc::ReadOptions reading = {};
  bool probabilities = false, interval = false;
  std::string unknown = "baseline";
};

/// "20" of "20.0": how a program writes ids that it took for numbers with a fraction.
std::string without_fraction(const std::string& id) {
  const std::size_t point = id.find('.');
  const bool zeros = point != std::string::npos && id.find_first_not_of('0', point + 1) == std::string::npos;
  return zeros ? id.substr(0, point) : id;
}

/// Says of users or items that the model knows less than half of them, with an example of both sides. `find` gives an
/// id's number.
template <class Find>
void note_unknown(const std::vector<gcmc::IdPair>& ids, std::string gcmc::IdPair::*id,
                  const std::vector<gcmc::Predictor::Pair>& pairs, Index gcmc::Predictor::Pair::*number,
                  const char* side, const std::vector<std::string>& known_ids, const Find& find) {
  const auto is_unknown = [&](const gcmc::Predictor::Pair& pair) { return pair.*number < 0; };
  const auto known = ids.size() - static_cast<std::size_t>(std::count_if(pairs.begin(), pairs.end(), is_unknown));
  if (2 * known >= ids.size() || known_ids.empty()) return;
  const auto first = std::find_if(pairs.begin(), pairs.end(), is_unknown) - pairs.begin();
  const std::string& example = ids[static_cast<std::size_t>(first)].*id;
  const std::string whole = without_fraction(example);
  const bool by_fraction = find(whole) >= 0;
  tell_note("the model knows the " + std::string(side) + " of " + std::to_string(known) + " of " +
            std::to_string(ids.size()) + " pairs: it has no '" + gcmc::printable(example, 40) + "', but '" +
            gcmc::printable(by_fraction ? whole : known_ids.front(), 40) + "'" +
            (by_fraction ? ": these ids are written with a fraction" : ", for instance"));
}

std::vector<gcmc::Predictor::Pair> numbered(const gcmc::Predictor& predictor, const std::vector<gcmc::IdPair>& ids,
                                            bool unknown_is_error) {
  std::vector<gcmc::Predictor::Pair> pairs;
  pairs.reserve(ids.size());
  for (const gcmc::IdPair& id : ids)
    if (unknown_is_error)
      pairs.emplace_back(find_user(predictor, id.user), find_item(predictor, id.item));
    else
      pairs.emplace_back(predictor.user_index(id.user), predictor.item_index(id.item));
  return pairs;
}

std::vector<std::string> columns(const Arguments& arguments, const gcmc::SavedModel& model) {
  std::vector<std::string> names = {"user", "item", "rating"};
  if (arguments.interval) names.insert(names.end(), {"low", "high"});
  if (arguments.probabilities)
    for (const double level : model.levels) names.push_back("p_" + gcmc::level_name(level));
  names.emplace_back("note");
  return names;
}

void predict(const Arguments& arguments) {
  const std::vector<gcmc::IdPair> ids = gcmc::read_id_pairs(arguments.pairs, arguments.reading);
  const gcmc::Predictor predictor = load_predictor(arguments);
  const gcmc::SavedModel& model = predictor.model();
  const auto pairs = numbered(predictor, ids, arguments.unknown == "error");
  note_unknown(ids, &gcmc::IdPair::user, pairs, &gcmc::Predictor::Pair::first, "user", model.user_ids,
               [&](const auto& id) { return predictor.user_index(id); });
  note_unknown(ids, &gcmc::IdPair::item, pairs, &gcmc::Predictor::Pair::second, "item", model.item_ids,
               [&](const auto& id) { return predictor.item_index(id); });

  const bool chances = arguments.probabilities || arguments.interval;
  const auto [ratings, probabilities] =
      chances ? predictor.score(pairs) : gcmc::Predictor::Scores{predictor.predict(pairs), {}};
  const std::size_t levels = model.levels.size();
  const int decimals = gcmc::rating_decimals(model);
  Answer answer(arguments, columns(arguments, model));
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    const auto [user, item] = pairs[k];
    answer.text(ids[k].user).text(ids[k].item).number(ratings[k], decimals);
    const auto p = chances ? std::span(probabilities).subspan(k * levels, levels) : std::span<const double>{};
    if (arguments.interval) {
      const gcmc::Interval interval = gcmc::central_interval(p, model.levels);
      answer.number(interval.low, decimals).number(interval.high, decimals);
    }
    if (arguments.probabilities)
      for (const double probability : p) answer.number(probability);
    answer.text(gcmc::note(predictor, user, item));
    answer.end_row();
  }
  answer.write();
}

}  // namespace

Command add_predict(CLI::App& app) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("predict", "Rate (user, item) pairs with a trained model");
  add_asking(*command, *arguments);
  command
      ->add_option("pairs", arguments->pairs,
                   "table with a pair a line, read as ratings are; -: standard input. Without a header its columns are "
                   "user,item; a header (userId, itemId or movieId, ...) may name them in any order, among others")
      ->required()
      ->type_name("FILE");
  command->add_option("--columns", arguments->reading.columns, "user=NAME,item=NAME, or positions from 1")
      ->type_name("TEXT");
  command
      ->add_option("--separator", arguments->reading.separator, "one character, ::, tab or blanks; default: detected")
      ->type_name("TEXT");
  command->add_option("--no-header", arguments->reading.no_header, "the first line is a pair; default: detected")
      ->type_name("true");
  command->add_flag("--probabilities", arguments->probabilities, "a column p_LEVEL for each rating level");
  command->add_flag("--interval", arguments->interval,
                    "columns low and high: the levels between which the rating lies with 80 % of probability");
  command
      ->add_option("--unknown", arguments->unknown,
                   "ids that the model has not seen: baseline (the bias baseline's value, with a note) or error")
      ->capture_default_str()
      ->check(one_of({"baseline", "error"}));
  command->footer(
      "Output: a row a pair with user,item,rating[,low,high][,p_LEVEL...],note. A user or item that the\n"
      "model has not seen gets the value of the bias baseline, and the note says so; its probabilities are\n"
      "0. The note says too of whom there were no ratings in training: nothing was learnt of them.\n\n"
      "Examples:\n"
      "  gcmc predict --model runs/mine pairs.csv\n"
      "  gcmc predict --model runs/mine --probabilities --output predictions.csv pairs.csv\n"
      "  printf 'anna,Solaris\\n' | gcmc predict --model runs/mine -");
  return {command, [arguments] { predict(*arguments); }};
}
