// The guide's fragments of C++ run, one after the other, with ratings and options as its reader has them.
#include <filesystem>

#include "catch.hpp"
#include "documents_code.hpp"
#include "guide_code.inc"
#include "scratch_folder.hpp"

using namespace gcmc;

TEST_CASE("the guide's fragments run", "[documents]") {
  Ratings ratings = generate_ratings({.users = 60, .items = 50, .ratings = 1500});
  ratings.user_ids.front() = "anna";
  ratings.item_ids[0] = "Solaris";
  ratings.item_ids[1] = "Dune";
  Options options;
  options.model.units = 20;
  options.model.output = 6;
  options.train.max_iterations = 5;
  options.run.threads = 1;
  const ScratchFolder folder;
  save_model(folder / "runs/mine/model", train(ratings, options).model);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder / ".");
  for (Fragment* const fragment : guide_code) CHECK_NOTHROW(fragment(ratings, options));
  std::filesystem::current_path(before);
  CHECK(std::size(guide_code) >= 4);
}
