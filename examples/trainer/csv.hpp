// The two forms of CSV that gcmc predict needs: id pairs in, quoted fields out (RFC 4180).
#pragma once

#include <istream>
#include <string>
#include <vector>

struct IdPair {
  std::string user, item;
};

/// user,item one a line; further columns and empty lines are skipped; a first line of column names (user, userId,
/// user_id and item, itemId, movieId, ...) is the header. Throws gcmc::Error with `name` and the line number.
std::vector<IdPair> read_id_pairs(std::istream& stream, const std::string& name);

/// The field, in quotes if it needs them.
std::string csv_field(const std::string& text);
