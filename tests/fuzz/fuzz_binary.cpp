// The binary form of ratings, with its checksums made right or left as they are: any bytes are valid ratings or
// refused.
#include "binary_sums.hpp"
#include "fuzz.hpp"
#include "gcmc/files/rating_files.hpp"
#include "gcmc/ratings/generator.hpp"
#include "scratch_folder.hpp"

namespace gcmc {
namespace {

std::string written(const Ratings& ratings) {
  const ScratchFolder folder;
  write_binary_ratings(folder / "ratings.gcmc", ratings);
  return read_bytes(folder / "ratings.gcmc");
}

}  // namespace

std::vector<std::string> seeds() {
  Ratings ratings;
  ratings.name = "seed";
  ratings.user_ids = {"anna", "ben"};
  ratings.item_ids = {"9", "10"};
  ratings.levels = {1, 4.5};
  ratings.entries = {{1, 1, 0}, {0, 0, 1}, {1, 0, 1}};
  const std::string plain = written(ratings);
  ratings.times = {3, 2, 1};
  ratings.valid_begin = 1;
  ratings.test_begin = 2;
  ratings.user_features = {1, {0.5, 1.5}, {"age"}};
  const std::string dense = written(ratings);
  ratings.user_features.encodings = {{.name = "age", .means = {1}, .deviations = {2}},
                                     {.name = "job", .kind = FeatureKind::category, .categories = {"a", "b"}}};
  ratings.user_features.sparse = {2, {0, 1, 2}, {1, 0}, {1, 1}};
  ratings.item_features.sparse = {2, {0, 1, 2}, {1, 0}, {1, 1}};
  ratings.item_titles = {"", "Ten"};
  return {plain, dense, written(ratings), written(generate_ratings({.users = 20, .items = 15, .ratings = 100}))};
}

void feed(std::string_view bytes) {
  static const ScratchFolder folder;
  const std::string path = folder / "ratings.gcmc";
  for (const std::string& file : {std::string(bytes), with_right_sums(std::string(bytes))}) {
    write_bytes(path, file);
    try {
      const Ratings ratings = read_rating_file(path, "", {.times = Times::kept});
      validate(ratings);
      expect(!ratings.entries.empty(), "ratings");
      write_binary_ratings(path, ratings);
      expect(read_rating_file(path, "", {.times = Times::kept}).entries == ratings.entries, "the same again");
    } catch (const Error&) {
    }
  }
}

}  // namespace gcmc
