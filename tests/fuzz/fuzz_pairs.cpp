// The pairs that gcmc predict is given: any bytes are pairs of ids or refused.
#include "fuzz.hpp"
#include "gcmc/files/rating_files.hpp"
#include "scratch_folder.hpp"

namespace gcmc {

std::vector<std::string> seeds() {
  return {"anna,\"Dune, part two\"\nben,Solaris\n", "\xEF\xBB\xBFmovieId,note,user_id\r\n\r\n\"a \"\"b\"\"\",x,1\r\n"};
}

void feed(std::string_view bytes) {
  static const ScratchFolder folder;
  write_bytes(folder / "pairs", std::string(bytes));
  for (const IdPair& pair : read_id_pairs(folder / "pairs"))
    expect(!pair.user.empty() && !pair.item.empty(), "two ids");
}

}  // namespace gcmc
