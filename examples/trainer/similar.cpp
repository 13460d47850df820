// gcmc similar and gcmc explain: what is like it, and why.
#include <memory>

#include "asking.hpp"
#include "gcmc/base/error.hpp"
#include "newcomer.hpp"
#include "notes.hpp"

namespace {

using gcmc::Index;

struct SimilarArguments : Asking {
  std::string item, user, by = "embeddings";
  Index top = 10;
};

void similar(const SimilarArguments& arguments) {
  gcmc::require(arguments.item.empty() != arguments.user.empty(), "similar to what? Give one of --item and --user");
  const gcmc::Predictor predictor = load_predictor(arguments);
  const bool of_item = arguments.user.empty();
  const Index node = of_item ? find_item(predictor, arguments.item) : find_user(predictor, arguments.user);
  const gcmc::Side side = of_item ? gcmc::item_side : gcmc::user_side;
  if (predictor.ratings_of(side, node) == 0) tell_note("it has no ratings in training: nothing was learnt of it");
  const auto& ids = of_item ? predictor.model().item_ids : predictor.model().user_ids;
  const bool titled = of_item && !predictor.model().item_titles.empty();
  std::vector<std::string> columns = {of_item ? "item" : "user", "similarity"};
  if (titled) columns.insert(columns.begin() + 1, "title");
  const auto by =
      arguments.by == "ratings" ? gcmc::Predictor::Likeness::ratings : gcmc::Predictor::Likeness::embeddings;
  Answer answer(arguments, columns);
  for (const auto& [number, similarity] : predictor.similar(side, node, arguments.top, by)) {
    answer.text(ids[static_cast<std::size_t>(number)]);
    if (titled) answer.text(gcmc::title_of(predictor.model(), number));
    answer.number(similarity);
    answer.end_row();
  }
  answer.write();
}

struct ExplainArguments : Asking {
  std::string user, new_user, item;
  Index top = 10;
};

void explain(const ExplainArguments& arguments) {
  gcmc::require(arguments.user.empty() != arguments.new_user.empty(),
                "whose rating? Give one of --user and --new-user");
  const gcmc::Predictor predictor = load_predictor(arguments, Parts::all);
  const gcmc::SavedModel& model = predictor.model();
  const Index item = find_item(predictor, arguments.item);
  const gcmc::Predictor::Explanation explanation =
      arguments.new_user.empty()
          ? predictor.explain(find_user(predictor, arguments.user), item)
          : predictor.explain(read_newcomer(predictor, gcmc::user_side, arguments.new_user), item);
  const int decimals = gcmc::rating_decimals(model);
  tell_note("the predicted rating is " + number(explanation.rating, decimals) +
            "; an effect is how much it would be less without");
  if (explanation.reasons.empty()) tell_note("the user has no ratings in training: there is nothing to explain it by");
  std::vector<std::string> columns = {"item", "rating", "effect"};
  if (!model.item_titles.empty()) columns.insert(columns.begin() + 1, "title");
  Answer answer(arguments, columns);
  for (std::size_t k = 0; k < explanation.reasons.size() && k < static_cast<std::size_t>(arguments.top); ++k) {
    const auto& [reason, level, effect] = explanation.reasons[k];
    answer.text(model.item_ids[static_cast<std::size_t>(reason)]);
    if (!model.item_titles.empty()) answer.text(gcmc::title_of(model, reason));
    answer.level(model.levels[level]).number(effect, decimals);
    answer.end_row();
  }
  answer.write();
}

}  // namespace

Command add_similar(CLI::App& app) {
  const auto arguments = std::make_shared<SimilarArguments>();
  CLI::App* command = app.add_subcommand("similar", "List the items, or the users, that are most like one");
  add_asking(*command, *arguments);
  command->add_option("--item", arguments->item, "the item's id, as in the data")->type_name("ID");
  command->add_option("--user", arguments->user, "the user's id")->type_name("ID");
  command
      ->add_option("--by", arguments->by,
                   "what is compared: embeddings, or ratings (what everybody on the other side is predicted to give or "
                   "get)")
      ->capture_default_str()
      ->check(one_of({"embeddings", "ratings"}));
  command->add_option("--top", arguments->top, "rows at most")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000).description(""));
  command->footer(
      "Output: item[,title],similarity (or user,similarity), the most similar first: the cosine of the two\n"
      "embeddings, from -1 to 1; by ratings, of all logarithms of the predicted levels' probabilities, less\n"
      "their mean for each pair.\n\n"
      "Examples:\n"
      "  gcmc similar --model runs/mine --item Solaris --top 5\n"
      "  gcmc similar --model runs/mine --user anna --by ratings");
  return {command, [arguments] { similar(*arguments); }};
}

Command add_explain(CLI::App& app) {
  const auto arguments = std::make_shared<ExplainArguments>();
  CLI::App* command = app.add_subcommand("explain", "Say which of a user's ratings a predicted rating comes from");
  add_asking(*command, *arguments);
  command->add_option("--user", arguments->user, "the user's id, as in the data")->type_name("ID");
  command->add_option("--new-user", arguments->new_user, "table of the item,rating of somebody who was not in training")
      ->type_name("FILE");
  command->add_option("--item", arguments->item, "the item's id")->required()->type_name("ID");
  command->add_option("--top", arguments->top, "ratings at most")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000).description(""));
  command->footer(
      "Output: item[,title],rating,effect: a rating of the user's, and how much less the predicted rating\n"
      "would be without it; the largest effect, up or down, first. The user is embedded again without\n"
      "each rating, so that this is what the model does, not a guess about it. A new user's own shift,\n"
      "which gcmc recommend --new-user adds to all ratings, stays that of all of them.\n\n"
      "Examples:\n"
      "  gcmc explain --model runs/mine --user anna --item Solaris\n"
      "  gcmc explain --model runs/mine --new-user mine.csv --item Solaris");
  return {command, [arguments] { explain(*arguments); }};
}
