// The OpenAPI document: paths from the table of routes, and what goes in and out by name.
#include <nlohmann/json.hpp>

#include "gcmc/base/version.hpp"
#include "service.hpp"

namespace serve {
namespace {

using nlohmann::ordered_json;

constexpr const char* parameter_texts = R"({
"model": {"description": "Which model; default: the first", "schema": {"type": "string"}},
"n": {"description": "So many at most", "schema": {"type": "integer", "minimum": 1, "maximum": 1000}},
"include_rated": {"description": "List what the user has rated, too", "schema": {"type": "boolean"}},
"min_ratings": {"description": "Ratings that an item had in training, at least", "schema": {"type": "integer", "minimum": 0, "maximum": 1099511627776}},
"prefix": {"description": "How ids begin", "schema": {"type": "string"}},
"search": {"description": "Words of a title, or how an id begins", "schema": {"type": "string"}}})";

constexpr const char* schema_texts = R"({
"Id": {"oneOf": [{"type": "string"}, {"type": "integer"}], "description": "As in the data; a whole number is taken as its text"},
"Ids": {"type": "array", "items": {"$ref": "#/components/schemas/Id"}},
"FewIds": {"type": "array", "items": {"$ref": "#/components/schemas/Id"}, "maxItems": 1000},
"Pair": {"type": "object", "required": ["user", "item"], "additionalProperties": false,
  "properties": {"user": {"$ref": "#/components/schemas/Id"}, "item": {"$ref": "#/components/schemas/Id"}}},
"ItemRating": {"type": "object", "required": ["item", "rating"], "additionalProperties": false,
  "properties": {"item": {"$ref": "#/components/schemas/Id"}, "rating": {"type": "number", "description": "From the model's lowest level to its highest"}}},
"UserRating": {"type": "object", "required": ["user", "rating"], "additionalProperties": false,
  "properties": {"user": {"$ref": "#/components/schemas/Id"}, "rating": {"type": "number"}}},
"OwnRatings": {"type": "array", "items": {"$ref": "#/components/schemas/ItemRating"}},
"PairList": {"type": "object", "required": ["pairs"], "additionalProperties": false,
  "properties": {"pairs": {"type": "array", "items": {"$ref": "#/components/schemas/Pair"}},
    "probabilities": {"type": "boolean"}, "interval": {"type": "boolean"}}},
"PairColumns": {"type": "object", "required": ["users", "items"], "additionalProperties": false, "description": "Lists of the same length",
  "properties": {"users": {"$ref": "#/components/schemas/Ids"}, "items": {"$ref": "#/components/schemas/Ids"},
    "probabilities": {"type": "boolean"}, "interval": {"type": "boolean"}}},
"OnePair": {"type": "object", "required": ["user", "item"], "additionalProperties": false,
  "properties": {"user": {"$ref": "#/components/schemas/Id"}, "item": {"$ref": "#/components/schemas/Id"},
    "probabilities": {"type": "boolean"}, "interval": {"type": "boolean"}}},
"Pairs": {"oneOf": [{"$ref": "#/components/schemas/PairList"}, {"$ref": "#/components/schemas/PairColumns"}, {"$ref": "#/components/schemas/OnePair"}],
  "description": "As text/csv: user,item a line",
  "example": {"user": "1", "item": "50", "interval": true}},
"Wish": {"type": "object", "additionalProperties": false, "description": "user; users; ratings of somebody new; or user with further ratings",
  "properties": {"user": {"$ref": "#/components/schemas/Id"}, "users": {"$ref": "#/components/schemas/Ids"},
    "ratings": {"$ref": "#/components/schemas/OwnRatings"},
    "n": {"type": "integer", "minimum": 1, "maximum": 1000}, "include_rated": {"type": "boolean"},
    "min_ratings": {"type": "integer", "minimum": 0, "maximum": 1099511627776}, "only": {"$ref": "#/components/schemas/Ids"},
    "without": {"$ref": "#/components/schemas/Ids"}, "probabilities": {"type": "boolean"}, "interval": {"type": "boolean"}},
  "oneOf": [{"required": ["users"]}, {"anyOf": [{"required": ["user"]}, {"required": ["ratings"]}]}],
  "example": {"user": "1", "n": 5}},
"Likened": {"type": "object", "additionalProperties": false, "description": "One of item, items, user and users",
  "properties": {"item": {"$ref": "#/components/schemas/Id"}, "user": {"$ref": "#/components/schemas/Id"},
    "items": {"$ref": "#/components/schemas/FewIds"}, "users": {"$ref": "#/components/schemas/FewIds"},
    "n": {"type": "integer", "minimum": 1, "maximum": 1000}},
  "oneOf": [{"required": ["item"]}, {"required": ["items"]}, {"required": ["user"]}, {"required": ["users"]}],
  "example": {"item": "50"}},
"Explained": {"type": "object", "additionalProperties": false, "required": ["item"], "description": "item, and user, ratings of somebody new, or user with further ratings",
  "properties": {"user": {"$ref": "#/components/schemas/Id"}, "item": {"$ref": "#/components/schemas/Id"},
    "ratings": {"$ref": "#/components/schemas/OwnRatings"}, "n": {"type": "integer", "minimum": 1, "maximum": 1000}},
  "anyOf": [{"required": ["user"]}, {"required": ["ratings"]}],
  "example": {"user": "1", "item": "50"}},
"NewUser": {"type": "object", "additionalProperties": false, "required": ["ratings"],
  "properties": {"ratings": {"$ref": "#/components/schemas/OwnRatings"}, "items": {"$ref": "#/components/schemas/Ids"},
    "n": {"type": "integer", "minimum": 1, "maximum": 1000}, "include_rated": {"type": "boolean"},
    "min_ratings": {"type": "integer", "minimum": 0, "maximum": 1099511627776}, "only": {"$ref": "#/components/schemas/Ids"},
    "without": {"$ref": "#/components/schemas/Ids"}, "probabilities": {"type": "boolean"}, "interval": {"type": "boolean"}}},
"NewItem": {"type": "object", "additionalProperties": false, "required": ["ratings", "users"],
  "properties": {"ratings": {"type": "array", "items": {"$ref": "#/components/schemas/UserRating"}},
    "users": {"$ref": "#/components/schemas/Ids"}, "probabilities": {"type": "boolean"}, "interval": {"type": "boolean"}}},
"Newcomer": {"anyOf": [{"$ref": "#/components/schemas/NewUser"}, {"$ref": "#/components/schemas/NewItem"}],
  "description": "A new user by ratings of items; or a new item by ratings of users, with the users whose ratings are wanted",
  "example": {"ratings": [{"item": "50", "rating": 5}], "n": 5}},
"Level": {"type": "array", "items": {"type": "number"}},
"Prediction": {"type": "object", "required": ["rating"],
  "properties": {"user": {"type": "string"}, "item": {"type": "string"}, "title": {"type": "string"}, "rating": {"type": "number"},
    "low": {"type": "number"}, "high": {"type": "number"}, "probabilities": {"type": "array", "items": {"type": "number"}},
    "note": {"type": "string"}}},
"PredictionList": {"type": "array", "items": {"$ref": "#/components/schemas/Prediction"}},
"Predictions": {"type": "object", "required": ["predictions"],
  "properties": {"levels": {"$ref": "#/components/schemas/Level"}, "predictions": {"$ref": "#/components/schemas/PredictionList"}}},
"Recommendations": {"type": "object", "required": ["recommendations"],
  "properties": {"levels": {"$ref": "#/components/schemas/Level"}, "recommendations": {"type": "array", "items":
    {"type": "object", "required": ["items"], "properties": {"user": {"type": "string"}, "note": {"type": "string"},
      "items": {"$ref": "#/components/schemas/PredictionList"}}}}}},
"Neighbour": {"type": "object", "required": ["similarity"], "properties": {"item": {"type": "string"}, "title": {"type": "string"},
  "user": {"type": "string"}, "similarity": {"type": "number", "minimum": -1.000001, "maximum": 1.000001}}},
"Similar": {"type": "object", "required": ["similar"], "properties": {"similar": {"type": "array", "items": {"type": "object",
  "required": ["neighbours"], "properties": {"item": {"type": "string"}, "title": {"type": "string"}, "user": {"type": "string"},
    "neighbours": {"type": "array", "items": {"$ref": "#/components/schemas/Neighbour"}}}}}}},
"Explanation": {"type": "object", "required": ["item", "rating", "reasons"], "properties": {"item": {"type": "string"},
  "title": {"type": "string"}, "note": {"type": "string"}, "rating": {"type": "number"}, "reasons": {"type": "array", "items": {"type": "object",
    "required": ["item", "rating", "effect"], "properties": {"item": {"type": "string"}, "title": {"type": "string"},
      "rating": {"type": "number"}, "effect": {"type": "number", "description": "The prediction, less what it would be without"}}}}}},
"FoldedIn": {"type": "object", "required": ["used", "unknown", "predictions"], "properties": {
  "levels": {"$ref": "#/components/schemas/Level"}, "used": {"type": "integer"},
  "unknown": {"type": "integer", "description": "Ratings of what the model does not have"}, "shift": {"type": "number"},
  "predictions": {"$ref": "#/components/schemas/PredictionList"}, "recommendations": {"$ref": "#/components/schemas/PredictionList"}}},
"Models": {"type": "object", "required": ["models"], "properties": {"models": {"type": "array", "items": {"type": "object",
  "required": ["name", "state"], "properties": {"name": {"type": "string"},
    "state": {"type": "string", "enum": ["loading", "ready", "failed", "unloaded"]}, "detail": {"type": "string"},
    "version": {"type": "integer"}, "dataset": {"type": "string"}, "users": {"type": "integer"}, "items": {"type": "integer"},
    "levels": {"$ref": "#/components/schemas/Level"}, "mean": {"type": "number"}, "titles": {"type": "boolean"},
    "folds_in": {"type": "boolean"}, "bytes": {"type": "integer"}, "loaded": {"type": "string", "format": "date-time"},
    "sha256": {"type": "string"}, "metrics": {"type": "object", "additionalProperties": {"type": "number", "nullable": true}}}}}}},
"Users": {"type": "object", "required": ["total", "users"], "properties": {"total": {"type": "integer"}, "users": {"type": "array",
  "items": {"type": "object", "required": ["user", "ratings"], "properties": {"user": {"type": "string"}, "ratings": {"type": "integer"}}}}}},
"UserRatings": {"type": "object", "required": ["user", "total", "ratings"], "properties": {"user": {"type": "string"},
  "total": {"type": "integer"}, "ratings": {"$ref": "#/components/schemas/PredictionList"}}},
"Item": {"type": "object", "required": ["item", "ratings"], "properties": {"item": {"type": "string"}, "title": {"type": "string"},
  "ratings": {"type": "integer", "description": "That the set holds"}}},
"Items": {"type": "object", "required": ["total", "items"], "properties": {"total": {"type": "integer"},
  "items": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}}},
"ServerMetadata": {"type": "object", "required": ["name", "version", "extensions"]},
"ModelMetadata": {"type": "object", "required": ["name", "platform", "inputs", "outputs"]},
"ModelReady": {"type": "object", "required": ["name", "ready"]},
"Tensor": {"type": "object", "required": ["name", "shape", "datatype", "data"], "properties": {
  "name": {"type": "string", "enum": ["user", "item"]}, "datatype": {"type": "string", "enum": ["BYTES", "INT32", "INT64"]},
  "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1}, "data": {"type": "array", "items": {"$ref": "#/components/schemas/Id"}},
  "parameters": {"type": "object"}}},
"Inference": {"type": "object", "required": ["inputs"], "description": "As application/octet-stream: so many bytes of JSON as the header Inference-Header-Content-Length says, and tensors' bytes behind it",
  "properties": {"id": {"type": "string"},
  "inputs": {"type": "array", "items": {"$ref": "#/components/schemas/Tensor"}, "minItems": 2, "maxItems": 2},
  "outputs": {"type": "array", "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "enum": ["rating", "probabilities"]}}}},
  "parameters": {"type": "object"}},
  "example": {"inputs": [{"name": "user", "shape": [1], "datatype": "BYTES", "data": ["1"]}, {"name": "item", "shape": [1], "datatype": "BYTES", "data": ["50"]}]}},
"Inferred": {"type": "object", "required": ["model_name", "outputs"]},
"Repository": {"type": "array", "items": {"type": "object", "required": ["name", "state"]}},
"Nothing": {"type": "object"},
"Invocation": {"type": "object", "description": "action, and the fields of that route: predict, where it is missing. As application/jsonlines: such an object a line. As text/csv: user,item a line",
  "properties": {"action": {"type": "string", "enum": ["predict", "recommend", "similar", "explain", "fold-in"]}},
  "example": {"action": "recommend", "user": "1", "n": 5}},
"Invoked": {"type": "object"},
"ExecutionParameters": {"type": "object", "required": ["MaxConcurrentTransforms", "BatchStrategy", "MaxPayloadInMB"]},
"NewModel": {"type": "object", "required": ["model_name", "url"], "additionalProperties": false,
  "properties": {"model_name": {"type": "string"}, "url": {"type": "string", "description": "Its folder"}}},
"HostedModel": {"type": "object", "required": ["modelName", "modelUrl"]},
"HostedModels": {"type": "object", "required": ["models"],
  "properties": {"models": {"type": "array", "items": {"$ref": "#/components/schemas/HostedModel"}}}},
"Document": {"type": "object"},
"Problem": {"type": "object", "required": ["type", "title", "status", "detail"], "properties": {"type": {"type": "string"},
  "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"},
  "error": {"type": "string", "description": "As detail, where the Open Inference Protocol looks for it"},
  "field": {"type": "string", "description": "Which part of the request is at fault: pairs[3].user"}}}})";

ordered_json reference(const std::string& name) { return {{"$ref", "#/components/schemas/" + name}}; }

ordered_json content(const std::string& type, ordered_json schema) {
  return {{type, ordered_json{{"schema", std::move(schema)}}}};
}

/// {user} of a path, and the names of a query.
ordered_json parameters(const Route& route, const ordered_json& known) {
  ordered_json list = ordered_json::array();
  const std::string path = route.path;
  for (std::size_t at = path.find('{'); at != std::string::npos; at = path.find('{', at + 1)) {
    const std::string name = path.substr(at + 1, path.find('}', at) - at - 1);
    list.push_back({{"name", name},
                    {"in", "path"},
                    {"required", true},
                    {"schema", name == "model" ? known["model"]["schema"] : ordered_json{{"type", "string"}}}});
  }
  std::string query = route.query;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find(' '), query.size());
    ordered_json parameter = {{"name", query.substr(0, end)}, {"in", "query"}};
    parameter.update(known.at(query.substr(0, end)));
    list.push_back(std::move(parameter));
    query.erase(0, end + 1);
  }
  return list;
}

ordered_json operation(const Route& route, const ordered_json& known, bool guarded) {
  ordered_json made = {{"summary", route.summary}};
  if (ordered_json list = parameters(route, known); !list.empty()) made["parameters"] = std::move(list);
  if (route.request)
    made["requestBody"] = {{"required", true}, {"content", content("application/json", reference(route.request))}};
  const std::string answer = route.answer_is;
  const bool is_text = answer.find('/') != std::string::npos;
  ordered_json text = {{"type", "string"}};
  made["responses"]["200"] = {
      {"description", "The answer"},
      {"content", is_text ? content(answer, text) : content("application/json", reference(answer))}};
  const std::string_view path = route.path;
  const auto add_type = [&](const char* type, const ordered_json& taken, const ordered_json& given) {
    made["requestBody"]["content"][type]["schema"] = taken;
    made["responses"]["200"]["content"][type]["schema"] = given;
  };
  const ordered_json any = ordered_json::object(), bytes = {{"type", "string"}, {"format", "binary"}};
  const bool invokes = path.ends_with("/invocations") || path.ends_with("/invoke");
  if (invokes || path.ends_with("/predict")) add_type("text/csv", any, text);
  if (invokes) add_type("application/jsonlines", any, text);
  if (path.ends_with("/infer")) add_type("application/octet-stream", bytes, bytes);
  for (const char* status : {"4XX", "5XX"})
    made["responses"][status] = {{"description", "What is wrong"},
                                 {"content", content("application/problem+json", reference("Problem"))}};
  if (is_text) made["responses"]["5XX"]["content"]["text/plain"]["schema"] = text;
  if (guarded && !route.open) made["security"] = {{{"token", ordered_json::array()}}};
  return made;
}

}  // namespace

std::string openapi_document(const std::vector<std::string>& models, const ServiceOptions& options) {
  const bool guarded = !options.token.empty();
  ordered_json known = ordered_json::parse(parameter_texts);
  if (!options.sagemaker) known["model"]["schema"]["enum"] = models;
  ordered_json document = {{"openapi", "3.0.3"},
                           {"info",
                            {{"title", "gcmc serve"},
                             {"version", GCMC_VERSION},
                             {"description", "A model of Graph Convolutional Matrix Completion over HTTP"},
                             {"license", {{"name", "Apache-2.0"}}}}}};
  for (const Route& route : routes(options.sagemaker.has_value()))
    document["paths"][route.path][in_lower_case(route.method)] = operation(route, known, guarded);
  document["components"]["schemas"] = ordered_json::parse(schema_texts);
  if (guarded) document["components"]["securitySchemes"]["token"] = {{"type", "http"}, {"scheme", "bearer"}};
  return document.dump(1) + '\n';
}

}  // namespace serve
