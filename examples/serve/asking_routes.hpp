// What is asked of a model: /v1/predict, recommend, similar, explain, fold-in. openapi.cpp says what goes in and out.
#pragma once

#include "fields.hpp"
#include "service.hpp"

namespace serve {

Response predict(Call& call);  ///< JSON or CSV
Response recommend_to_one(Call& call);

/// By the fields of a JSON body.
Response predict_pairs(Call& call, Fields& fields);
Response recommend(Call& call, Fields& fields);
Response similar(Call& call, Fields& fields);
Response explain(Call& call, Fields& fields);
Response fold_in(Call& call, Fields& fields);

/// The function of a route whose body is JSON.
template <Response answer(Call&, Fields&)>
Response by_fields(Call& call) {
  const nlohmann::json body = parse_json(json_body(call.request));
  Fields fields(body);
  return answer(call, fields);
}

/// Pairs of ids, of which some may stand for lines that hold none.
struct AskedPairs {
  std::vector<std::string> users, items;
  std::vector<bool> holds_none = {};  ///< empty: all are pairs
  std::size_t size() const { return users.size(); }
  bool is_pair(std::size_t k) const { return holds_none.empty() || !holds_none[k]; }
};

/// "pairs": [{user, item}, ...], or "users" and "items" of the same length, or one "user" and "item". Throws Problem.
AskedPairs take_pairs(Fields& fields);

struct Details;
/// JSON {"predictions": [{user, item, rating, ...}, ...]}, as /v1/predict answers; the rating of what is none is null.
Response predictions(Call& call, AskedPairs pairs, Details details);
/// CSV of ratings alone, a line a pair, nan for one that stands for none; no line break at the end.
Response rating_lines(Call& call, AskedPairs pairs);

}  // namespace serve
