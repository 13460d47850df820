// /v1/recommend, similar, explain, fold-in.
#include "asking_routes.hpp"

#include <algorithm>
#include <utility>

#include "answers.hpp"
#include "csv_body.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/model/answer_text.hpp"
#include "problem.hpp"

namespace serve {
namespace {

using gcmc::Index;
using gcmc::Predictor;
using Pair = Predictor::Pair;

constexpr std::size_t items_a_piece = 4096;
constexpr long long most_listed = 1000;

/// Of those who get so many items each.
std::size_t users_a_piece(long long n) { return std::max<std::size_t>(1, items_a_piece / static_cast<std::size_t>(n)); }

/// Which items are recommended, and what is told of them.
struct Wish {
  long long n = 10;
  bool rated = false;
  long long least_ratings = 0;
  std::optional<std::vector<Index>> only = {};
  std::vector<Index> without = {};
  Details details = {};

  gcmc::RecommendOptions options() const {
    gcmc::RecommendOptions options{
        .top = static_cast<Index>(n), .rated = rated, .least_ratings = least_ratings, .without = without};
    if (only) options.among = *only;
    return options;
  }
};

std::vector<Index> known_items(Service& service, const LiveModel& model, const std::vector<std::string>& ids) {
  std::vector<Index> items;
  for (const std::string& id : ids)
    if (const Index item = find_item(service, model, id); item >= 0) items.push_back(item);
  return items;
}

Wish take_wish(Fields& fields, Service& service, const LiveModel& model) {
  Wish wish;
  wish.n = fields.integer("n", 10, 1, most_listed);
  wish.rated = fields.boolean("include_rated", false);
  wish.least_ratings = fields.integer("min_ratings", 0, 0, 1LL << 40);
  wish.details = take_details(fields);
  if (const auto ids = fields.ids("only")) wish.only = known_items(service, model, *ids);
  if (const auto ids = fields.ids("without")) wish.without = known_items(service, model, *ids);
  return wish;
}

/// [{item, title, rating, ...}, ...]; `score(items)` gives what details ask for.
template <class Score>
void put_recommendations(JsonText& json, const LiveModel& model, const std::vector<Predictor::Recommendation>& best,
                         Details details, const Score& score) {
  const std::size_t levels = model.saved().levels.size();
  std::vector<Index> items;
  for (const auto& recommendation : best) items.push_back(recommendation.item);
  const std::vector<double> probabilities = details.any() ? score(items) : std::vector<double>{};
  json.open('[');
  for (std::size_t k = 0; k < best.size(); ++k) {
    put_item(json.open('{'), model, best[k].item);
    const auto own = std::span(probabilities).subspan(details.any() ? k * levels : 0, details.any() ? levels : 0);
    put_rating(json, model, best[k].rating, own, details);
    json.close('}');
  }
  json.close(']');
}

void put_of_newcomer(JsonText& json, const LiveModel& model, const gcmc::Newcomer& newcomer, const Wish& wish) {
  put_recommendations(json, model, model.predictor.recommend(newcomer, wish.options()), wish.details,
                      [&](const auto& items) { return model.predictor.score(newcomer, items).probabilities; });
}

/// Of one user {"user", "note", "items"}; a stranger gets the items that all rate best.
void put_of_user(JsonText& json, const LiveModel& model, const std::string& id, Index user,
                 const std::vector<Predictor::Recommendation>& best, const Wish& wish) {
  json.open('{').key("user").string(id);
  const bool learnt = user >= 0 && model.predictor.ratings_of(gcmc::user_side, user) > 0;
  if (!learnt) json.key("note").string(user < 0 ? "unknown user" : "no ratings in training");
  json.key("items");
  if (user < 0)
    put_of_newcomer(json, model, gcmc::Newcomer{}, wish);
  else
    put_recommendations(json, model, best, wish.details, [&](const auto& items) {
      std::vector<Pair> pairs;
      for (const Index item : items) pairs.emplace_back(user, item);
      return model.predictor.probabilities(pairs);
    });
  json.close('}');
}

struct Users {
  std::vector<std::string> ids;
  std::size_t done = 0;
};

Response recommend_to(Call& call, const std::shared_ptr<const LiveModel>& model, std::vector<std::string> ids,
                      Wish wish) {
  std::string opening;
  JsonText json(opening);
  put_levels(json.open('{'), *model, wish.details);
  json.key("recommendations").open('[');
  return list_in_pieces(opening, [&service = call.service, model, users = Users{std::move(ids)},
                                  wish = std::move(wish)](JsonText& list) mutable {
    const std::size_t end = std::min(users.done + users_a_piece(wish.n), users.ids.size());
    const std::span<const std::string> part(users.ids.data() + users.done, end - users.done);
    std::vector<Index> numbers, known;
    for (const std::string& id : part) {
      numbers.push_back(find_user(service, *model, id));
      if (numbers.back() >= 0) known.push_back(numbers.back());
    }
    const auto best = model->predictor.recommend(known, wish.options());
    std::size_t next = 0;
    for (std::size_t k = 0; k < part.size(); ++k)
      put_of_user(list, *model, part[k], numbers[k],
                  numbers[k] < 0 ? std::vector<Predictor::Recommendation>{} : best[next++], wish);
    users.done = end;
    return end < users.ids.size();
  });
}

}  // namespace

Response recommend(Call& call, Fields& fields) {
  const auto model = call.model();
  Wish wish = take_wish(fields, call.service, *model);
  auto user = fields.id("user");
  auto users = fields.ids("users");
  const bool has_ratings = fields.has("ratings");
  if (users ? user || has_ratings : !user && !has_ratings)
    throw Problem(400, "for whom? Give user, users, ratings of somebody new, or further ratings of user", "user");
  if (has_ratings) {
    const Person person = take_person(fields, call.service, *model, user);
    fields.finish();
    const Index known = user ? model->predictor.user_index(*user) : -1;
    if (known >= 0 && !wish.rated)  // the embedding knows the ratings of training alone
      for (const auto& rating : ratings_in(*model, "tested", known)) wish.without.push_back(rating.other);
    return json_answer([&](JsonText& json) {
      put_levels(json, *model, wish.details);
      json.key("recommendations").open('[').open('{');
      if (user) json.key("user").string(*user);
      if (!person.note.empty()) json.key("note").string(person.note);
      json.key("items");
      put_of_newcomer(json, *model, person.newcomer, wish);
      json.close('}').close(']');
    });
  }
  fields.finish();
  std::vector<std::string> ids = user ? std::vector{std::move(*user)} : std::move(*users);
  call.check_count(ids.size());
  const bool is_short = ids.size() <= users_a_piece(wish.n);
  return whole_if_short(recommend_to(call, model, std::move(ids), std::move(wish)), is_short);
}

Response recommend_to_one(Call& call) {
  Wish wish;
  wish.n = call.integer("n", 10, 1, most_listed);
  wish.rated = call.boolean("include_rated", false);
  wish.least_ratings = call.integer("min_ratings", 0, 0, 1LL << 40);
  return whole_if_short(recommend_to(call, call.model(), {call.path.at("user")}, std::move(wish)), true);
}

Response similar(Call& call, Fields& fields) {
  const auto model = call.model();
  const auto item = fields.id("item"), user = fields.id("user");
  const auto items = fields.ids("items"), users = fields.ids("users");
  const auto n = static_cast<Index>(fields.integer("n", 10, 1, most_listed));
  fields.finish();
  if (item.has_value() + user.has_value() + items.has_value() + users.has_value() != 1)
    throw Problem(400, "similar to what? Give one of item, items, user and users", "item");
  const bool of_items = item || items;
  const gcmc::Side side = of_items ? gcmc::item_side : gcmc::user_side;
  const auto& one = of_items ? item : user;
  const std::vector<std::string> ids = one ? std::vector{*one} : of_items ? *items : *users;
  const std::string field = std::string(of_items ? "item" : "user") + (one ? "" : "s");
  if (ids.size() > static_cast<std::size_t>(most_listed))
    throw Problem(413, "at most " + std::to_string(most_listed) + " ids in a request");
  const auto put_node = [&](JsonText& json, Index node) {
    if (of_items)
      put_item(json, *model, node);
    else
      json.key("user").string(user_id(*model, node));
  };
  return json_answer([&](JsonText& json) {
    json.key("similar").open('[');
    for (std::size_t k = 0; k < ids.size(); ++k) {
      const Index node = known_node(call.service, *model, side, ids[k], field, k);
      put_node(json.open('{'), node);
      json.key("neighbours").open('[');
      for (const auto& neighbour : model->predictor.similar(side, node, n)) {
        put_node(json.open('{'), neighbour.node);
        json.key("similarity").number(neighbour.similarity, 6).close('}');
      }
      json.close(']').close('}');
    }
    json.close(']');
  });
}

Response explain(Call& call, Fields& fields) {
  const auto model = call.model();
  require_encoder(*model);
  const auto user = fields.id("user"), item = fields.id("item");
  const auto n = static_cast<std::size_t>(fields.integer("n", 10, 1, most_listed));
  const bool has_ratings = fields.has("ratings");
  if (!item) throw Problem(400, "item is missing", "item");
  if (!user && !has_ratings) throw Problem(400, "whose rating? Give user, ratings, or both", "user");
  const Person person = has_ratings ? take_person(fields, call.service, *model, user) : Person{};
  fields.finish();
  const Index number = known_item(call.service, *model, *item);
  const Predictor& predictor = model->predictor;
  const Predictor::Explanation explanation = has_ratings
                                                 ? predictor.explain(person.newcomer, number)
                                                 : predictor.explain(known_user(call.service, *model, *user), number);
  const int decimals = gcmc::rating_decimals(model->saved());
  return json_answer([&](JsonText& json) {
    put_item(json, *model, number);
    if (!person.note.empty()) json.key("note").string(person.note);
    json.key("rating").number(explanation.rating, decimals).key("reasons").open('[');
    for (std::size_t k = 0; k < explanation.reasons.size() && k < n; ++k) {
      const Predictor::Reason& reason = explanation.reasons[k];
      put_item(json.open('{'), *model, reason.item);
      json.key("rating").number(model->saved().levels[reason.level]);
      json.key("effect").number(reason.effect, decimals).close('}');
    }
    json.close(']');
  });
}

Response fold_in(Call& call, Fields& fields) {
  const auto model = call.model();
  const bool of_item = fields.has("users");
  const gcmc::Side side = of_item ? gcmc::item_side : gcmc::user_side;
  const char* asked = of_item ? "users" : "items";
  const std::vector<std::string> ids = fields.ids(asked).value_or(std::vector<std::string>{});
  const OwnRatings own = take_ratings(fields, call.service, *model, side);
  const Wish wish = of_item ? Wish{.details = take_details(fields)} : take_wish(fields, call.service, *model);
  fields.finish();
  const gcmc::Newcomer newcomer = model->predictor.fold_in(side, own.ratings);
  std::vector<Index> others;
  call.check_count(ids.size());
  for (std::size_t k = 0; k < ids.size(); ++k)
    others.push_back(known_node(call.service, *model, of_item ? gcmc::user_side : gcmc::item_side, ids[k], asked, k));
  call.service.metrics.pairs += others.size();
  const Predictor::Scores scores = model->predictor.score(newcomer, others);
  const std::size_t levels = model->saved().levels.size();
  return json_answer([&](JsonText& json) {
    put_levels(json, *model, wish.details);
    json.key("used").integer(static_cast<long long>(own.ratings.size()));
    json.key("unknown").integer(static_cast<long long>(own.unknown)).key("shift").number(newcomer.shift, 6);
    json.key("predictions").open('[');
    for (std::size_t k = 0; k < others.size(); ++k) {
      json.open('{');
      if (of_item)
        json.key("user").string(user_id(*model, others[k]));
      else
        put_item(json, *model, others[k]);
      put_rating(json, *model, scores.ratings[k], std::span(scores.probabilities).subspan(k * levels, levels),
                 wish.details);
      json.close('}');
    }
    json.close(']');
    if (of_item) return;
    json.key("recommendations");
    put_of_newcomer(json, *model, newcomer, wish);
  });
}

}  // namespace serve
