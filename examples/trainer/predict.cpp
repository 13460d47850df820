// gcmc predict and gcmc recommend: ids in, ratings out, as CSV.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <utility>
#include <vector>

#include "commands.hpp"
#include "csv.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/files/run_folder.hpp"
#include "gcmc/model/predictor.hpp"

namespace {

using gcmc::Index;

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6f", value);
  return text.data();
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

/// A field of standard output: on a terminal, an id of a stranger gives no orders.
std::string printed_field(const std::string& text) {
  return isatty(STDOUT_FILENO) ? gcmc::printable(csv_field(text)) : csv_field(text);
}

const char* note(std::pair<Index, Index> pair) {
  if (pair.first < 0 && pair.second < 0) return "unknown user and item";
  if (pair.first < 0) return "unknown user";
  return pair.second < 0 ? "unknown item" : "";
}

std::vector<IdPair> read_pairs(const std::string& path) {
  if (path == "-") return read_id_pairs(std::cin, "standard input");
  std::ifstream file(path);
  gcmc::require(file.is_open() && !std::filesystem::is_directory(path), path + ": cannot be read");
  return read_id_pairs(file, path);
}

/// `field` writes an id.
std::string predictions_csv(const gcmc::Predictor& predictor, const std::vector<IdPair>& ids, bool probabilities,
                            std::string (*field)(const std::string&)) {
  std::vector<std::pair<Index, Index>> pairs;
  pairs.reserve(ids.size());
  for (const IdPair& id : ids) pairs.emplace_back(predictor.user_index(id.user), predictor.item_index(id.item));
  const auto [ratings, chances] =
      probabilities ? predictor.score(pairs) : gcmc::Predictor::Scores{predictor.predict(pairs), {}};
  const std::size_t levels = predictor.model().levels.size();

  std::string text = header(predictor.model(), probabilities);
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    text += field(ids[p].user) + "," + field(ids[p].item) + "," + number(ratings[p]);
    if (probabilities)
      for (std::size_t level = 0; level < levels; ++level) text += "," + number(chances[p * levels + level]);
    text += std::string(",") + note(pairs[p]) + "\n";
  }
  return text;
}

}  // namespace

void run_predict(const PredictArguments& arguments) {
  const std::vector<IdPair> ids = read_pairs(arguments.pairs);
  const gcmc::Predictor predictor(gcmc::load_models(arguments.model, gcmc::Predictor::reads), arguments.threads);
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
                number(rating).c_str());
}
