// A small data set in each format: names of its files, the ratings first, and their text.
#pragma once

#include <string>
#include <utility>
#include <vector>

using SampleSet = std::vector<std::pair<std::string, std::string>>;

inline const std::string genre_flags = "|0|0|0|1|0|1|0|0|0|0|0|0|0|0|0|0|0|0|1\n";
inline const std::vector<SampleSet> sample_sets = {
    {{"u1.base", "1\t1\t5\t874965758\n1\t2\t3\t876893171\n20\t1\t4\t0\n"},
     {"u1.test", "3\t2\t1\t875071561\n"},
     {"u.user", "1|24|M|writer|85711\n3|53|F|none|94043\n20|60|M|writer|T8H1N\n"},
     {"u.occupation", "none\nwriter\n"},
     {"u.item", "1|Toy (1995)|01-Jan-1995||http://x/(1995)" + genre_flags + "2|Caf\xE9|||" + genre_flags}},
    {{"ratings.dat", "1::1193::5::978300760\n2::1193::3.5::0\n2::5::0.5::0\n"},
     {"users.dat", "1::F::1::10::48067\n2::M::56::16::70072\n"},
     {"movies.dat", "1193::Cl\xE9o (1975)::Drama\n5::Jumanji: A::B (1995)::Children's|Fantasy\n"}},
    {{"ratings.csv", "userId,movieId,rating,timestamp\r\n1,31,2.5,1260759144\r\n\"a,b\",7,4.0,12\r\n"},
     {"movies.csv",
      "movieId,title,genres\r\n31,\"American, \"\"The\"\"\r\n (1995)\",Drama|War\r\n7,X,(no genres listed)\r\n"}}};
