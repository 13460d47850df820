// What is asked of a model: /v1/predict, recommend, similar, explain, fold-in. openapi.cpp says what goes in and out.
#pragma once

#include "service.hpp"

namespace serve {

Response predict(Call& call);
Response recommend(Call& call);
Response recommend_to_one(Call& call);
Response similar(Call& call);
Response explain(Call& call);
Response fold_in(Call& call);

}  // namespace serve
