#include "sagemaker_routes.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "answers.hpp"
#include "asking_routes.hpp"
#include "gcmc/base/error.hpp"
#include "gcmc/base/text.hpp"
#include "gcmc/files/rating_files.hpp"
#include "problem.hpp"

namespace serve {
namespace {

constexpr const char *csv_type = "text/csv", *json_type = "application/json";

std::string without_blanks(std::string text) {
  std::erase(text, ' ');
  return text;
}

bool is_json_lines(std::string_view type) {
  return type == "application/jsonlines" || type == "application/jsonl" || type == "application/x-ndjson";
}

const SageMaker& told(const Call& call) { return *call.service.options.sagemaker; }

/// Fields of a line of CSV (RFC 4180), without blanks around them; none where a quote is not closed.
std::vector<std::string> fields_of(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t k = 0; k < line.size(); ++k) {
    const char c = line[k];
    if (quoted && c == '"' && k + 1 < line.size() && line[k + 1] == '"')
      fields.back() += line[++k];
    else if (c == '"' && (quoted || gcmc::trimmed(fields.back()).empty()))
      quoted = !quoted;
    else if (c == ',' && !quoted)
      fields.emplace_back();
    else
      fields.back() += c;
  }
  if (quoted) return {};
  for (std::string& field : fields) field = std::string(gcmc::trimmed(field));
  return fields;
}

/// Calls visit(number, line) for each line; a last line break ends one.
template <class Visit>
void for_each_line(std::string_view text, const Visit& visit) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (text.ends_with('\n')) text.remove_suffix(1);
  for (std::size_t number = 1, begin = 0; begin <= text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    visit(number, line);
    begin = end + 1;
  }
}

/// A pair a line: the first two fields, or those that a header names. Where each line must get an answer, the header
/// and wrong lines become pairs of empty ids; else Problem 400 is thrown for these.
AskedPairs pairs_of_lines(const Call& call) {
  const bool each = told(call).batch;
  gcmc::PairColumns columns;
  AskedPairs pairs;
  for_each_line(call.request.body, [&](std::size_t number, std::string_view line) {
    std::vector<std::string> fields = fields_of(line);
    const bool json = line.starts_with("{\"") || line.starts_with("[{");
    const auto header = number == 1 && !json ? gcmc::find_pair_columns(fields) : std::nullopt;
    if (header && each && (header->user != 0 || header->item != 1))  // other parts of the file have no header
      throw Problem(400, "a batch's lines are user,item, and its header says otherwise");
    if (header && !each) {
      columns = *header;
      return;
    }
    const bool is_pair = !header && !json && fields.size() > std::max(columns.user, columns.item) &&
                         !fields[columns.user].empty() && !fields[columns.item].empty();
    if (!is_pair && !each)
      throw Problem(400, "line " + std::to_string(number) + ": user,item was expected, not \"" +
                             gcmc::printable(line, 60) + "\"");
    pairs.holds_none.push_back(!is_pair);
    pairs.users.push_back(is_pair ? std::move(fields[columns.user]) : "");
    pairs.items.push_back(is_pair ? std::move(fields[columns.item]) : "");
    call.check_count(pairs.size());
  });
  return pairs;
}

/// The weight that a client gives to a type it accepts: "text/csv;q=0.5".
double weight_of(std::string_view accepted_type) {
  const std::size_t at = accepted_type.find(";q=");
  return at == std::string_view::npos ? 1 : std::atof(std::string(accepted_type.substr(at + 3)).c_str());
}

/// The type among those that can be given that the client wants most, the first of equals. Throws Problem 406.
std::string accepted(const Call& call, bool csv_body, bool can_be_csv) {
  const auto given_for = [&](std::string_view type, const char* any) -> const char* {
    if (type == "*/*") return any;
    if (can_be_csv && (type == csv_type || type == "text/*")) return csv_type;
    return type == json_type || type == "application/*" || is_json_lines(type) ? json_type : nullptr;
  };
  const char* usual = given_for(in_lower_case(told(call).default_accept), nullptr);
  if (!usual) usual = can_be_csv && csv_body && told(call).batch ? csv_type : json_type;
  const std::string wanted = without_blanks(in_lower_case(std::string(call.request.header("Accept"))));
  if (wanted.empty()) return usual;
  const char* best = nullptr;
  double most = 0;
  for (std::size_t begin = 0; begin <= wanted.size();) {
    const std::size_t end = std::min(wanted.find(',', begin), wanted.size());
    const std::string_view part = std::string_view(wanted).substr(begin, end - begin);
    begin = end + 1;
    const char* type = given_for(part.substr(0, part.find(';')), usual);
    if (!type || weight_of(part) <= most) continue;
    best = type;
    most = weight_of(part);
  }
  if (best) return best;
  throw Problem(406, std::string("the answer can be ") + json_type + (can_be_csv ? " or text/csv" : "") + ", and " +
                         gcmc::printable(wanted, 60) + " was asked for");
}

Response answer_pairs(Call& call, AskedPairs pairs, bool csv_body, Details details) {
  const std::string type = accepted(call, csv_body, true);
  return type == csv_type ? rating_lines(call, std::move(pairs)) : predictions(call, std::move(pairs), details);
}

/// What the field "action" names; ratings of pairs where there is none.
Response act(Call& call, Fields& fields) {
  using Action = Response (*)(Call&, Fields&);
  static constexpr std::array<std::pair<const char*, Action>, 4> actions = {
      {{"recommend", recommend}, {"similar", similar}, {"explain", explain}, {"fold-in", fold_in}}};
  const std::string name = fields.id("action").value_or("predict");
  if (name == "predict") {
    AskedPairs pairs = take_pairs(fields);
    const Details details = take_details(fields);
    fields.finish();
    return answer_pairs(call, std::move(pairs), false, details);
  }
  for (const auto& [known, action] : actions)
    if (name == known) {
      accepted(call, false, false);
      return action(call, fields);
    }
  throw Problem(400, "action must be predict, recommend, similar, explain or fold-in", "action");
}

void put_hosted(JsonText& json, const ModelStatus& status) {
  json.key("modelName").string(status.name).key("modelUrl").string(status.folder);
}

/// A model takes about twice the memory of its files while it is loaded. Throws Problem 507.
void check_memory(const SageMaker& sagemaker, const std::string& folder) {
  gcmc::Offset bytes = 0;
  std::error_code none;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, none))
    if (entry.is_regular_file(none)) bytes += static_cast<gcmc::Offset>(entry.file_size(none));
  if (sagemaker.memory_left && 2 * bytes > sagemaker.memory_left())
    throw Problem(507, "there is no memory for this model: " + gcmc::count_text(bytes >> 20) + " MiB of files");
}

/// A request a line, and its answer a line. Where each line must get an answer a wrong one gets null; else Problem 400
/// is thrown for it.
Response answer_lines(Call& call) {
  Response all{200, "application/jsonlines"};
  for_each_line(call.request.body, [&](std::size_t number, std::string_view line) {
    Response one;
    try {
      const nlohmann::json record = parse_json(line);
      Fields fields(record);
      one = act(call, fields);
      while (one.more && one.more(one.body)) continue;
      if (one.body.ends_with('\n')) one.body.pop_back();
    } catch (const Problem& problem) {
      if (!told(call).batch || problem.status() == 406)  // which is of all lines
        throw Problem(problem.status(), "line " + std::to_string(number) + ": " + problem.what(), problem.field());
      one.body = "null";
    } catch (const gcmc::InputError&) {
      if (!told(call).batch) throw;
      one.body = "null";
    }
    if (number > 1) all.body += '\n';
    all.body += one.body;
  });
  return all;
}

}  // namespace

Response ping(Call& call) {
  const bool ready = !call.service.server->stopping() && call.service.models.ready();
  return {ready ? 200 : 503, ""};
}

Response invocations(Call& call) {
  const std::string type = media_type(call.request);
  if (type == csv_type) return answer_pairs(call, pairs_of_lines(call), true, {});
  if (is_json_lines(type)) return answer_lines(call);
  if (!type.empty() && type != json_type && type != "text/json")
    throw Problem(415, "the body must be text/csv, application/json or application/jsonlines");
  // Of a batch that is cut by lines a body has one record or several; else it is a document, of whatever lines.
  const std::string& body = call.request.body;
  const std::size_t last = body.find_last_not_of(" \t\r\n");
  const bool one_line = body.find('\n') > last;
  const bool lines = told(call).batch && (one_line || !nlohmann::json::accept(body));
  return lines ? answer_lines(call) : by_fields<act>(call);
}

Response execution_parameters(Call& call) {
  return json_answer([&](JsonText& json) {
    json.key("MaxConcurrentTransforms").integer(told(call).transforms);
    json.key("BatchStrategy").string("MULTI_RECORD").key("MaxPayloadInMB").integer(told(call).payload_mb);
  });
}

Response list_hosted(Call& call) {
  return json_answer([&](JsonText& json) {
    json.key("models").open('[');
    for (const ModelStatus& status : call.service.models.statuses()) {
      if (!status.model) continue;
      put_hosted(json.open('{'), status);
      json.close('}');
    }
    json.close(']');
  });
}

Response add_hosted(Call& call) {
  const nlohmann::json body = parse_json(json_body(call.request));
  Fields fields(body);
  const auto name = fields.id("model_name"), url = fields.id("url");
  if (!name || !url || name->empty())
    throw Problem(400, "model_name and url, the folder of the model, were expected", name ? "url" : "model_name");
  check_memory(told(call), *url);
  try {
    call.service.models.add(*name, *url);
  } catch (const std::bad_alloc&) {
    throw Problem(507, "there is no memory for this model");
  }
  return json_answer([](JsonText&) {});
}

Response show_hosted(Call& call) {
  const auto statuses = call.service.models.statuses();
  const auto found = std::find_if(statuses.begin(), statuses.end(), [&](const ModelStatus& status) {
    return status.name == call.path.at("model") && status.model;
  });
  if (found == statuses.end()) throw Problem(404, "there is no such model");
  return json_answer([&](JsonText& json) { put_hosted(json, *found); });
}

Response remove_hosted(Call& call) {
  call.service.models.remove(call.path.at("model"));
  return json_answer([](JsonText&) {});
}

}  // namespace serve
