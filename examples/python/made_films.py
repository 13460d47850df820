"""Ratings of films that are made up, for the notebooks: who likes a genre rates its films well."""

import numpy as np
import pandas

GENRES = ["Comedy", "Crime", "Drama", "Western"]


def made_films(people: int = 300, films: int = 120, ratings: int = 9000, seed: int = 1):
    """Frames of ratings (user, item, rating from 1 to 5), of people (user, age, favourite) and of films (item, year,
    genres, with | between them). Users are numbers, items texts such as "Western 7"."""
    random = np.random.default_rng(seed)
    favourite = random.integers(len(GENRES), size=people)
    first, second = np.arange(films) % len(GENRES), random.integers(len(GENRES), size=films)
    names = np.array([f"{GENRES[genre]} {1 + k // len(GENRES)}" for k, genre in enumerate(first)])
    pairs = random.permutation(people * films)[:ratings]
    user, film = pairs // films, pairs % films
    liking = 1.3 * (first[film] == favourite[user]) + 0.5 * (second[film] == favourite[user])
    quality = random.normal(0, 0.5, films)
    rating = np.clip(np.round(2.7 + liking + quality[film] + random.normal(0, 0.5, ratings)), 1, 5).astype(int)
    genres = [GENRES[a] if a == b else f"{GENRES[a]}|{GENRES[b]}" for a, b in zip(first, second)]
    return (pandas.DataFrame({"user": user + 1, "item": names[film], "rating": rating}),
            pandas.DataFrame({"user": np.arange(people) + 1, "age": random.integers(18, 80, people),
                              "favourite": [GENRES[genre] for genre in favourite]}),
            pandas.DataFrame({"item": names, "year": random.integers(1950, 2020, films), "genres": genres}))
