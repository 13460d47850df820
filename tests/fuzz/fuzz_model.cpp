// A saved model's four files: any bytes load or are refused, and what loads predicts numbers between its levels.
#include <cmath>
#include <filesystem>

#include "fuzz.hpp"
#include "gcmc/model/predictor.hpp"
#include "scratch_folder.hpp"
#include "small_model.hpp"

namespace gcmc {
namespace {

const std::vector<std::string> names = {"config.json", "users.txt", "items.txt", "model.safetensors"};

std::string packed_model(const SavedModel& model) {
  const ScratchFolder folder;
  save_model(folder / "model", model);
  std::vector<std::string> files;
  for (const std::string& name : names) files.push_back(read_bytes(folder / ("model/" + name)));
  return packed(files);
}

void check_answers(const Predictor& predictor) {
  const std::vector<double>& levels = predictor.model().levels;
  const double slack = 1e-4 * std::max(std::abs(levels.front()), std::abs(levels.back()));
  const auto users = static_cast<Index>(predictor.model().user_ids.size()),
             items = static_cast<Index>(predictor.model().item_ids.size());
  std::vector<Predictor::Pair> pairs = {{-1, -1}};
  for (Index user = -1; user < std::min(users, 5); ++user)
    for (Index item = -1; item < std::min(items, 5); ++item) pairs.emplace_back(user, item);
  const Predictor::Scores scores = predictor.score(pairs);
  for (const double rating : scores.ratings)
    expect(rating >= levels.front() - slack && rating <= levels.back() + slack, "a rating between the levels");
  for (const double p : scores.probabilities) expect(p >= 0 && p <= 1 + 1e-4, "a probability");
  if (users > 0) predictor.recommend(0, 3);
}

}  // namespace

std::vector<std::string> seeds() {
  SavedModel calibrated = small_model<double>({}, true);
  calibrated.options.train.calibrate = true;
  calibrated.tensors["calibration"] = {{2}, std::vector<double>{0.1, 0.9}};
  return {packed_model(small_model<float>()), packed_model(calibrated)};
}

void feed(std::string_view bytes) {
  static const ScratchFolder folder;
  const std::vector<std::string> files = unpacked(bytes, names.size());
  for (std::size_t k = 0; k < names.size(); ++k) write_bytes(folder / names[k], files[k]);
  check_answers(Predictor(load_model(folder / "."), 1));
}

}  // namespace gcmc
