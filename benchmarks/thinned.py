#!/usr/bin/env python3
"""Sets of other densities, made from MovieLens 1M: thinned.py ml-1m/ratings.dat FOLDER

Writes FOLDER/NAME/ratings.csv of each set in docs/accuracy.md, "Density". Needs NumPy; the same ratings on every machine.
"""
import pathlib
import sys

import numpy


def save(folder, name, ratings):
    (folder / name).mkdir(parents=True, exist_ok=True)
    lines = [f"{user},{item},{rating},0\n" for user, item, rating in ratings]
    (folder / name / "ratings.csv").write_text("userId,movieId,rating,timestamp\n" + "".join(lines), encoding="utf-8")
    nodes = sum(len(set(ratings[:, column])) for column in (0, 1))
    print(f"{name}: {len(ratings)} ratings, {2 * len(ratings) / nodes:.1f} a user or item")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="latin1") as lines:
        every = numpy.array([[int(field) for field in line.split("::")[:3]] for line in lines])
    folder = pathlib.Path(sys.argv[2])
    draw = numpy.random.RandomState(1)

    def some(ratings, count):
        return ratings[numpy.sort(draw.permutation(len(ratings))[:count])]

    def heaviest(users, items):
        """The ratings of the users with most of them for the items with most."""
        kept = [numpy.argsort(-numpy.bincount(every[:, column]))[:count] for column, count in ((0, users), (1, items))]
        return every[numpy.isin(every[:, 0], kept[0]) & numpy.isin(every[:, 1], kept[1])]

    save(folder, "thin100", some(every, 100000))
    draw.permutation(len(every))  # of a set that the page does not have: what follows was drawn behind it
    save(folder, "thin30", some(every, 30000))
    save(folder, "core100", some(heaviest(700, 450), 100000))
    save(folder, "core40", some(heaviest(350, 300), 40000))
    save(folder, "thin320", some(every, 320000))
    draw.permutation(len(every))  # of another
    split = some(every, 320000)
    split[:, 0] = split[:, 0] * 4 + draw.randint(0, 4, len(split))  # each user is four, with a quarter of the ratings
    save(folder, "split320", split)


if __name__ == "__main__":
    main()
