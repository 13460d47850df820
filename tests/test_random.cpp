// The random numbers: Philox against its published vectors, masks, sequences and permutations.
#include <algorithm>
#include <cmath>
#include <set>

#include "catch.hpp"
#include "gcmc/base/random.hpp"
#include "gcmc/testing/reference.hpp"

namespace gcmc {
namespace {

using Words = std::array<std::uint32_t, 4>;

TEST_CASE("philox gives the known answers of Random123", "[random]") {
  // The three lines "philox4x32 10" of Random123's tests/kat_vectors: counter, key (low word first), answer.
  CHECK(philox({0, 0, 0, 0}, 0) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, 0xffffffffffffffff) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a mask keeps all, nothing, or the asked share", "[random]") {
  constexpr Offset draws = 1 << 18;
  for (const double drop : {0.0, 0.1, 0.3, 0.5, 0.7, 0.95, 1.0}) {
    const Mask mask = make_mask(123, 7, 2, drop);
    Offset count = 0;
    for (Offset i = 0; i < draws; ++i) count += kept(mask, static_cast<std::uint64_t>(i)) ? 1 : 0;
    // Five standard deviations of a binomial share, and the rounding of the probability.
    const double bound = 5 * std::sqrt(drop * (1 - drop) / draws) + (drop > 0 && drop < 1 ? 1.0 / 65536 : 0.0);
    INFO("drop " << drop);
    CHECK(std::fabs(static_cast<double>(count) / draws - (1 - drop)) <= bound);
    CHECK(mask.keeps_all() == (drop == 0));
    if (drop < 1) CHECK(std::fabs(mask.scale() * (1 - drop) - 1) <= 1.0 / mask.keep_of_65536);
  }
  CHECK(make_mask(1, 1, 1, 1.0).scale() == 0);
}

TEST_CASE("every place in a group of 64 and every pair of places is kept as often as any other", "[random]") {
  const Mask mask = make_mask(5, 0, 0, 0.5);
  constexpr Index groups = 20000;
  std::vector<std::uint64_t> words(groups, 0);
  for (std::uint64_t group = 0; group < groups; ++group)
    for (std::uint64_t i = 0; i < 64; ++i) words[group] |= std::uint64_t{kept(mask, 64 * group + i)} << i;
  for (unsigned i = 0; i < 64; ++i)
    for (unsigned j = i; j < 64; ++j) {
      Index both = 0;
      for (const std::uint64_t word : words) both += static_cast<Index>(word >> i & word >> j & 1);
      const double p = i == j ? 0.5 : 0.25, deviation = std::sqrt(p * (1 - p) * groups);
      if (std::fabs(both - p * groups) <= 5.5 * deviation) continue;
      INFO("places " << i << " and " << j << ": " << both << " of " << groups);
      FAIL();
    }
}

TEST_CASE("masks of another seed, step or tensor are independent", "[random]") {
  const Mask mask = make_mask(0x100000002u, 3, 4, 0.5);
  constexpr Offset draws = 1 << 16;
  for (const Mask& other : {make_mask(0x100000003u, 3, 4, 0.5), make_mask(0x200000002u, 3, 4, 0.5),
                            make_mask(0x100000002u, 4, 4, 0.5), make_mask(0x100000002u, 3, 5, 0.5)}) {
    Offset equal = 0;
    for (std::uint64_t i = 0; i < draws; ++i) equal += kept(mask, i) == kept(other, i) ? 1 : 0;
    CHECK(std::fabs(static_cast<double>(equal) / draws - 0.5) <= 5 * std::sqrt(0.25 / draws));
  }
}

TEST_CASE("a mask goes on beyond 2^32 indices without repeating", "[random]") {
  const Mask mask = make_mask(9, 0, 0, 0.5);
  Index equal = 0;
  for (std::uint64_t i = 0; i < 4096; ++i) equal += kept(mask, i) == kept(mask, i + (std::uint64_t{1} << 36)) ? 1 : 0;
  CHECK(std::abs(equal - 2048) < 160);  // five standard deviations
}

TEST_CASE("drawn bits are those of kept, in its layout", "[random]") {
  testing::Reference reference;
  const Mask mask = make_mask(77, 5, 1, 0.7);
  std::vector<std::uint8_t> bits(1024 / 8, 0xff);
  reference.run(DrawMask{.mask = mask, .count = 1024, .bits = bits.data()});
  for (std::uint32_t i = 0; i < 1024; ++i) {
    // index = 64 group + 16 word + 2 lane + half; counter = 8 group + lane
    const std::uint32_t group = i / 64, word = i % 64 / 16, lane = i % 16 / 2, half = i % 2;
    const std::uint32_t draw = philox({8 * group + lane, 0, 5, 1}, 77)[word] >> (16 * half) & 0xffff;
    CHECK((bits[i / 8] >> (i % 8) & 1) == (draw < mask.keep_of_65536 ? 1 : 0));
  }
}

TEST_CASE("a sequence repeats for its seed and stream and for no other", "[random]") {
  Random first(42, 1), same(42, 1), other_stream(42, 2), other_seed(43, 1);
  Index equal_stream = 0, equal_seed = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::uint32_t bits = first.bits();
    CHECK(bits == same.bits());
    equal_stream += bits == other_stream.bits() ? 1 : 0;
    equal_seed += bits == other_seed.bits() ? 1 : 0;
  }
  CHECK(equal_stream <= 1);
  CHECK(equal_seed <= 1);
}

TEST_CASE("uniform draws lie in [0, 1) and have the moments of the uniform distribution", "[random]") {
  Random random(8);
  constexpr int draws = 100000;
  double sum = 0, squares = 0;
  for (int i = 0; i < draws; ++i) {
    const double x = random.uniform();
    if (!(x >= 0 && x < 1)) FAIL("drew " << x);
    sum += x;
    squares += x * x;
  }
  CHECK(std::fabs(sum / draws - 0.5) <= 5 * std::sqrt(1.0 / 12 / draws));
  CHECK(std::fabs(squares / draws - 1.0 / 3) <= 5 * std::sqrt(4.0 / 45 / draws));
}

TEST_CASE("below(n) takes every value under n equally often", "[random]") {
  Random random(9);
  for (const std::uint64_t n : {1u, 2u, 3u, 10u, 64u, 1000u}) {
    std::vector<int> counts(n);
    const int draws = static_cast<int>(400 * n);
    for (int i = 0; i < draws; ++i) {
      const std::uint64_t x = random.below(n);
      REQUIRE(x < n);
      ++counts[x];
    }
    for (const int count : counts) CHECK(std::abs(count - 400) <= 6 * 20);
  }
  CHECK(random.below(std::uint64_t{1} << 52) < std::uint64_t{1} << 52);
}

TEST_CASE("a permutation holds every number once, and depends on seed and stream alone", "[random]") {
  for (const Offset n : {0, 1, 2, 7, 64, 1000}) {
    const std::vector<Offset> order = permutation(n, 3);
    REQUIRE(static_cast<Offset>(order.size()) == n);
    std::vector<Offset> sorted = order;
    std::sort(sorted.begin(), sorted.end());
    for (Offset i = 0; i < n; ++i) CHECK(sorted[i] == i);
    CHECK(permutation(n, 3) == order);
  }
  CHECK(permutation(1000, 3) != permutation(1000, 4));
  CHECK(permutation(1000, 3, 0) != permutation(1000, 3, 1));
}

TEST_CASE("a shuffle is Fisher's and Yates', of any values on any number of threads", "[random]") {
  const Offset alone = 2048;                     // whose places one thread draws at a time
  const Offset several = 4 * shuffle_round + 1;  // from so many swaps on, several threads share them
  for (const Offset n : {Offset{0}, Offset{1}, Offset{2}, Offset{3}, Offset{64}, Offset{65}, Offset{66}, Offset{1000},
                         alone, alone + 1, alone + 2, 3 * alone + 77, several, several + 1, several + 2,
                         5 * shuffle_round + 1, 5 * shuffle_round + 2, 6 * shuffle_round + 77}) {
    std::vector<Offset> wanted(static_cast<std::size_t>(n));
    std::iota(wanted.begin(), wanted.end(), Offset{5});
    const std::vector<Offset> values = wanted;
    Random random(3, 4);
    for (Offset i = n - 1; i > 0; --i) std::swap(wanted[i], wanted[random.below(static_cast<std::uint64_t>(i) + 1)]);
    for (const int threads : {1, 2, 5}) {
      std::vector<Offset> shuffled = values;
      shuffle(std::span(shuffled), 3, 4, threads);
      CHECK((shuffled == wanted));
    }
  }
}

TEST_CASE("every order of four is equally likely", "[random]") {
  std::vector<int> first_place(4 * 4);
  std::set<std::vector<Offset>> seen;
  constexpr int draws = 4000;
  for (std::uint64_t seed = 0; seed < draws; ++seed) {
    const std::vector<Offset> order = permutation(4, seed);
    seen.insert(order);
    for (Offset place = 0; place < 4; ++place) ++first_place[4 * place + order[place]];
  }
  CHECK(seen.size() == 24);
  for (const int count : first_place) CHECK(std::abs(count - draws / 4) <= 5 * std::sqrt(draws * 0.25 * 0.75));
}

}  // namespace
}  // namespace gcmc
