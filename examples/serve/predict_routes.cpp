// /v1/predict: pairs, as JSON or CSV.
#include <algorithm>
#include <cmath>
#include <utility>

#include "answers.hpp"
#include "asking_routes.hpp"
#include "csv_body.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/model/answer_text.hpp"
#include "problem.hpp"

namespace serve {
namespace {

using gcmc::Index;

constexpr std::size_t pairs_a_piece = 8192;

void take_pair(Fields& fields, AskedPairs& pairs) {
  const auto user = fields.id("user"), item = fields.id("item");
  const char* missing = !user ? "user" : "item";
  if (!user || !item) throw Problem(400, fields.path(missing) + " is missing", fields.path(missing));
  pairs.users.push_back(*user);
  pairs.items.push_back(*item);
}

}  // namespace

AskedPairs take_pairs(Fields& fields) {
  AskedPairs pairs;
  if (const nlohmann::json* list = fields.find("pairs")) {
    if (!list->is_array()) throw Problem(400, "pairs must be a list of objects", "pairs");
    for (std::size_t k = 0; k < list->size(); ++k) {
      Fields pair((*list)[k], "pairs[" + std::to_string(k) + "].");
      take_pair(pair, pairs);
      pair.finish();
    }
    return pairs;
  }
  auto users = fields.ids("users"), items = fields.ids("items");
  if (users || items) {
    if (!users || !items || users->size() != items->size())
      throw Problem(400, "users and items must be lists of the same length", "users");
    return {std::move(*users), std::move(*items)};
  }
  take_pair(fields, pairs);
  return pairs;
}

namespace {

/// Pairs, a piece at a time, numbered and rated.
class PairScorer {
 public:
  PairScorer(Call& call, AskedPairs pairs) : service_(call.service), model_(call.model()), pairs_(std::move(pairs)) {
    call.check_count(pairs_.size());
    service_.metrics.pairs += pairs_.size();
  }

  std::size_t size() const { return pairs_.size(); }
  const LiveModel& model() const { return *model_; }
  const AskedPairs& asked() const { return pairs_; }

  /// Calls put(k, user, item, rating, probabilities) of the next pairs. Is there more?
  template <class Put>
  bool next(bool with_probabilities, const Put& put) {
    const std::size_t begin = done_, end = std::min(begin + pairs_a_piece, size());
    std::vector<gcmc::Predictor::Pair> numbers;
    for (std::size_t k = begin; k < end; ++k)
      numbers.emplace_back(find_user(service_, *model_, pairs_.users[k]),
                           find_item(service_, *model_, pairs_.items[k]));
    const std::size_t levels = with_probabilities ? model_->saved().levels.size() : 0;
    std::vector<double> ratings(numbers.size()), probabilities(numbers.size() * levels);
    model_->predictor.score(numbers, ratings, probabilities);
    for (std::size_t k = 0; k < numbers.size(); ++k)
      put(begin + k, numbers[k].first, numbers[k].second, ratings[k],
          std::span<const double>(probabilities).subspan(k * levels, levels));
    done_ = end;
    return end < size();
  }

 private:
  Service& service_;
  std::shared_ptr<const LiveModel> model_;
  AskedPairs pairs_;
  std::size_t done_ = 0;
};

bool put_predictions(JsonText& json, PairScorer& scorer, Details details) {
  const LiveModel& model = scorer.model();
  return scorer.next(details.any(), [&](std::size_t k, Index user, Index item, double rating, auto probabilities) {
    json.open('{').key("user").string(scorer.asked().users[k]).key("item").string(scorer.asked().items[k]);
    const std::string note = scorer.asked().is_pair(k) ? gcmc::note(model.predictor, user, item) : "no user and item";
    if (scorer.asked().is_pair(k))
      put_rating(json, model, rating, probabilities, details);
    else
      json.key("rating").number(std::nan(""));
    if (!note.empty()) json.key("note").string(note);
    json.close('}');
  });
}

/// A line a pair, as gcmc predict writes.
Response predict_csv(Call& call) {
  AskedPairs pairs;
  const std::string& body = call.request.body;
  if (const auto lines = static_cast<std::size_t>(std::count(body.begin(), body.end(), '\n')); lines > 0)
    call.check_count(lines - 1);  // perhaps a header's; before they take memory
  for (gcmc::IdPair& pair : pairs_of_csv(body)) {
    pairs.users.push_back(std::move(pair.user));
    pairs.items.push_back(std::move(pair.item));
  }
  const auto scorer = std::make_shared<PairScorer>(call, std::move(pairs));
  Response response{200, "text/csv"};
  response.more = [scorer, begun = false](std::string& piece) mutable {
    const LiveModel& model = scorer->model();
    const int decimals = gcmc::rating_decimals(model.saved());
    if (!std::exchange(begun, true)) piece += "user,item,rating,note\n";
    return scorer->next(false, [&](std::size_t k, Index user, Index item, double rating, auto) {
      gcmc::append_csv_field(piece, scorer->asked().users[k]);
      gcmc::append_csv_field(piece += ',', scorer->asked().items[k]);
      gcmc::append_fixed(piece += ',', rating, decimals);
      piece += ',';
      piece += gcmc::note(model.predictor, user, item);
      piece += '\n';
    });
  };
  return response;
}

}  // namespace

Response predictions(Call& call, AskedPairs pairs, Details details) {
  const auto scorer = std::make_shared<PairScorer>(call, std::move(pairs));
  std::string opening;
  JsonText json(opening);
  put_levels(json.open('{'), scorer->model(), details);
  json.key("predictions").open('[');
  Response response =
      list_in_pieces(opening, [scorer, details](JsonText& list) { return put_predictions(list, *scorer, details); });
  return whole_if_short(std::move(response), scorer->size() <= pairs_a_piece);
}

Response rating_lines(Call& call, AskedPairs pairs) {
  const auto scorer = std::make_shared<PairScorer>(call, std::move(pairs));
  Response response{200, "text/csv"};
  response.more = [scorer](std::string& piece) {
    const int decimals = gcmc::rating_decimals(scorer->model().saved());
    return scorer->next(false, [&](std::size_t k, Index, Index, double rating, auto) {
      if (k > 0) piece += '\n';
      if (scorer->asked().is_pair(k))
        gcmc::append_fixed(piece, rating, decimals);
      else
        piece += "nan";
    });
  };
  return whole_if_short(std::move(response), scorer->size() <= pairs_a_piece);
}

Response predict_pairs(Call& call, Fields& fields) {
  AskedPairs pairs = take_pairs(fields);
  const Details details = take_details(fields);
  fields.finish();
  return predictions(call, std::move(pairs), details);
}

Response predict(Call& call) {
  return media_type(call.request) == "text/csv" ? predict_csv(call) : by_fields<predict_pairs>(call);
}

}  // namespace serve
