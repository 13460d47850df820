// gcmc evaluate: how good a model is, on the test part of its run or on a file of ratings.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>

#include "asking.hpp"
#include "command_line.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/files/evaluation_report.hpp"
#include "gcmc/files/model_folder.hpp"
#include "gcmc/files/rating_files.hpp"
#include "gcmc/files/run_folder.hpp"
#include "notes.hpp"
#include "progress.hpp"
#include "setup.hpp"

namespace {

struct Arguments {
  Asking asking;
  std::string ratings, against, svg;
  TrainArguments table;  ///< how the file is read
  gcmc::EvaluationOptions options;
  std::optional<double> relevant;
  bool no_ranking = false;
};

/// Those of the file, if one is named; tells what is left out of it.
std::optional<gcmc::Ratings> read_ratings(const std::string& path, const gcmc::ReadOptions& reading) {
  if (path.empty()) return {};
  gcmc::DataSource source;
  source.ratings = gcmc::read_rating_file(path, "", reading, &source.report);
  source.report.notes.clear();  // they are for who trains
  tell_notes(stderr, opening_of_notes, source, reading);
  return std::move(source.ratings);
}

std::vector<gcmc::RatedPair> pairs_of(const gcmc::Predictor& predictor, const std::optional<gcmc::Ratings>& ratings) {
  if (ratings) return gcmc::rated_pairs(predictor, *ratings);
  std::vector<gcmc::RatedPair> pairs = gcmc::tested_pairs(predictor);
  gcmc::require(!pairs.empty(), "the model's run had no test part: name a file of ratings");
  return pairs;
}

std::vector<double> predictions(const gcmc::Predictor& predictor, const std::vector<gcmc::RatedPair>& pairs) {
  std::vector<gcmc::Predictor::Pair> numbers;
  numbers.reserve(pairs.size());
  for (const gcmc::RatedPair& pair : pairs) numbers.emplace_back(pair.user, pair.item);
  return predictor.predict(numbers);
}

/// The other model may have other numbers: its pairs are found by their ids.
gcmc::Comparison compare_with(const gcmc::Predictor& predictor, const std::vector<gcmc::RatedPair>& pairs,
                              const std::optional<gcmc::Ratings>& ratings, const Arguments& arguments) {
  Asking other = arguments.asking;
  other.model = arguments.against;
  const gcmc::Predictor rival = load_predictor(other);
  std::vector<gcmc::RatedPair> numbers;
  if (!ratings) {
    const gcmc::SavedModel& model = predictor.model();
    for (const gcmc::RatedPair& pair : pairs)
      numbers.push_back({rival.user_index(model.user_ids[static_cast<std::size_t>(pair.user)]),
                         rival.item_index(model.item_ids[static_cast<std::size_t>(pair.item)]), pair.value});
  } else {
    numbers = gcmc::rated_pairs(rival, *ratings);
  }
  std::vector<gcmc::RatedPair> by_user = pairs;  // of the ratings' own numbers: no model need know a user
  for (std::size_t k = 0; ratings && k < by_user.size(); ++k) by_user[k].user = ratings->entries[k].user;
  gcmc::Comparison comparison = gcmc::compare(by_user, predictions(predictor, pairs), predictions(rival, numbers));
  comparison.unknown = std::count_if(numbers.begin(), numbers.end(),
                                     [](const gcmc::RatedPair& pair) { return pair.user < 0 || pair.item < 0; });
  comparison.trained = gcmc::count_trained(rival, numbers);
  return comparison;
}

/// What the comparison says, as far as it says anything.
std::string verdict(const gcmc::Evaluation& e, const gcmc::Comparison& comparison) {
  if (e.trained > 0 || comparison.trained > 0)
    return "unfair, since the other model was trained on " + std::to_string(comparison.trained) +
           " of these pairs and this one on " + std::to_string(e.trained);
  if (comparison.p >= 0.05) return "no difference is shown";
  return comparison.difference > 0 ? "this model is better" : "the other model is better";
}

void print_ranking(const char* name, const gcmc::Ranking& ranking) {
  std::printf("  %-13s  %.4f  %.4f  %.4f     %.4f  %.4f    %7.3f\n", name, ranking.ndcg, ranking.recall,
              ranking.precision, ranking.reciprocal_rank, ranking.coverage, ranking.novelty);
}

void print_groups(const char* side, const std::vector<gcmc::ActivityGroup>& groups) {
  std::printf("By ratings of the %s in training:\n  ratings          pairs      RMSE  baseline\n", side);
  for (const gcmc::ActivityGroup& group : groups) {
    const bool open = group.most == std::numeric_limits<gcmc::Offset>::max();
    const std::string range =
        std::to_string(group.least) + (open                        ? "-"
                                       : group.most == group.least ? ""
                                                                   : "-" + std::to_string(group.most));
    std::printf("  %-9s  %10lld  %8s  %8s\n", range.c_str(), static_cast<long long>(group.model.count),
                figure(group.model.rmse()).c_str(), figure(group.baseline.rmse()).c_str());
  }
}

void print(const gcmc::Evaluation& e, bool ranking, const std::optional<gcmc::Comparison>& comparison) {
  std::printf("%lld pairs", static_cast<long long>(e.pairs));
  if (e.unknown > 0)
    std::printf(", %lld of a user or item that the model does not know: the baseline's",
                static_cast<long long>(e.unknown));
  if (e.trained > 0)
    std::printf(", %lld of them ratings that the model was trained on: their errors are too low",
                static_cast<long long>(e.trained));
  std::printf("\n                 RMSE       MAE  accuracy    loss  calibration error\n");
  std::printf("  model      %8s  %8s", figure(e.model.rmse()).c_str(), figure(e.model.mae()).c_str());
  if (e.levels.count > 0)
    std::printf("    %.4f  %.4f             %.4f", e.levels.accuracy(), e.levels.loss(), e.calibration_error);
  std::printf("\n  baseline   %8s  %8s\n", figure(e.baseline.rmse()).c_str(), figure(e.baseline.mae()).c_str());
  if (e.no_such_level > 0)
    std::printf("  %lld values are none of the model's levels: they count for RMSE and MAE alone\n",
                static_cast<long long>(e.no_such_level));
  print_groups("user", e.by_user);
  print_groups("item", e.by_item);
  if (e.ranked_users > 0) {
    std::printf("The first %d of all items, for %lld users with a rating of %s or more:\n", e.top,
                static_cast<long long>(e.ranked_users), figure(e.relevant).c_str());
    std::printf("  ranked by        nDCG  recall  precision     MRR  coverage  novelty\n");
    print_ranking("model", e.ranking);
    print_ranking("bias baseline", e.baseline_ranking);
    print_ranking("popularity", e.popularity);
  } else if (ranking) {
    std::printf("Nothing is ranked: no pair of a known user and item that is new to the user is rated %s or more\n",
                figure(e.relevant).c_str());
  }
  if (comparison)
    std::printf("Against the other model: RMSE %s and %s, squared error %+.3g (standard error %.2g), p=%.3g: %s\n",
                figure(comparison->first_rmse).c_str(), figure(comparison->second_rmse).c_str(), comparison->difference,
                comparison->standard_error, comparison->p, verdict(e, *comparison).c_str());
  if (comparison && comparison->unknown > 0)
    std::printf("  %lld of the pairs are of a user or item that the other model does not know\n",
                static_cast<long long>(comparison->unknown));
}

void evaluate(Arguments& arguments, const CLI::App& command) {
  const std::vector<std::string> given = given_options(command, arguments.table);
  gcmc::require(given.empty() || !arguments.ratings.empty(),
                [&] { return "--" + hyphenated(given.front()) + " says how a file of ratings is read: name one"; });
  const gcmc::ReadOptions reading = table_options(command, arguments.table);
  gcmc::require(!arguments.relevant || std::isfinite(*arguments.relevant), "--relevant is a rating, a finite number");
  arguments.options.relevant = arguments.relevant;
  arguments.options.ranking = !arguments.no_ranking;
  const Asking& asking = arguments.asking;
  const bool draws_alone = arguments.svg == "-";
  gcmc::require(!draws_alone || (asking.output.empty() ? !asking.json() : asking.output != "-"),
                "--svg - and the JSON would both be standard output: give one of them a file");
  const gcmc::Predictor predictor(gcmc::load_models(asking.model,
                                                    [](const std::string& name) {
                                                      return gcmc::Predictor::reads(name) || name == "tested.levels";
                                                    }),
                                  asking.threads);
  const std::optional<gcmc::Ratings> ratings = read_ratings(arguments.ratings, reading);
  const std::vector<gcmc::RatedPair> pairs = pairs_of(predictor, ratings);
  const gcmc::Evaluation evaluation = gcmc::evaluate(predictor, pairs, arguments.options);
  std::optional<gcmc::Comparison> comparison;
  if (!arguments.against.empty()) comparison = compare_with(predictor, pairs, ratings, arguments);
  const std::string& name = predictor.model().dataset;
  if (!arguments.svg.empty()) gcmc::write_output(arguments.svg, gcmc::evaluation_svg(evaluation, name));
  const std::string json = gcmc::evaluation_json(evaluation, name, comparison);
  if (!asking.output.empty()) gcmc::write_output(asking.output, json);
  if (asking.json() && asking.output.empty())
    std::fputs(json.c_str(), stdout);
  else if (asking.output.empty() && !draws_alone)
    print(evaluation, arguments.options.ranking, comparison);
}

}  // namespace

Command add_evaluate(CLI::App& app) {
  const auto arguments = std::make_shared<Arguments>();
  arguments->asking.format = "text";
  CLI::App* command = app.add_subcommand("evaluate", "Measure a trained model on its run's test part or on ratings");
  command->add_option("--model", arguments->asking.model, "folder of the run or its model/")
      ->required()
      ->type_name("DIR");
  command
      ->add_option("ratings", arguments->ratings,
                   "table of ratings, read as gcmc train reads it; default: the test part of the model's run")
      ->type_name("FILE");
  add_table_options(*command, arguments->table);
  command->add_option("--top", arguments->options.top, "length of the ranked lists")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000).description(""));
  command->add_option("--relevant", arguments->relevant, "ratings from here on are relevant; default: training's mean")
      ->type_name("RATING");
  command->add_flag("--no-ranking", arguments->no_ranking, "rank nothing, which takes a score for each user and item");
  command->add_option("--against", arguments->against, "another model, compared on the same pairs")->type_name("DIR");
  command->add_option("--format", arguments->asking.format, "text or json")
      ->capture_default_str()
      ->check(one_of({"text", "json"}));
  command->add_option("--output", arguments->asking.output, "file for the JSON; default: standard output")
      ->type_name("FILE");
  command->add_option("--svg", arguments->svg, "file for a picture: reliability, and errors by activity")
      ->type_name("FILE");
  add_threads(*command, arguments->asking.threads);
  command->footer(
      "Errors are those of all pairs, ids that the model does not know included. Ranked are all items that\n"
      "the user did not rate in training. The comparison takes users, not ratings, for independent.\n\n"
      "Examples:\n"
      "  gcmc evaluate --model runs/mine\n"
      "  gcmc evaluate --model runs/mine new-ratings.csv --format json\n"
      "  gcmc evaluate --model runs/mine --against runs/other --svg evaluation.svg");
  return {command, [arguments, command] { evaluate(*arguments, *command); }};
}
