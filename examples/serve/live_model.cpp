#include "live_model.hpp"

#include <algorithm>
#include <numeric>

#include "gcmc/base/text.hpp"
#include "gcmc/files/model_folder.hpp"
#include "problem.hpp"
#include "sha256.hpp"

namespace serve {
namespace {

using gcmc::Index;

std::size_t bytes_of(const std::vector<std::string>& texts) {
  return std::accumulate(texts.begin(), texts.end(), texts.size() * sizeof(std::string),
                         [](std::size_t sum, const std::string& text) { return sum + text.size(); });
}

std::size_t bytes_of(const gcmc::SavedModel& model) {
  std::size_t bytes = bytes_of(model.user_ids) + bytes_of(model.item_ids) + bytes_of(model.item_titles);
  for (const auto& [name, tensor] : model.tensors)
    bytes += std::visit([](const auto& values) { return values.size() * sizeof(values.front()); }, tensor.values);
  return bytes;
}

/// Folding somebody in also makes the tables that the first call would have to wait for.
bool can_fold_in(const gcmc::Predictor& predictor) {
  try {
    predictor.fold_in(gcmc::user_side, {});
    if (!predictor.model().item_ids.empty()) predictor.fold_in(gcmc::user_side, {{0, 0}});
    return true;
  } catch (const gcmc::InputError&) {
    return false;
  }
}

/// Numbers 0, 1, ... in the order of `before`.
template <class Before>
std::vector<Index> sorted(std::size_t count, const Before& before) {
  std::vector<Index> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), before);
  return order;
}

/// How many each user and each item has; none where the model was written without them.
std::array<std::vector<gcmc::Offset>, 2> count_ratings(const gcmc::SavedModel& model) {
  std::array<std::vector<gcmc::Offset>, 2> counts{std::vector<gcmc::Offset>(model.user_ids.size()),
                                                  std::vector<gcmc::Offset>(model.item_ids.size())};
  for (const char* part : {"rated", "tested"}) {
    const std::string name = part;
    if (!model.tensors.contains(name + ".offsets")) continue;
    const auto& offsets = model.values<gcmc::Offset>(name + ".offsets");
    for (std::size_t user = 0; user < counts[gcmc::user_side].size(); ++user)
      counts[gcmc::user_side][user] += offsets[user + 1] - offsets[user];
    for (const Index item : model.values<Index>(name + ".items"))
      ++counts[gcmc::item_side][static_cast<std::size_t>(item)];
  }
  return counts;
}

}  // namespace

std::string in_lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 'a' - 'A');
  return text;
}

const char* state_name(ModelState state) {
  switch (state) {
    case ModelState::loading:
      return "loading";
    case ModelState::ready:
      return "ready";
    case ModelState::failed:
      return "failed";
    case ModelState::unloaded:
      return "unloaded";
  }
  return "";
}

LiveModel::LiveModel(std::string given, const std::string& folder, int number)
    : name(std::move(given)), version(number), predictor(gcmc::load_models(folder)), sha256(sha256_of_model(folder)) {
  const gcmc::SavedModel& model = saved();
  folds_in = can_fold_in(predictor);
  for (const gcmc::SavedModel& one : predictor.models()) {
    bytes += bytes_of(one);
    for (const auto& [metric, value] : one.metrics)
      metrics[metric] += value / static_cast<double>(predictor.models().size());
  }
  ratings = count_ratings(model);
  users_by_id = sorted(model.user_ids.size(), [&](Index a, Index b) {
    return model.user_ids[static_cast<std::size_t>(a)] < model.user_ids[static_cast<std::size_t>(b)];
  });
  items_by_ratings = sorted(model.item_ids.size(), [&](Index a, Index b) {
    const auto& counts = ratings[gcmc::item_side];
    return counts[static_cast<std::size_t>(a)] > counts[static_cast<std::size_t>(b)];
  });
  for (const std::string& title : model.item_titles.empty() ? model.item_ids : model.item_titles)
    searched.push_back(in_lower_case(title));
}

Models::Models(std::vector<std::pair<std::string, std::string>> folders) {
  for (auto& [name, folder] : folders) entries_.push_back(std::make_shared<Entry>(Entry{{name, std::move(folder)}}));
}

const std::shared_ptr<Models::Entry>& Models::entry(std::string_view name) const {
  if (name.empty() && !entries_.empty()) return entries_.front();
  for (const auto& entry : entries_)
    if (entry->status.name == name) return entry;
  throw Problem(404, "there is no model \"" + gcmc::printable(name, 40) + "\"; GET /v1/models lists them", "model");
}

void Models::load(const std::string& name) {
  const std::lock_guard one_at_a_time(loading_);
  std::shared_ptr<Entry> wanted;
  std::shared_ptr<const LiveModel> old;  // let go of behind the locks
  int unloads = 0, loads = 0;
  {
    const std::lock_guard lock(mutex_);
    wanted = entry(name);
    unloads = wanted->unloads;
    loads = wanted->loads;
    if (!wanted->status.model) wanted->status.state = ModelState::loading;
  }
  try {
    auto model = std::make_shared<const LiveModel>(wanted->status.name, wanted->status.folder, loads + 1);
    const std::lock_guard lock(mutex_);
    ++wanted->loads;
    old = wanted->status.model;
    if (wanted->unloads != unloads) return;
    wanted->status.detail.clear();
    wanted->status.state = ModelState::ready;
    wanted->status.model = std::move(model);
  } catch (const std::exception& error) {
    const std::lock_guard lock(mutex_);
    wanted->status.detail = error.what();
    if (!wanted->status.model) wanted->status.state = ModelState::failed;
    throw;
  }
}

void Models::add(const std::string& name, const std::string& folder) {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& entry : entries_)
      if (entry->status.name == name) throw Problem(409, "there is a model \"" + gcmc::printable(name, 40) + "\"");
    entries_.push_back(std::make_shared<Entry>(Entry{{name, folder}, true}));
  }
  try {
    load(name);
  } catch (...) {
    remove(name);
    throw;
  }
}

void Models::remove(const std::string& name) {
  std::shared_ptr<Entry> old;  // let go of behind the lock
  const std::lock_guard lock(mutex_);
  old = entry(name);
  std::erase(entries_, old);
}

void Models::unload(const std::string& name) {
  std::shared_ptr<const LiveModel> old;  // let go of behind the lock
  const std::lock_guard lock(mutex_);
  Entry& unwanted = *entry(name);
  old.swap(unwanted.status.model);
  ++unwanted.unloads;
  unwanted.status.state = ModelState::unloaded;
}

std::shared_ptr<const LiveModel> Models::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const ModelStatus& status = entry(name)->status;
  if (!status.model) throw Problem(503, "model \"" + status.name + "\" is " + state_name(status.state));
  return status.model;
}

bool Models::ready() const {
  const std::lock_guard lock(mutex_);
  const auto is_first = [](const auto& e) {
    return !e->added && e->loads == 0 && e->status.state == ModelState::loading;
  };
  const auto added = [](const auto& e) { return e->added; };
  const auto answers = [](const auto& e) { return e->status.model != nullptr; };
  return std::none_of(entries_.begin(), entries_.end(), is_first) &&
         (std::all_of(entries_.begin(), entries_.end(), added) ||
          std::any_of(entries_.begin(), entries_.end(), answers));
}

std::vector<ModelStatus> Models::statuses() const {
  const std::lock_guard lock(mutex_);
  std::vector<ModelStatus> statuses;
  for (const auto& entry : entries_) statuses.push_back(entry->status);
  return statuses;
}

std::vector<std::string> Models::names() const {
  std::vector<std::string> names;
  for (const ModelStatus& status : statuses()) names.push_back(status.name);
  return names;
}

}  // namespace serve
