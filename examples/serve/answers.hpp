// Parts that several routes take from a request, or put into an answer.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "fields.hpp"
#include "json_text.hpp"
#include "service.hpp"

namespace serve {

/// What is told of a rating beside its expected value.
struct Details {
  bool probabilities = false, interval = false;
  bool any() const { return probabilities || interval; }
};
Details take_details(Fields& fields);

/// "levels": [...], where probabilities are told.
void put_levels(JsonText& json, const LiveModel& model, Details details);
/// "rating": 4.3, "low": 4, "high": 5, "probabilities": [...]; the rating alone where it is the baseline's, which has
/// no probabilities.
void put_rating(JsonText& json, const LiveModel& model, double rating, std::span<const double> probabilities,
                Details details);
/// "item": "50", "title": "Star Wars"
void put_item(JsonText& json, const LiveModel& model, gcmc::Index item);

gcmc::Index find_user(Service& service, const LiveModel& model, std::string_view id);  ///< -1 and counted: unknown
gcmc::Index find_item(Service& service, const LiveModel& model, std::string_view id);
/// The same. Throws Problem 404 for an unknown id.
gcmc::Index known_user(Service& service, const LiveModel& model, std::string_view id);
gcmc::Index known_item(Service& service, const LiveModel& model, std::string_view id);
/// The k-th of a list of users or items, or the one of a field. The Problem names it: items[3].
gcmc::Index known_node(Service& service, const LiveModel& model, gcmc::Side side, std::string_view id,
                       const std::string& field, std::size_t k);

/// "ratings": [{"item": "50", "rating": 5}, ...] of somebody new (of somethings new: "user" for "item"). A later rating
/// of the same replaces an earlier one.
struct OwnRatings {
  std::vector<gcmc::NodeRating> ratings;  ///< ascending, to the nearest level
  std::size_t unknown = 0;                ///< that are of nobody whom the model has
};
/// Throws Problem: 400 for ratings that are none or beyond the levels, 409 for a model without its encoder.
OwnRatings take_ratings(Fields& fields, Service& service, const LiveModel& model, gcmc::Side side);

/// A user of the model with the further ratings of the request, or somebody new with them alone.
struct Person {
  gcmc::Newcomer newcomer;
  std::string note;  ///< that the user is unknown, that ratings were left out; else empty
};
Person take_person(Fields& fields, Service& service, const LiveModel& model, const std::optional<std::string>& user);

/// The ratings of a user in one part of the set: "rated", "tested".
std::vector<gcmc::NodeRating> ratings_in(const LiveModel& model, const std::string& part, gcmc::Index user);

/// Throws Problem 409 unless the model can embed newcomers.
void require_encoder(const LiveModel& model);

/// A JSON answer that is written at once, `put` getting the JsonText of its object.
template <class Put>
Response json_answer(const Put& put) {
  Response response;
  JsonText json(response.body);
  json.open('{');
  put(json);
  json.close('}');
  response.body += '\n';
  return response;
}

/// A JSON answer in pieces: `put_piece(json)` continues the list and tells whether there is more.
Response list_in_pieces(std::string opening, std::function<bool(JsonText&)> put_piece);

/// One piece is an answer with a known length.
Response whole_if_short(Response response, bool is_short);

inline const std::string& user_id(const LiveModel& model, gcmc::Index user) {
  return model.saved().user_ids[static_cast<std::size_t>(user)];
}
inline const std::string& item_id(const LiveModel& model, gcmc::Index item) {
  return model.saved().item_ids[static_cast<std::size_t>(item)];
}

}  // namespace serve
