// A file of features and one of edges beside ratings: any bytes are valid features, or left out with a note.
#include "fuzz.hpp"
#include "gcmc/files/rating_files.hpp"
#include "gcmc/ratings/ratings.hpp"
#include "scratch_folder.hpp"

namespace gcmc {

std::vector<std::string> seeds() {
  return {packed({"user,age,city,likes,joined\n1,20,Rome,a|b,1999-01-01\n2,\"4,5\",Oslo,b,01-Jan-2001\n3,60,Rome,a,\n",
                  "source_id:token\ttarget_id:token\n1\t2\n2\t3\n"}),
          packed({"user_id:token\tband:token\tplace:float_seq\twords:token_seq\n1\t7\t0.5 1\ta b\n2\t7\t1 2\tb\n",
                  "1 2 0.5\n2 1 1e3\n3 1 -1\n1 1 2\n"}),
          packed({"1|24|M|writer|85711\n2|53|F|writer|94043\n3|23|M|none|T8H1N\n", "from;to;weight\n1;3;2,5\n"})};
}

void feed(std::string_view bytes) {
  static const ScratchFolder folder;
  write_bytes(folder / "ratings", "user,item,rating\n1,1,1\n2,1,2\n3,1,3\n");
  const std::vector<std::string> files = unpacked(bytes, 2);
  write_bytes(folder / "features", files[0]);
  write_bytes(folder / "edges", files[1]);
  ReadReport report;
  const Ratings ratings = read_rating_file(
      folder / "ratings", "fuzz",
      {.user_features = folder / "features", .item_features = folder / "features", .user_graph = folder / "edges"},
      &report);
  validate(ratings);
  expect(ratings.entries.size() == 3, "all ratings");
  expect(!ratings.user_features.empty() || !report.notes.empty(), "features, or a note");
}

}  // namespace gcmc
