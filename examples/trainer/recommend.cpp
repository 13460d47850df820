// gcmc recommend: the best items of one user, of many, of all, and of somebody new; the users whom a new item suits.
#include <algorithm>
#include <memory>
#include <utility>

#include "asking.hpp"
#include "command_line.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/files/rating_files.hpp"
#include "newcomer.hpp"
#include "notes.hpp"

namespace {

using gcmc::Index;

struct Arguments : Asking {
  std::vector<std::string> users;
  std::string users_file, new_user, new_item, only, without;
  bool all = false, rated = false;
  std::string unknown = "baseline";
  Index top = 10;
  gcmc::Offset least_ratings = 0;

  /// Of one user, whose id the caller knows, no column of users is written.
  bool many() const { return all || !users_file.empty() || users.size() > 1; }
};

/// The numbers of a file's ids; those that the model does not have are counted in a note.
std::vector<Index> read_numbers(const gcmc::Predictor& predictor, gcmc::Side side, const std::string& path) {
  std::vector<Index> numbers;
  std::size_t unknown = 0;
  for (const std::string& id : gcmc::read_ids(path, side)) {
    const Index number = side == gcmc::user_side ? predictor.user_index(id) : predictor.item_index(id);
    if (number >= 0)
      numbers.push_back(number);
    else
      ++unknown;
  }
  if (unknown > 0)
    tell_note(path + ": " + std::to_string(unknown) + " of " + std::to_string(unknown + numbers.size()) +
              (side == gcmc::user_side ? " users" : " items") + " are not in the model");
  return numbers;
}

/// What may be listed: items, or users.
struct Listed {
  Listed(const Arguments& arguments, const gcmc::Predictor& predictor, gcmc::Side side) {
    options = {.top = arguments.top, .rated = arguments.rated, .least_ratings = arguments.least_ratings};
    if (!arguments.only.empty()) options.among = only = read_numbers(predictor, side, arguments.only);
    if (!arguments.without.empty()) options.without = without = read_numbers(predictor, side, arguments.without);
  }
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;

  std::vector<Index> only, without;
  gcmc::RecommendOptions options;
};

std::vector<std::string> wanted_users(const Arguments& arguments, const gcmc::SavedModel& model) {
  if (arguments.all) return model.user_ids;
  if (arguments.users_file.empty()) return arguments.users;
  return gcmc::read_ids(arguments.users_file, gcmc::user_side);
}

void note_unknown(const std::vector<std::string>& unknown) {
  if (unknown.empty()) return;
  const std::string first = "'" + gcmc::printable(unknown.front(), 40) + "'";
  const std::string who = unknown.size() == 1
                              ? "user " + first + " is not"
                              : std::to_string(unknown.size()) + " users, such as " + first + ", are not";
  tell_note(who + " in the model: what is listed are the items that all rate best");
}

class Writer {
 public:
  Writer(const Arguments& arguments, const gcmc::Predictor& predictor)
      : arguments_(arguments),
        predictor_(predictor),
        titled_(!predictor.model().item_titles.empty()),
        answer_(arguments, columns()) {}

  void add(const std::string& user, const std::vector<gcmc::Predictor::Recommendation>& best, const std::string& note) {
    for (const auto& [item, rating] : best) {
      if (arguments_.many()) answer_.text(user);
      answer_.text(predictor_.model().item_ids[static_cast<std::size_t>(item)]);
      if (titled_) answer_.text(gcmc::title_of(predictor_.model(), item));
      answer_.number(rating, gcmc::rating_decimals(predictor_.model())).text(note);
      answer_.end_row();
    }
  }
  void write() { answer_.write(); }

 private:
  std::vector<std::string> columns() const {
    std::vector<std::string> names = {"item", "rating", "note"};
    if (titled_) names.insert(names.begin() + 1, "title");
    if (arguments_.many()) names.insert(names.begin(), "user");
    return names;
  }

  const Arguments& arguments_;
  const gcmc::Predictor& predictor_;
  const bool titled_;
  Answer answer_;
};

constexpr const char* note_without_ratings = "no ratings: the baseline's";

void recommend_to_newcomer(const Arguments& arguments) {
  const gcmc::Predictor predictor = load_predictor(arguments, Parts::all);
  const Listed listed(arguments, predictor, gcmc::item_side);
  const gcmc::Newcomer user = read_newcomer(predictor, gcmc::user_side, arguments.new_user);
  Writer writer(arguments, predictor);
  writer.add("", predictor.recommend(user, listed.options), user.ratings.empty() ? note_without_ratings : "");
  writer.write();
}

void recommend_new_item(const Arguments& arguments) {
  const gcmc::Predictor predictor = load_predictor(arguments, Parts::all);
  const Listed listed(arguments, predictor, gcmc::user_side);
  const gcmc::Newcomer item = read_newcomer(predictor, gcmc::item_side, arguments.new_item);
  Answer answer(arguments, {"user", "rating", "note"});
  for (const auto& [user, rating] : predictor.fans(item, listed.options)) {
    answer.text(predictor.model().user_ids[static_cast<std::size_t>(user)]);
    answer.number(rating, gcmc::rating_decimals(predictor.model()));
    if (item.ratings.empty())
      answer.text(note_without_ratings);
    else
      answer.text(predictor.ratings_of(gcmc::user_side, user) == 0 ? "no ratings in training" : "");
    answer.end_row();
  }
  answer.write();
}

/// Users whose ratings alone need be read: those that are named, unless all ratings are counted.
std::optional<std::vector<std::string>> raters(const Arguments& arguments) {
  if (arguments.users.empty() || arguments.least_ratings > 0) return std::nullopt;
  return arguments.users;
}

void recommend_to_users(const Arguments& arguments) {
  const gcmc::Predictor predictor = load_predictor(arguments, Parts::answers, raters(arguments));
  const Listed listed(arguments, predictor, gcmc::item_side);
  const gcmc::RecommendOptions& options = listed.options;
  Writer writer(arguments, predictor);
  std::vector<std::string> unknown;
  const std::vector<std::string> ids = wanted_users(arguments, predictor.model());
  std::vector<Index> known;
  for (const std::string& id : ids) {
    const Index user = arguments.unknown == "error" ? find_user(predictor, id) : predictor.user_index(id);
    if (user >= 0)
      known.push_back(user);
    else
      unknown.push_back(id);
  }
  note_unknown(unknown);
  const auto of_strangers =
      unknown.empty() ? std::vector<gcmc::Predictor::Recommendation>{} : predictor.recommend(gcmc::Newcomer{}, options);
  const auto best = predictor.recommend(known, options);
  std::size_t next = 0;
  for (const std::string& id : ids) {
    const Index user = predictor.user_index(id);
    if (user < 0)
      writer.add(id, of_strangers, "unknown user");
    else
      writer.add(id, best[next++], predictor.ratings_of(gcmc::user_side, user) == 0 ? "no ratings in training" : "");
  }
  writer.write();
}

void recommend(const Arguments& arguments) {
  const int ways = arguments.all + !arguments.new_user.empty() + !arguments.new_item.empty() +
                   !arguments.users.empty() + !arguments.users_file.empty();
  gcmc::require(ways == 1, "for whom? Give one of --user, --users, --all, --new-user and --new-item");
  const auto piped = {arguments.users_file, arguments.new_user, arguments.new_item, arguments.only, arguments.without};
  gcmc::require(std::ranges::count(piped, "-") <= 1, "two files are -, standard input, which can be read once");
  if (!arguments.new_user.empty()) return recommend_to_newcomer(arguments);
  if (!arguments.new_item.empty()) return recommend_new_item(arguments);
  recommend_to_users(arguments);
}

}  // namespace

Command add_recommend(CLI::App& app) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("recommend", "List the items that users would rate best, less those rated");
  add_asking(*command, *arguments);
  command->add_option("--user", arguments->users, "a user's id, as in the data; once for each user")
      ->type_name("ID")
      ->allow_extra_args(false);
  command->add_option("--users", arguments->users_file, "file of ids, one a line; -: standard input")
      ->type_name("FILE");
  command->add_flag("--all", arguments->all, "all users of the model");
  command
      ->add_option("--new-user", arguments->new_user,
                   "table of the item,rating of somebody who was not in training, and is embedded from these")
      ->type_name("FILE");
  command
      ->add_option("--new-item", arguments->new_item,
                   "table of the user,rating of an item that was not in training: lists the users who would rate it "
                   "best")
      ->type_name("FILE");
  command->add_option("--top", arguments->top, "items at most")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000).description(""));
  command->add_flag("--include-rated", arguments->rated, "list items too that the user has rated");
  command->add_option("--min-ratings", arguments->least_ratings, "ratings that an item had in training, at least")
      ->capture_default_str()
      ->check(whole_number());
  command->add_option("--only", arguments->only, "file of the items that may be listed, one a line")->type_name("FILE");
  command->add_option("--without", arguments->without, "file of items that may not be listed")->type_name("FILE");
  command
      ->add_option("--unknown", arguments->unknown,
                   "users that the model has not seen: baseline (the items that all rate best, with a note) or error")
      ->capture_default_str()
      ->check(one_of({"baseline", "error"}));
  command->footer(
      "Output: [user,]item[,title],rating,note, the best first; the user's id where there may be several,\n"
      "titles where the data had them (u.item, movies.dat, movies.csv, a title column of --item-features).\n"
      "Items that the user has rated are left out, whichever part of the data the rating fell into.\n"
      "With --new-item: user,rating,note; --include-rated, --min-ratings, --only and --without then say\n"
      "which users may be listed.\n\n"
      "Examples:\n"
      "  gcmc recommend --model runs/mine --user anna --top 5\n"
      "  gcmc recommend --model runs/mine --all --output everybody.csv\n"
      "  printf 'item,rating\\nSolaris,5\\nStalker,4\\n' | gcmc recommend --model runs/mine --new-user -\n"
      "  gcmc recommend --model runs/mine --new-item first-ratings.csv --top 100");
  return {command, [arguments] { recommend(*arguments); }};
}
