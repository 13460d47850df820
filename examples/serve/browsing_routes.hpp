// What a model knows, for those who look around: /v1/models, users, items.
#pragma once

#include "service.hpp"

namespace serve {

Response list_models(Call& call);
Response list_users(Call& call);
Response ratings_of_user(Call& call);
Response list_items(Call& call);
Response show_item(Call& call);

}  // namespace serve
