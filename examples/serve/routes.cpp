// The table of routes.
#include <algorithm>
#include <array>
#include <string_view>

#include "asking_routes.hpp"
#include "browsing_routes.hpp"
#include "probe_routes.hpp"
#include "protocol_routes.hpp"
#include "sagemaker_routes.hpp"
#include "service.hpp"

namespace serve {
namespace {

constexpr bool open = true, guarded = false;
constexpr Place at_once = Place::connections, by_worker = Place::workers, aside = Place::aside;

// clang-format off
constexpr std::array table = {
    Route{"POST", "/v1/predict", "Rate pairs of users and items", "model", "Pairs", "Predictions", by_worker, guarded, predict},
    Route{"POST", "/v1/recommend", "The items that users, or somebody new, would rate best", "model", "Wish", "Recommendations", by_worker, guarded, by_fields<recommend>},
    Route{"GET", "/v1/recommend/{user}", "The items that a user would rate best", "model n include_rated min_ratings", nullptr, "Recommendations", by_worker, guarded, recommend_to_one},
    Route{"POST", "/v1/similar", "The items, or users, that are most like some", "model", "Likened", "Similar", by_worker, guarded, by_fields<similar>},
    Route{"POST", "/v1/explain", "Which of a user's ratings a predicted rating comes from", "model", "Explained", "Explanation", by_worker, guarded, by_fields<explain>},
    Route{"POST", "/v1/fold-in", "What somebody new would rate how, by their ratings alone; nothing is stored", "model", "Newcomer", "FoldedIn", by_worker, guarded, by_fields<fold_in>},
    Route{"POST", "/predict", "As /v1/predict", "model", "Pairs", "Predictions", by_worker, guarded, predict},
    Route{"POST", "/recommend", "As /v1/recommend", "model", "Wish", "Recommendations", by_worker, guarded, by_fields<recommend>},
    Route{"GET", "/recommend/{user}", "As /v1/recommend/{user}", "model n include_rated min_ratings", nullptr, "Recommendations", by_worker, guarded, recommend_to_one},
    Route{"POST", "/similar", "As /v1/similar", "model", "Likened", "Similar", by_worker, guarded, by_fields<similar>},
    Route{"POST", "/explain", "As /v1/explain", "model", "Explained", "Explanation", by_worker, guarded, by_fields<explain>},
    Route{"POST", "/fold-in", "As /v1/fold-in", "model", "Newcomer", "FoldedIn", by_worker, guarded, by_fields<fold_in>},
    Route{"GET", "/v1/models", "The models and their state", "", nullptr, "Models", at_once, guarded, list_models},
    Route{"GET", "/v1/users", "Users whose ids begin so", "model prefix n", nullptr, "Users", by_worker, guarded, list_users},
    Route{"GET", "/v1/users/{user}/ratings", "What a user rated, the highest first", "model", nullptr, "UserRatings", by_worker, guarded, ratings_of_user},
    Route{"GET", "/v1/items", "Items whose titles hold these words, the most rated first", "model search n", nullptr, "Items", by_worker, guarded, list_items},
    Route{"GET", "/v1/items/{item}", "An item", "model", nullptr, "Item", by_worker, guarded, show_item},
    Route{"GET", "/v2", "What this server is (Open Inference Protocol)", "", nullptr, "ServerMetadata", at_once, guarded, server_metadata},
    Route{"GET", "/v2/health/live", "Is the server alive?", "", nullptr, "text/plain", at_once, open, alive},
    Route{"GET", "/v2/health/ready", "Are all models loaded?", "", nullptr, "text/plain", at_once, open, ready},
    Route{"GET", "/v2/models/{model}", "A model's tensors", "", nullptr, "ModelMetadata", at_once, guarded, model_metadata},
    Route{"GET", "/v2/models/{model}/ready", "Is it loaded?", "", nullptr, "ModelReady", at_once, open, model_ready},
    Route{"POST", "/v2/models/{model}/infer", "Rate pairs: two tensors of ids in, ratings and probabilities out", "", "Inference", "Inferred", by_worker, guarded, infer},
    Route{"POST", "/v2/repository/index", "The models and their state", "", nullptr, "Repository", at_once, guarded, list_repository},
    Route{"POST", "/v2/repository/models/{model}/load", "Read a model's folder anew; the old one answers meanwhile", "", nullptr, "Nothing", aside, guarded, load_model},
    Route{"POST", "/v2/repository/models/{model}/unload", "Forget a model", "", nullptr, "Nothing", by_worker, guarded, unload_model},
    Route{"GET", "/livez", "Is the server alive?", "", nullptr, "text/plain", at_once, open, alive},
    Route{"GET", "/readyz", "Are all models loaded, and is the server not about to stop?", "", nullptr, "text/plain", at_once, open, ready},
    Route{"GET", "/metrics", "What was counted, for Prometheus", "", nullptr, "text/plain", at_once, open, metrics},
    Route{"GET", "/openapi.json", "This document", "", nullptr, "Document", at_once, open, openapi},
    Route{"GET", "/", "A page to try the models", "", nullptr, "text/html", at_once, open, page},
    Route{"GET", "/page/style.css", "Its style", "", nullptr, "text/css", at_once, open, page_style},
    Route{"GET", "/page/script.js", "Its script", "", nullptr, "text/javascript", at_once, open, page_script},
    // Of Amazon SageMaker, behind all others:
    Route{"GET", "/ping", "Are all models loaded?", "", nullptr, "text/plain", at_once, open, ping},
    Route{"POST", "/invocations", "Ratings of a user and an item a line, or what action says", "", "Invocation", "Invoked", by_worker, guarded, invocations},
    Route{"GET", "/execution-parameters", "How a batch transform should ask", "", nullptr, "ExecutionParameters", at_once, open, execution_parameters},
    Route{"GET", "/models", "The models of a multi-model endpoint", "", nullptr, "HostedModels", at_once, guarded, list_hosted},
    Route{"POST", "/models", "Load a model", "", "NewModel", "Nothing", aside, guarded, add_hosted},
    Route{"GET", "/models/{model}", "Is it loaded?", "", nullptr, "HostedModel", at_once, guarded, show_hosted},
    Route{"DELETE", "/models/{model}", "Forget it", "", nullptr, "Nothing", by_worker, guarded, remove_hosted},
    Route{"POST", "/models/{model}/invoke", "As /invocations", "", "Invocation", "Invoked", by_worker, guarded, invocations},
};
// clang-format on

}  // namespace

std::span<const Route> routes(bool of_sagemaker) {
  constexpr auto is_ping = [](const Route& route) { return std::string_view(route.path) == "/ping"; };
  constexpr auto own = std::find_if(table.begin(), table.end(), is_ping) - table.begin();
  return std::span(table).first(of_sagemaker ? table.size() : own);
}

}  // namespace serve
