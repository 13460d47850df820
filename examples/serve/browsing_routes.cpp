#include "browsing_routes.hpp"

#include <algorithm>
#include <ctime>
#include <sstream>

#include "answers.hpp"
#include "problem.hpp"

namespace serve {
namespace {

using gcmc::Index;

std::string utc(std::chrono::system_clock::time_point time) {
  const std::time_t since = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&since, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

void put_model(JsonText& json, const ModelStatus& status) {
  json.open('{').key("name").string(status.name).key("state").string(state_name(status.state));
  if (!status.detail.empty()) json.key("detail").string(status.detail);
  if (status.model) {
    const LiveModel& model = *status.model;
    const gcmc::SavedModel& saved = model.saved();
    json.key("version").integer(model.version).key("dataset").string(saved.dataset);
    json.key("users").integer(static_cast<long long>(saved.user_ids.size()));
    json.key("items").integer(static_cast<long long>(saved.item_ids.size())).key("levels").open('[');
    for (const double level : saved.levels) json.number(level);
    json.close(']').key("mean").number(saved.mean, 6).key("titles").boolean(!saved.item_titles.empty());
    json.key("folds_in").boolean(model.folds_in).key("bytes").integer(static_cast<long long>(model.bytes));
    json.key("loaded").string(utc(model.loaded)).key("sha256").string(model.sha256).key("metrics").open('{');
    for (const auto& [name, value] : model.metrics) json.key(name).number(value);
    json.close('}');
  }
  json.close('}');
}

void put_item_found(JsonText& json, const LiveModel& model, Index item) {
  put_item(json.open('{'), model, item);
  json.key("ratings").integer(model.ratings[gcmc::item_side][static_cast<std::size_t>(item)]).close('}');
}

}  // namespace

Response list_models(Call& call) {
  return json_answer([&](JsonText& json) {
    json.key("models").open('[');
    for (const ModelStatus& status : call.service.models.statuses()) put_model(json, status);
    json.close(']');
  });
}

Response list_users(Call& call) {
  const auto model = call.model();
  const auto& ids = model->saved().user_ids;
  const std::string prefix = call.text("prefix");
  const auto n = call.integer("n", 20, 1, 1000);
  const auto starts = [&](Index user) {
    return std::string_view(ids[static_cast<std::size_t>(user)]).substr(0, prefix.size());
  };
  const auto begin = std::partition_point(model->users_by_id.begin(), model->users_by_id.end(),
                                          [&](Index user) { return starts(user) < prefix; });
  const auto end =
      std::partition_point(begin, model->users_by_id.end(), [&](Index user) { return starts(user) == prefix; });
  return json_answer([&](JsonText& json) {
    json.key("total").integer(end - begin).key("users").open('[');
    for (auto user = begin; user != end && user - begin < n; ++user) {
      json.open('{').key("user").string(user_id(*model, *user));
      json.key("ratings").integer(model->ratings[gcmc::user_side][static_cast<std::size_t>(*user)]).close('}');
    }
    json.close(']');
  });
}

Response ratings_of_user(Call& call) {
  const auto model = call.model();
  const Index user = known_user(call.service, *model, call.path.at("user"));
  std::vector<gcmc::NodeRating> ratings = ratings_in(*model, "rated", user);
  const auto tested = ratings_in(*model, "tested", user);
  ratings.insert(ratings.end(), tested.begin(), tested.end());
  std::sort(ratings.begin(), ratings.end(),
            [](const auto& a, const auto& b) { return a.level != b.level ? a.level > b.level : a.other < b.other; });
  return json_answer([&](JsonText& json) {
    json.key("user").string(user_id(*model, user)).key("total").integer(static_cast<long long>(ratings.size()));
    json.key("ratings").open('[');
    for (const auto& [item, level] : ratings) {
      put_item(json.open('{'), *model, item);
      json.key("rating").number(model->saved().levels[level]).close('}');
    }
    json.close(']');
  });
}

Response list_items(Call& call) {
  const auto model = call.model();
  const std::string search = in_lower_case(call.text("search"));
  const auto n = call.integer("n", 20, 1, 1000);
  std::vector<std::string> words;
  std::istringstream text(search);
  for (std::string word; text >> word;) words.push_back(word);
  const auto fits = [&](Index item) {
    if (in_lower_case(item_id(*model, item)).starts_with(search)) return true;
    const std::string& title = model->searched[static_cast<std::size_t>(item)];
    return std::all_of(words.begin(), words.end(),
                       [&](const std::string& w) { return title.find(w) != std::string::npos; });
  };
  std::vector<Index> found;
  long long total = 0;
  for (const Index item : model->items_by_ratings)
    if (fits(item) && ++total <= n) found.push_back(item);
  return json_answer([&](JsonText& json) {
    json.key("total").integer(total).key("items").open('[');
    for (const Index item : found) put_item_found(json, *model, item);
    json.close(']');
  });
}

Response show_item(Call& call) {
  const auto model = call.model();
  Response response;
  JsonText json(response.body);
  put_item_found(json, *model, known_item(call.service, *model, call.path.at("item")));
  response.body += '\n';
  return response;
}

}  // namespace serve
