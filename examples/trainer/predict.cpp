// gcmc predict and gcmc recommend: ids in, ratings out, as CSV.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "commands.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/files/rating_files.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/model/predictor.hpp"

namespace {

using gcmc::Index;

constexpr int usual_decimals = 6;

std::string number(double value, int decimals = usual_decimals) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

/// Of ratings: six digits behind the point, or as many significant ones where all levels are small.
int rating_decimals(const gcmc::SavedModel& model) {
  const double size = std::max(std::abs(model.levels.front()), std::abs(model.levels.back()));
  if (size == 0) return usual_decimals;
  return std::clamp(usual_decimals - 1 - static_cast<int>(std::floor(std::log10(size))), usual_decimals, 20);
}

/// As short as the level is: 4, 3.5.
std::string level_name(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g", value);
  return text.data();
}

std::string header(const gcmc::SavedModel& model, bool probabilities) {
  std::string line = "user,item,rating";
  if (probabilities)
    for (const double level : model.levels) line += ",p_" + level_name(level);
  return line + ",note\n";
}

/// The field, in quotes if it needs them (RFC 4180).
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

/// A field of standard output: on a terminal, an id of a stranger gives no orders.
std::string printed_field(const std::string& text) {
  return isatty(STDOUT_FILENO) ? gcmc::printable(csv_field(text)) : csv_field(text);
}

const char* note(std::pair<Index, Index> pair) {
  if (pair.first < 0 && pair.second < 0) return "unknown user and item";
  if (pair.first < 0) return "unknown user";
  return pair.second < 0 ? "unknown item" : "";
}

/// "20" of "20.0": how a program writes ids that it took for numbers with a fraction.
std::string without_fraction(const std::string& id) {
  const std::size_t point = id.find('.');
  const bool zeros = point != std::string::npos && id.find_first_not_of('0', point + 1) == std::string::npos;
  return zeros ? id.substr(0, point) : id;
}

/// Says of users or items that the model knows less than half of them, with an example of both sides. `find` gives an
/// id's number.
template <class Find>
void note_unknown(const std::vector<gcmc::IdPair>& pairs, std::string gcmc::IdPair::*id, const char* side,
                  const std::vector<std::string>& known_ids, const Find& find) {
  std::size_t unknown = 0;
  const std::string* example = nullptr;
  for (const gcmc::IdPair& pair : pairs) {
    if (find(pair.*id) >= 0) continue;
    ++unknown;
    if (!example) example = &(pair.*id);
  }
  if (2 * unknown <= pairs.size() || known_ids.empty()) return;
  const std::string whole = without_fraction(*example);
  const bool by_fraction = find(whole) >= 0;
  std::fprintf(stderr, "gcmc: note: the model knows the %s of %zu of %zu pairs: it has no '%s', but '%s'%s\n", side,
               pairs.size() - unknown, pairs.size(), gcmc::printable(*example, 40).c_str(),
               gcmc::printable(by_fraction ? whole : known_ids.front(), 40).c_str(),
               by_fraction ? ": these ids are written with a fraction" : ", for instance");
}

/// `field` writes an id.
std::string predictions_csv(const gcmc::Predictor& predictor, const std::vector<gcmc::IdPair>& ids, bool probabilities,
                            std::string (*field)(const std::string&)) {
  std::vector<std::pair<Index, Index>> pairs;
  pairs.reserve(ids.size());
  for (const gcmc::IdPair& id : ids) pairs.emplace_back(predictor.user_index(id.user), predictor.item_index(id.item));
  const auto [ratings, chances] =
      probabilities ? predictor.score(pairs) : gcmc::Predictor::Scores{predictor.predict(pairs), {}};
  const std::size_t levels = predictor.model().levels.size();
  const int decimals = rating_decimals(predictor.model());

  std::string text = header(predictor.model(), probabilities);
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    text += field(ids[p].user) + "," + field(ids[p].item) + "," + number(ratings[p], decimals);
    if (probabilities)
      for (std::size_t level = 0; level < levels; ++level) text += "," + number(chances[p * levels + level]);
    text += std::string(",") + note(pairs[p]) + "\n";
  }
  return text;
}

}  // namespace

void run_predict(const PredictArguments& arguments) {
  const std::vector<gcmc::IdPair> ids = gcmc::read_id_pairs(arguments.pairs, arguments.reading);
  const gcmc::Predictor predictor(gcmc::load_models(arguments.model, gcmc::Predictor::reads), arguments.threads);
  const gcmc::SavedModel& model = predictor.model();
  note_unknown(ids, &gcmc::IdPair::user, "user", model.user_ids,
               [&](const auto& id) { return predictor.user_index(id); });
  note_unknown(ids, &gcmc::IdPair::item, "item", model.item_ids,
               [&](const auto& id) { return predictor.item_index(id); });
  const std::string text =
      predictions_csv(predictor, ids, arguments.probabilities, arguments.output.empty() ? printed_field : csv_field);
  if (arguments.output.empty())
    std::fwrite(text.data(), 1, text.size(), stdout);
  else
    gcmc::write_output(arguments.output, text);
}

void run_recommend(const RecommendArguments& arguments) {
  const gcmc::Predictor predictor(gcmc::load_models(arguments.model, gcmc::Predictor::reads), arguments.threads);
  const Index user = predictor.user_index(arguments.user);
  gcmc::require(user >= 0, "user '" + arguments.user + "' is not in the model: its ids are in users.txt");
  std::printf("item,rating\n");
  for (const auto& [item, rating] : predictor.recommend(user, arguments.top))
    std::printf("%s,%s\n", printed_field(predictor.model().item_ids[static_cast<std::size_t>(item)]).c_str(),
                number(rating, rating_decimals(predictor.model())).c_str());
}
