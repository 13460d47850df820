"""The ratings of tests/asking.py and tests/serving.py: three tastes, ties, an item in five that all like."""
import random


def write_ratings(path):
    draw = random.Random(4)
    with open(path, "w", encoding="utf-8") as file:
        file.write("userId,itemId,rating\n")
        for user in range(60):
            for item in range(45):
                if draw.random() < 0.35:
                    like = 3 + (user % 3 == item % 3) + (item % 5 == 0) - draw.randrange(3)
                    file.write(f"u{user},i{item},{max(1, min(5, like))}\n")
