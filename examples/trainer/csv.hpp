// The two forms of CSV that gcmc predict needs: id pairs in, quoted fields out (RFC 4180).
#pragma once

#include <istream>
#include <string>
#include <vector>

struct IdPair {
  std::string user, item;
};

/// A pair a line; empty lines are skipped. The first line may be a header, which names the columns in any order and
/// letter case (user, userId, user_id; item, itemId, item_id, movie, movieId, movie_id), others among them; without one
/// the first column is the user, the second the item. Throws InputError with `name` and the line number, also for a
/// header that names one of the two alone, or one twice.
std::vector<IdPair> read_id_pairs(std::istream& stream, const std::string& name);

/// The field, in quotes if it needs them.
std::string csv_field(const std::string& text);
