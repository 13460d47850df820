// A saved model's four files: any bytes load or are refused, and what loads predicts numbers between its levels.
#include "fuzz.hpp"
#include "gcmc/model/evaluation.hpp"
#include "sane_answers.hpp"
#include "scratch_folder.hpp"
#include "small_model.hpp"

namespace gcmc {
namespace {

const std::vector<std::string> names = {"config.json", "users.txt", "items.txt", "model.safetensors"};

std::string packed_model(const SavedModel& model, EmbeddingPrecision embeddings = EmbeddingPrecision::full) {
  const ScratchFolder folder;
  save_models(folder / "model", {&model, 1}, embeddings);
  std::vector<std::string> files;
  for (const std::string& name : names) files.push_back(read_bytes(folder / ("model/" + name)));
  return packed(files);
}

}  // namespace

std::vector<std::string> seeds() {
  SavedModel calibrated = small_model<double>({}, true);
  calibrated.options.train.calibrate = true;
  calibrated.tensors["calibration"] = {{2}, std::vector<double>{0.1, 0.9}};
  return {packed_model(small_model<float>()), packed_model(calibrated),
          packed_model(small_model<float>(), EmbeddingPrecision::bf16),
          packed_model(small_model<float>(), EmbeddingPrecision::int8)};
}

void feed(std::string_view bytes) {
  static const ScratchFolder folder;
  const std::vector<std::string> files = unpacked(bytes, names.size());
  for (std::size_t k = 0; k < names.size(); ++k) write_bytes(folder / names[k], files[k]);
  const Predictor predictor(load_model(folder / "."));
  expect(answers_are_sane(predictor), "ratings between the levels, and probabilities");
  if (predictor.model().user_ids.empty() || predictor.model().item_ids.empty()) return;
  predictor.recommend(0, {.top = 3});
  const std::vector<std::string> rater = {predictor.model().user_ids.front()};
  expect(Predictor(load_model(folder / ".", Predictor::reads, rater)).ratings_of(user_side, 0) ==
             predictor.ratings_of(user_side, 0),
         "a user's ratings, read alone");
  for (const auto by : {Predictor::Likeness::embeddings, Predictor::Likeness::ratings})
    for (const auto& [node, similarity] : predictor.similar(item_side, 0, 3, by))
      expect(std::isfinite(similarity), "finite similarities");
  if (const auto tested = tested_pairs(predictor); !tested.empty()) evaluate(predictor, tested, {});
  const double rating = predictor.explain(0, 0).rating;
  const Newcomer user = predictor.fold_in(user_side, {{0, 0}}), item = predictor.fold_in(item_side, {{0, 0}});
  const Index first = 0;
  expect(std::isfinite(rating) && std::isfinite(predictor.score(user, {&first, 1}).ratings[0]) &&
             std::isfinite(predictor.score(item, {&first, 1}).ratings[0]),
         "finite ratings of newcomers");
}

}  // namespace gcmc
