#include "gcmc/files/checkpoint.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <type_traits>
#include <utility>

#include "gcmc/base/version.hpp"
#include "gcmc/options/option_names.hpp"
#include "gcmc/options/split_names.hpp"
#include "gcmc/ratings/checksum.hpp"
#include "json.hpp"
#include "models/safetensors.hpp"
#include "temporary.hpp"

namespace gcmc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* format_name = "gcmc-checkpoint";
constexpr const char* format_version = "2";
constexpr std::array<int, 2> files = {1, 2};

std::string checksum(std::span<const SavedModel> models) {
  Checksum sum;
  for (const SavedModel& model : models) {
    for (const std::vector<std::string>* ids : {&model.user_ids, &model.item_ids})
      for (const std::string& id : *ids)
        for (const char c : id + '\n') sum.add(c);
    for (const auto& [name, tensor] : model.tensors)
      std::visit(
          [&](const auto& values) {
            for (const auto value : values) sum.add(value);
          },
          tensor.values);
  }
  return sum.text();
}

std::string made_folder(const std::string& folder) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) throw_system_error(folder + ": cannot be made", code);
  return folder;
}

Offset number_of(const std::string& text) {
  Offset number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc() && end == text.data() + text.size() ? number : -1;
}

/// "3/weights" is the third state's.
std::vector<TrainState> states_of(std::map<std::string, Tensor> tensors, const std::string& path) {
  std::vector<TrainState> states;
  while (!tensors.empty()) {
    auto tensor = tensors.extract(tensors.begin());
    const auto slash = tensor.key().find('/');
    const Offset number = slash == std::string::npos ? -1 : number_of(tensor.key().substr(0, slash));
    require(number >= 1 && number <= 1000,
            [&] { return path + ": tensor " + json_quoted(tensor.key()) + " is of no state of a training"; });
    if (static_cast<Offset>(states.size()) < number) states.resize(static_cast<std::size_t>(number));
    states[static_cast<std::size_t>(number) - 1].tensors[tensor.key().substr(slash + 1)] = std::move(tensor.mapped());
  }
  for (const TrainState& state : states)
    require(!state.tensors.empty(), [&] { return path + ": the states of some models are missing"; });
  return states;
}

/// What differs, in the order of names: "train_lr was 0.01 and now is 0.02, ...".
std::string differences(const std::map<std::string, std::string>& then, const std::map<std::string, std::string>& now) {
  std::string text;
  const auto value = [](const std::map<std::string, std::string>& in, const std::string& name) {
    const auto found = in.find(name);
    if (found == in.end()) return std::string("not there");
    return found->second.empty() ? std::string("empty") : found->second;
  };
  std::map<std::string, std::string> names = then;
  names.insert(now.begin(), now.end());
  for (const auto& [name, any] : names)
    if (value(then, name) != value(now, name))
      text += (text.empty() ? "" : ", ") + name + " was " + value(then, name) + " and now is " + value(now, name);
  return text;
}

}  // namespace

/// What a file says of itself.
struct CheckpointFolder::Found {
  int file = 0;
  Offset number = 0;
  std::map<std::string, std::string> training;
  std::string program;

  Found(int k, const std::string& path) : file(k) {
    std::map<std::string, std::string> metadata = read_safetensors_metadata(path);
    require(metadata["format"] == format_name, [&] { return path + ": not a checkpoint of a training"; });
    require(metadata["version"] == format_version, [&] {
      return path + ": a checkpoint in version " + json_quoted(metadata["version"]) + " of the format, this program " +
             "reads " + format_version;
    });
    number = number_of(metadata["number"]);
    require(number >= 0, [&] { return path + ": its number is none"; });
    program = metadata["gcmc_version"];
    try {
      training = parse_json_object<json>(metadata["training"], path).get<decltype(training)>();
    } catch (const json::exception& problem) {
      throw InputError(path + ": its training is not an object of texts: " + json_problem(problem));
    }
  }
};

std::map<std::string, std::string> training_identity(const Options& options, const Ratings& ratings,
                                                     std::span<const SavedModel> weights) {
  std::map<std::string, std::string> identity;
  for_each_option(options, [&](const OptionRow& row, const auto&) {
    if (row.changes_results) identity[std::string(row.name)] = option_text(options, row.name);
  });
  identity["users"] = std::to_string(ratings.users());
  identity["items"] = std::to_string(ratings.items());
  identity["ratings"] = std::to_string(ratings.entries.size());
  identity["checksum of the ratings"] = checksum(ratings, true);
  if (split_rule(options.run.split) != SplitRule::random)
    identity["checksum of the times"] = checksum_of_times(ratings);
  identity["begin of the set's own test part"] = std::to_string(ratings.test_begin);
  identity["begin of the set's own validation part"] = std::to_string(ratings.valid_begin);
  if (!weights.empty()) identity["checksum of the model that it starts from"] = checksum(weights);
  return identity;
}

CheckpointFolder::CheckpointFolder(const std::string& folder, std::map<std::string, std::string> training)
    : folder_(made_folder(folder)), lock_(folder), training_(std::move(training)) {
  remove_leftovers(folder_);
}

std::string CheckpointFolder::path(int k) const {
  return folder_ + "/checkpoint-" + std::to_string(k) + ".safetensors";
}

std::vector<TrainState> CheckpointFolder::newest(std::vector<std::string>& notes) {
  std::vector<Found> found;
  std::vector<std::string> broken;
  std::error_code none;
  for (const int k : files) {
    if (!fs::exists(fs::symlink_status(path(k), none))) continue;
    try {
      found.emplace_back(k, path(k));
    } catch (const Error& problem) {
      broken.push_back(problem.what());
      next_ = k;
    }
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.number > b.number; });
  for (const Found& one : found) {
    std::vector<TrainState> states;
    try {
      states = states_of(read_checked_safetensors(path(one.file)), path(one.file));
    } catch (const Error& problem) {
      broken.push_back(problem.what());
      continue;
    }
    require(one.training == training_, [&] {
      return folder_ + ": its checkpoint is of another training: " + differences(one.training, training_) +
             ": give the same options and ratings, choose another folder, or remove its checkpoints";
    });
    for (const std::string& problem : broken) notes.push_back("passed over: " + problem);
    if (one.program != GCMC_VERSION)
      notes.push_back(path(one.file) + " is of gcmc " + one.program + ": the results may differ from those of an " +
                      "uncut training in the last digits");
    number_ = found.front().number;
    next_ = one.file == files.front() ? files.back() : files.front();
    return states;
  }
  require(broken.empty(), [&] {
    std::string text = folder_ + ": no checkpoint works: ";
    for (const std::string& problem : broken) text += problem + "; ";
    return text + "remove them to train from the beginning";
  });
  return {};
}

void CheckpointFolder::write(std::vector<TrainState> states) {
  std::map<std::string, Tensor> tensors;
  for (std::size_t k = 0; k < states.size(); ++k)
    for (auto& [name, tensor] : states[k].tensors) tensors[std::to_string(k + 1) + "/" + name] = std::move(tensor);
  write_checked_safetensors(path(next_), tensors,
                            {{"format", format_name},
                             {"version", format_version},
                             {"gcmc_version", GCMC_VERSION},
                             {"number", std::to_string(number_ + 1)},
                             {"training", json_text(json(training_), folder_)}});
  ++number_;
  next_ = next_ == files.front() ? files.back() : files.front();
}

void CheckpointFolder::remove() {
  for (const int k : files) ::unlink(path(k).c_str());
  number_ = 0;
}

}  // namespace gcmc
