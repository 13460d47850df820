// How good folding in is: users (then items) are held out of training altogether, half of each one's ratings is folded
// in, the other half is predicted; beside the bias baseline, and beside a model that trained on the first half.
//   fold_in FOLDER NAME [NODES] [NAME=VALUE of an option of gcmc train ...]
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "gcmc/base/error.hpp"
#include "gcmc/base/random.hpp"
#include "gcmc/files/readers.hpp"
#include "gcmc/model/evaluation.hpp"
#include "gcmc/options/option_names.hpp"
#include "gcmc/train/train.hpp"

namespace {

using namespace gcmc;

Index node_of(const Rating& rating, Side side) { return side == user_side ? rating.user : rating.item; }

/// The ratings of nodes that are not held out; of those that are, a half each.
struct Parts {
  std::vector<Rating> others, known, asked;
  std::vector<Index> nodes;

  Parts(const Ratings& ratings, Side side, Index count) {
    std::map<Index, std::vector<Rating>> held;
    const Index all = side == user_side ? ratings.users() : ratings.items();
    for (const Offset node : permutation(all, 1, 2)) {
      if (static_cast<Index>(held.size()) == count) break;
      held[static_cast<Index>(node)];
    }
    for (const Rating& rating : ratings.entries) {
      const auto found = held.find(node_of(rating, side));
      (found == held.end() ? others : found->second).push_back(rating);
    }
    for (const auto& [node, own] : held) {
      nodes.push_back(node);
      const std::vector<Offset> order =
          permutation(static_cast<Offset>(own.size()), 1, static_cast<std::uint32_t>(node));
      for (std::size_t k = 0; k < own.size(); ++k)
        (2 * k < own.size() ? known : asked).push_back(own[static_cast<std::size_t>(order[k])]);
    }
  }
};

/// Trained on all of these but a tenth, which is validated; nothing is tested.
SavedModel model_of(Ratings ratings, std::vector<Rating> entries, const Options& options) {
  ratings.entries = std::move(entries);
  ratings.test_begin = static_cast<Offset>(ratings.entries.size());
  ratings.valid_begin = -1;
  return train(ratings, options).model;
}

double rmse(const std::vector<double>& predicted, const std::vector<Rating>& pairs, const Ratings& ratings) {
  double sum = 0;
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    const double error = predicted[k] - ratings.levels[pairs[k].level];
    sum += error * error;
  }
  return std::sqrt(sum / static_cast<double>(pairs.size()));
}

/// The shift is shrunken by 10 ratings: as it would be by another number; -1: none.
double shrunken(const Newcomer& newcomer, double by) {
  const auto count = static_cast<double>(newcomer.ratings.size());
  return by < 0 ? 0 : newcomer.shift * (count + 10) / (count + by);
}

constexpr std::array<double, 4> shrinkages = {-1, 2, 5, 10};

struct Folded {
  std::array<std::vector<double>, shrinkages.size()> predicted;  ///< of the asked pairs
  double seconds = 0;                                            ///< of each node's folding in
};

Folded fold_all_in(const Predictor& predictor, const Parts& parts, Side side) {
  std::map<Index, std::vector<NodeRating>> known;
  std::map<Index, std::vector<std::size_t>> asked;
  for (const Rating& rating : parts.known)
    known[node_of(rating, side)].push_back({node_of(rating, other(side)), rating.level});
  for (std::size_t k = 0; k < parts.asked.size(); ++k) asked[node_of(parts.asked[k], side)].push_back(k);
  predictor.fold_in(side, {{0, 0}});  // what the first call alone does
  Folded folded;
  for (std::vector<double>& predicted : folded.predicted) predicted.resize(parts.asked.size());
  for (const auto& [node, places] : asked) {
    const auto start = std::chrono::steady_clock::now();
    const Newcomer newcomer = predictor.fold_in(side, known[node]);
    folded.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::vector<Index> others;
    for (const std::size_t k : places) others.push_back(node_of(parts.asked[k], other(side)));
    for (std::size_t s = 0; s < shrinkages.size(); ++s) {
      Newcomer shifted = newcomer;
      shifted.shift = shrunken(newcomer, shrinkages[s]);
      const Predictor::Scores scores = predictor.score(shifted, others);
      for (std::size_t k = 0; k < places.size(); ++k) folded.predicted[s][places[k]] = scores.ratings[k];
    }
  }
  folded.seconds /= static_cast<double>(asked.size());
  return folded;
}

void compare_side(const Ratings& ratings, Side side, Index count, const Options& options) {
  const Parts parts(ratings, side, count);
  std::vector<Rating> with_known = parts.others;
  with_known.insert(with_known.end(), parts.known.begin(), parts.known.end());
  const Predictor without(model_of(ratings, parts.others, options), 1);
  const Folded folded = fold_all_in(without, parts, side);

  const BiasBaseline baseline = fit_bias_baseline(ratings, with_known);
  std::vector<double> biased;
  std::vector<Predictor::Pair> pairs;
  for (const Rating& rating : parts.asked) {
    biased.push_back(baseline.predict(rating.user, rating.item));
    pairs.emplace_back(rating.user, rating.item);
  }
  const Predictor with(model_of(ratings, with_known, options), 1);
  const auto error = [&](const std::vector<double>& predicted) { return rmse(predicted, parts.asked, ratings); };
  std::printf("%d %s held out, %zu of their ratings known, %zu asked\n", static_cast<int>(parts.nodes.size()),
              side == user_side ? "users" : "items", parts.known.size(), parts.asked.size());
  std::printf("  RMSE folded in %.4f, bias baseline %.4f, trained with %.4f; %.3f ms each\n",
              error(folded.predicted[3]), error(biased), error(with.predict(pairs)), 1e3 * folded.seconds);
  std::printf("  without the shift %.4f; shrunken by 2 %.4f, by 5 %.4f\n", error(folded.predicted[0]),
              error(folded.predicted[1]), error(folded.predicted[2]));
}

}  // namespace

int main(int count, char** values) try {
  if (count < 3) {
    std::fprintf(stderr, "usage: fold_in FOLDER NAME [NODES] [OPTION=VALUE ...]\n");
    return 2;
  }
  const Ratings ratings = read_ratings(values[1], values[2], "random");
  Options options;
  Index nodes = 100;
  for (int k = 3; k < count; ++k) {
    const std::string text = values[k];
    const std::size_t equals = text.find('=');
    if (equals == text.npos)
      nodes = std::stoi(text);
    else
      set_option(options, text.substr(0, equals), text.substr(equals + 1));
  }
  for (const Side side : {user_side, item_side}) compare_side(ratings, side, nodes, options);
} catch (const Error& error) {
  std::fprintf(stderr, "fold_in: %s\n", error.what());
  return 1;
}
