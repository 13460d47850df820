#include "protocol_routes.hpp"

#include <charconv>
#include <cstdint>
#include <cstring>

#include "answers.hpp"
#include "csv_body.hpp"
#include "gcmc/base/version.hpp"
#include "gcmc/model/answer_text.hpp"
#include "problem.hpp"

namespace serve {
namespace {

using nlohmann::json;

/// The part of the body behind its JSON, of which tensors take their bytes one after the other.
class BinaryData {
 public:
  explicit BinaryData(std::string_view bytes) : rest_(bytes) {}

  std::string_view take(std::size_t bytes) {
    if (bytes > rest_.size()) throw Problem(400, "the body ends before its tensors do");
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

template <class Number>
Number read_number(std::string_view& bytes) {
  if (bytes.size() < sizeof(Number)) throw Problem(400, "a tensor ends within a value");
  Number number;
  std::memcpy(&number, bytes.data(), sizeof number);
  bytes.remove_prefix(sizeof number);
  return number;
}

std::vector<std::string> binary_ids(std::string_view bytes, const std::string& type, const std::string& name) {
  std::vector<std::string> ids;
  while (!bytes.empty())
    if (type == "BYTES") {
      const auto size = read_number<std::uint32_t>(bytes);
      if (size > bytes.size()) throw Problem(400, name + ": a tensor ends within a value", name);
      ids.emplace_back(bytes.substr(0, size));
      bytes.remove_prefix(size);
    } else {
      ids.push_back(
          std::to_string(type == "INT32" ? read_number<std::int32_t>(bytes) : read_number<std::int64_t>(bytes)));
    }
  return ids;
}

bool fits(const json& id, const std::string& type) {
  if (type == "BYTES") return true;
  if (!id.is_number_integer() || (id.is_number_unsigned() && id.get<std::uint64_t>() > INT64_MAX)) return false;
  const auto value = id.get<std::int64_t>();
  return type == "INT64" || (value >= INT32_MIN && value <= INT32_MAX);
}

/// [n] and [n, 1] alike.
void append_ids(std::vector<std::string>& ids, const json& data, const std::string& type, const std::string& name,
                int depth = 0) {
  if (!data.is_array()) throw Problem(400, name + ": data must be a list of ids", name);
  for (const json& value : data)
    if (value.is_array() && depth == 0)
      append_ids(ids, value, type, name, 1);
    else if (!fits(value, type))
      throw Problem(400, name + ": " + gcmc::printable(value.dump(), 40) + " is no " + type, name);
    else
      ids.push_back(id_of(value, name));
}

std::vector<std::string> ids_of_tensor(const json& tensor, BinaryData& binary, const std::string& name) {
  const std::string type = tensor.value("datatype", "");
  if (type != "BYTES" && type != "INT64" && type != "INT32")
    throw Problem(400, name + ": datatype must be BYTES, or INT64 or INT32 of ids that are numbers", name);
  std::vector<std::string> ids;
  const json parameters = tensor.value("parameters", json::object());
  if (tensor.contains("data"))
    append_ids(ids, tensor["data"], type, name);
  else
    ids = binary_ids(binary.take(parameters.value("binary_data_size", std::size_t{0})), type, name);
  std::size_t count = 1;
  for (const json& extent : tensor.value("shape", json::array())) {
    const auto value = extent.get<std::uint64_t>();
    count = value > 0 && count > (std::size_t{1} << 40) / value ? std::size_t{1} << 40 : count * value;
  }
  if (!tensor.contains("shape") || count != ids.size())
    throw Problem(
        400,
        name + ": its shape asks for " + std::to_string(count) + " values, and there are " + std::to_string(ids.size()),
        name);
  return ids;
}

struct Inference {
  json head;
  std::vector<std::string> users, items;
};

Inference take_inference(const Request& request) {
  std::string_view text = request.body;
  const std::string_view given = request.header("Inference-Header-Content-Length");
  if (!given.empty()) {
    std::size_t size = 0;
    const auto read = std::from_chars(given.data(), given.data() + given.size(), size);
    if (read.ptr != given.data() + given.size() || size > text.size())
      throw Problem(400, "Inference-Header-Content-Length is no length within the body");
    text = text.substr(0, size);
  }
  BinaryData binary(std::string_view(request.body).substr(text.size()));
  Inference asked{parse_json(text), {}, {}};
  if (!asked.head.is_object() || !asked.head.contains("inputs") || !asked.head["inputs"].is_array())
    throw Problem(400, "inputs must be a list of tensors");
  if (asked.head.contains("id") && !asked.head["id"].is_string()) throw Problem(400, "id must be text", "id");
  bool has_users = false, has_items = false;
  for (const json& tensor : asked.head["inputs"]) {
    const std::string name = tensor.at("name").get<std::string>();
    bool& has = name == "user" ? has_users : has_items;
    if ((name != "user" && name != "item") || has) throw Problem(400, "inputs are user and item, each once");
    has = true;
    (name == "user" ? asked.users : asked.items) = ids_of_tensor(tensor, binary, name);
  }
  if (!has_users || !has_items || asked.users.size() != asked.items.size())
    throw Problem(400, "inputs are user and item, with as many ids each");
  if (!binary.empty()) throw Problem(400, "the body goes on behind its tensors");
  return asked;
}

/// The number that gcmc predict prints, as FP32.
float as_printed(double value, int decimals) {
  std::string text;
  gcmc::append_fixed(text, value, decimals);
  float number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

struct Output {
  std::string name;
  std::vector<std::size_t> shape;
  std::vector<float> values;
  bool wanted = false, binary = false;
};

/// Which of the outputs are asked for, and how; all of them if the request names none.
void choose(std::vector<Output>& outputs, const json& head) {
  const json parameters = head.value("parameters", json::object());
  const bool binary = parameters.value("binary_data_output", false);
  if (head.contains("outputs") && !head["outputs"].is_array()) throw Problem(400, "outputs must be a list of tensors");
  if (!head.contains("outputs"))
    for (Output& output : outputs) output.wanted = true, output.binary = binary;
  for (const json& wanted : head.value("outputs", json::array())) {
    const std::string name = wanted.at("name").get<std::string>();
    const json own = wanted.value("parameters", json::object());
    bool known = false;
    for (Output& output : outputs)
      if (output.name == name) known = output.wanted = true, output.binary = own.value("binary_data", binary);
    if (!known) throw Problem(400, "there is no output \"" + name + "\": rating and probabilities are there");
  }
}

Response written(const LiveModel& model, const json& head, const std::vector<Output>& outputs) {
  Response response;
  std::string bytes;
  JsonText text(response.body);
  text.open('{').key("model_name").string(model.name).key("model_version").string(std::to_string(model.version));
  if (head.contains("id")) text.key("id").string(head["id"].get<std::string>());
  text.key("outputs").open('[');
  for (const Output& output : outputs) {
    if (!output.wanted) continue;
    text.open('{').key("name").string(output.name).key("datatype").string("FP32").key("shape").open('[');
    for (const std::size_t extent : output.shape) text.integer(static_cast<long long>(extent));
    text.close(']');
    const std::size_t size = output.values.size() * sizeof(float);
    if (output.binary) {
      text.key("parameters").open('{').key("binary_data_size").integer(static_cast<long long>(size)).close('}');
      bytes.append(reinterpret_cast<const char*>(output.values.data()), size);
    } else {
      text.key("data").open('[');
      for (const float value : output.values) text.number(value);
      text.close(']');
    }
    text.close('}');
  }
  text.close(']').close('}');
  if (bytes.empty()) return response;
  response.headers.emplace_back("Inference-Header-Content-Length", std::to_string(response.body.size()));
  response.type = "application/octet-stream";
  response.body += bytes;
  return response;
}

void put_tensor(JsonText& text, const char* name, const char* type, const std::vector<long long>& shape) {
  text.open('{').key("name").string(name).key("datatype").string(type).key("shape").open('[');
  for (const long long extent : shape) text.integer(extent);
  text.close(']').close('}');
}

}  // namespace

Response server_metadata(Call&) {
  return json_answer([](JsonText& text) {
    text.key("name").string("gcmc").key("version").string(GCMC_VERSION);
    text.key("extensions").open('[').string("binary_tensor_data").string("model_repository").close(']');
  });
}

Response model_metadata(Call& call) {
  const auto model = call.model();
  return json_answer([&](JsonText& text) {
    text.key("name").string(model->name).key("platform").string("gcmc").key("inputs").open('[');
    put_tensor(text, "user", "BYTES", {-1});
    put_tensor(text, "item", "BYTES", {-1});
    text.close(']').key("outputs").open('[');
    put_tensor(text, "rating", "FP32", {-1});
    put_tensor(text, "probabilities", "FP32", {-1, static_cast<long long>(model->saved().levels.size())});
    text.close(']');
  });
}

Response model_ready(Call& call) {
  const auto model = call.model();
  return json_answer([&](JsonText& text) { text.key("name").string(model->name).key("ready").boolean(true); });
}

Response infer(Call& call) try {
  const auto model = call.model();
  const Inference asked = take_inference(call.request);
  const std::size_t pairs = asked.users.size(), levels = model->saved().levels.size();
  call.check_count(pairs);
  call.service.metrics.pairs += pairs;
  std::vector<gcmc::Predictor::Pair> numbers;
  for (std::size_t k = 0; k < pairs; ++k)
    numbers.emplace_back(find_user(call.service, *model, asked.users[k]),
                         find_item(call.service, *model, asked.items[k]));
  std::vector<Output> outputs = {{"rating", {pairs}, {}}, {"probabilities", {pairs, levels}, {}}};
  choose(outputs, asked.head);
  std::vector<double> ratings(pairs), probabilities(outputs[1].wanted ? pairs * levels : 0);
  model->predictor.score(numbers, ratings, probabilities);
  const int decimals = gcmc::rating_decimals(model->saved());
  for (const double rating : ratings) outputs[0].values.push_back(as_printed(rating, decimals));
  for (const double probability : probabilities) outputs[1].values.push_back(as_printed(probability, 6));
  return written(*model, asked.head, outputs);
} catch (const json::exception& error) {
  const std::string_view told = error.what();  // "[json.exception.type_error.302] ..."
  throw Problem(400, "this is no inference request: " + std::string(told.substr(told.find(']') + 2)));
}

Response list_repository(Call& call) {
  Response response;
  JsonText text(response.body);
  text.open('[');
  for (const ModelStatus& status : call.service.models.statuses()) {
    text.open('{').key("name").string(status.name);
    text.key("version").string(std::to_string(status.model ? status.model->version : 0));
    text.key("state").string(status.model ? "READY" : status.state == ModelState::loading ? "LOADING" : "UNAVAILABLE");
    text.key("reason").string(status.detail).close('}');
  }
  text.close(']');
  return response;
}

Response load_model(Call& call) {
  call.service.models.load(call.path.at("model"));
  return {200, "application/json", "{}\n"};
}

Response unload_model(Call& call) {
  call.service.models.unload(call.path.at("model"));
  return {200, "application/json", "{}\n"};
}

}  // namespace serve
