#include "answers.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "gcmc/base/text.hpp"
#include "gcmc/model/answer_text.hpp"
#include "problem.hpp"

namespace serve {

using gcmc::Index;

Details take_details(Fields& fields) {
  return {.probabilities = fields.boolean("probabilities", false), .interval = fields.boolean("interval", false)};
}

void put_levels(JsonText& json, const LiveModel& model, Details details) {
  if (!details.probabilities) return;
  json.key("levels").open('[');
  for (const double level : model.saved().levels) json.number(level);
  json.close(']');
}

void put_rating(JsonText& json, const LiveModel& model, double rating, std::span<const double> probabilities,
                Details details) {
  const int decimals = gcmc::rating_decimals(model.saved());
  json.key("rating").number(rating, decimals);
  if (std::all_of(probabilities.begin(), probabilities.end(), [](double p) { return p == 0; })) return;
  if (details.interval) {
    const gcmc::Interval interval = gcmc::central_interval(probabilities, model.saved().levels);
    json.key("low").number(interval.low).key("high").number(interval.high);
  }
  if (!details.probabilities) return;
  json.key("probabilities").open('[');
  for (const double probability : probabilities) json.number(probability, 6);
  json.close(']');
}

void put_item(JsonText& json, const LiveModel& model, Index item) {
  json.key("item").string(item_id(model, item));
  if (!model.saved().item_titles.empty()) json.key("title").string(gcmc::title_of(model.saved(), item));
}

Index find_user(Service& service, const LiveModel& model, std::string_view id) {
  const Index user = model.predictor.user_index(id);
  if (user < 0) ++service.metrics.unknown_users;
  return user;
}
Index find_item(Service& service, const LiveModel& model, std::string_view id) {
  const Index item = model.predictor.item_index(id);
  if (item < 0) ++service.metrics.unknown_items;
  return item;
}

Index known_user(Service& service, const LiveModel& model, std::string_view id) {
  const Index user = find_user(service, model, id);
  if (user < 0) throw Problem(404, "the model has no user '" + gcmc::printable(id, 40) + "'", "user");
  return user;
}
Index known_item(Service& service, const LiveModel& model, std::string_view id) {
  const Index item = find_item(service, model, id);
  if (item < 0) throw Problem(404, "the model has no item '" + gcmc::printable(id, 40) + "'", "item");
  return item;
}

Index known_node(Service& service, const LiveModel& model, gcmc::Side side, std::string_view id,
                 const std::string& field, std::size_t k) try {
  return side == gcmc::user_side ? known_user(service, model, id) : known_item(service, model, id);
} catch (const Problem& error) {
  throw Problem(error.status(), error.what(), field.ends_with('s') ? field + '[' + std::to_string(k) + ']' : field);
}

void require_encoder(const LiveModel& model) {
  if (!model.folds_in)
    throw Problem(409, "model \"" + model.name + "\" was exported without its encoder: it can neither embed from " +
                           "ratings nor explain");
}

OwnRatings take_ratings(Fields& fields, Service& service, const LiveModel& model, gcmc::Side side) {
  require_encoder(model);
  const std::vector<double>& levels = model.saved().levels;
  const nlohmann::json* list = fields.find("ratings");
  if (!list || !list->is_array()) throw Problem(400, "ratings must be a list of objects", fields.path("ratings"));
  OwnRatings own;
  std::map<Index, gcmc::Level> last;
  for (std::size_t k = 0; k < list->size(); ++k) {
    Fields rating((*list)[k], fields.path("ratings[") + std::to_string(k) + "].");
    const char* other = side == gcmc::user_side ? "item" : "user";
    const auto id = rating.id(other);
    if (!id) throw Problem(400, rating.path(other) + " is missing", rating.path(other));
    const double value = rating.number("rating");
    rating.finish();
    if (value < levels.front() || value > levels.back())
      throw Problem(400,
                    rating.path("rating") + " must be from " + gcmc::level_name(levels.front()) + " to " +
                        gcmc::level_name(levels.back()),
                    rating.path("rating"));
    const Index node = side == gcmc::user_side ? find_item(service, model, *id) : find_user(service, model, *id);
    if (node < 0)
      ++own.unknown;
    else
      last[node] = gcmc::nearest_level(levels, value);
  }
  for (const auto& [node, level] : last) own.ratings.push_back({node, level});
  return own;
}

Person take_person(Fields& fields, Service& service, const LiveModel& model, const std::optional<std::string>& user) {
  OwnRatings own = take_ratings(fields, service, model, gcmc::user_side);
  std::string note;
  if (own.unknown > 0)
    note = std::to_string(own.unknown) +
           (own.unknown > 1 ? " ratings of unknown items are" : " rating of an unknown item is") + " left out";
  const Index known = user ? find_user(service, model, *user) : -1;
  if (user && known < 0) note = "unknown user" + (note.empty() ? "" : ", " + note);
  if (known < 0) return {model.predictor.fold_in(gcmc::user_side, std::move(own.ratings)), std::move(note)};
  return {model.predictor.with_ratings(known, std::move(own.ratings)), std::move(note)};
}

std::vector<gcmc::NodeRating> ratings_in(const LiveModel& model, const std::string& part, Index user) {
  const gcmc::SavedModel& saved = model.saved();
  std::vector<gcmc::NodeRating> ratings;
  if (!saved.tensors.contains(part + ".levels")) return ratings;
  const auto& offsets = saved.values<gcmc::Offset>(part + ".offsets");
  const auto& items = saved.values<Index>(part + ".items");
  const auto& levels = saved.values<gcmc::Level>(part + ".levels");
  const auto begin = static_cast<std::size_t>(offsets[static_cast<std::size_t>(user)]),
             end = static_cast<std::size_t>(offsets[static_cast<std::size_t>(user) + 1]);
  for (std::size_t k = begin; k < end; ++k) ratings.push_back({items[k], levels[k]});
  return ratings;
}

Response list_in_pieces(std::string opening, std::function<bool(JsonText&)> put_piece) {
  Response response;
  response.more = [opening = std::move(opening), put_piece = std::move(put_piece),
                   listed = false](std::string& piece) mutable {
    std::string part;
    JsonText json(part);
    const bool goes_on = put_piece(json);
    piece += std::exchange(opening, {});
    if (!part.empty() && std::exchange(listed, true)) piece += ',';
    piece += part;
    if (!goes_on) piece += "]}\n";
    return goes_on;
  };
  return response;
}

Response whole_if_short(Response response, bool is_short) {
  if (!is_short) return response;
  while (response.more(response.body)) {
  }
  response.more = nullptr;
  return response;
}

}  // namespace serve
