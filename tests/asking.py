#!/usr/bin/env python3
"""Recomputes in plain Python what the gcmc program answers from a model's files.

    asking.py GCMC

Makes ratings with ties, trains on them for a few steps, and compares predictions, recommendations, similarities,
fold-in, explanations and every figure of gcmc evaluate with its own.
"""
import csv
import io
import json
import math
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from made_ratings import write_ratings

GCMC = str(Path(sys.argv[1]).resolve())
WORK = Path(tempfile.mkdtemp(prefix="asking-"))
TOP = 5


def gcmc(*arguments):
    result = subprocess.run([GCMC, *map(str, arguments)], cwd=WORK, capture_output=True, text=True)
    assert result.returncode == 0, (arguments, result.stderr)
    return result.stdout


def refused(*arguments):
    result = subprocess.run([GCMC, *map(str, arguments)], cwd=WORK, capture_output=True, text=True)
    assert result.returncode == 2, (arguments, result)
    return result.stderr


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def close(a, b, tolerance=2e-5):
    assert abs(float(a) - float(b)) <= tolerance, (a, b)


def title_of(item):
    return f"Film {item[1:]}, the {'second' if item == 'i5' else 'first'}"


def make_ratings():
    write_ratings(WORK / "ratings.csv")
    with open(WORK / "movies.csv", "w", encoding="utf-8") as file:
        file.write("title,movieId\n")
        for item in range(45):
            file.write(f'"{title_of(f"i{item}")}",i{item}\n')


class Model:
    """The files of a model folder, as docs/guide.md describes them."""

    def __init__(self, folder):
        with open(folder / "model.safetensors", "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
            data = file.read()
        kinds = {"F32": "f", "F64": "d", "I32": "i", "I64": "q", "U8": "B"}
        self.shape, self.values = {}, {}
        for name, tensor in header.items():
            if name != "__metadata__":
                begin, end = tensor["data_offsets"]
                self.shape[name] = tensor["shape"]
                self.values[name] = [v[0] for v in struct.iter_unpack("<" + kinds[tensor["dtype"]], data[begin:end])]
        self.config = json.loads((folder / "config.json").read_text())
        self.levels = self.config["rating_values"]
        self.users = (folder / "users.txt").read_text().splitlines()
        self.items = (folder / "items.txt").read_text().splitlines()

    def row(self, name, k):
        width = self.shape[name][-1]
        return self.values[name][k * width:(k + 1) * width]

    def probabilities(self, z, item):
        return self.probabilities_of(z, self.row("item_embedding", item))

    def probabilities_of(self, z, v):
        width = len(z)
        logits = [0.0] * len(self.levels)
        for s in range(self.shape["decoder.basis"][0]):
            basis = self.values["decoder.basis"][s * width * width:(s + 1) * width * width]
            x = sum(z[d] * sum(basis[d * width + e] * v[e] for e in range(width)) for d in range(width))
            for r, a in enumerate(self.row("decoder.coefficients", s)):
                logits[r] += a * x
        most = max(logits)
        p = [math.exp(x - most) for x in logits]
        return [x / sum(p) for x in p]

    def rating(self, z, item):
        return self.rating_of(z, self.row("item_embedding", item))

    def rating_of(self, z, v):
        return sum(p * value for p, value in zip(self.probabilities_of(z, v), self.levels))

    def part(self, part, user):
        begin, end = self.values[part + ".offsets"][user:user + 2]
        return list(zip(self.values[part + ".items"][begin:end],
                        (self.levels[k] for k in self.values[part + ".levels"][begin:end])))

    def item_counts(self):
        counts = [0] * len(self.items)
        for item in self.values["rated.items"]:
            counts[item] += 1
        return counts

    def user_counts(self):
        offsets = self.values["rated.offsets"]
        return [end - begin for begin, end in zip(offsets, offsets[1:])]

    def baseline(self, user, item):
        value = self.config["baseline_mean"]
        value += self.values["baseline.user_bias"][user] if user is not None else 0
        value += self.values["baseline.item_bias"][item] if item is not None else 0
        return min(max(value, self.levels[0]), self.levels[-1])

    def rating_of_ids(self, user, item):
        """Of a pair that the model does not know: the baseline's."""
        u = self.users.index(user) if user in self.users else None
        i = self.items.index(item) if item in self.items else None
        return self.baseline(u, i) if u is None or i is None else self.rating(self.row("user_embedding", u), i)

    def fold_in(self, ratings, side="user"):
        """Sum over levels, symmetric normalisation, leaky ReLU, dense layer with bias: the options of this test."""
        counts, table = ((self.item_counts(), "encoder.item.weight") if side == "user" else
                         (self.user_counts(), "encoder.user.weight"))
        width = self.shape[table][2]
        sums = [0.0] * width
        for other, value in ratings:
            if counts[other] == 0:
                continue
            row = self.row(table, self.levels.index(value) * len(counts) + other)
            for c in range(width):
                sums[c] += row[c] / math.sqrt(counts[other])
        hidden = [x / math.sqrt(max(len(ratings), 1)) for x in sums]
        hidden = [x if x > 0 else 0.1 * x for x in hidden]
        z = list(self.values[f"dense.{side}.bias"])
        for c, h in enumerate(hidden):
            for d, w in enumerate(self.row(f"dense.{side}.weight", c)):
                z[d] += h * w
        return z


def check_predictions(model, ratings):
    pairs = [(u, i) for u in (0, 7, 30, 59) for i in (0, 3, 44)]
    text = "user,item\n" + "".join(f"{model.users[u]},{model.items[i]}\n" for u, i in pairs)
    (WORK / "pairs.csv").write_text(text)
    answers = rows(gcmc("predict", "--model", "run", "--probabilities", "--interval", "pairs.csv"))
    for (user, item), answer in zip(pairs, answers, strict=True):
        p = model.probabilities(model.row("user_embedding", user), item)
        close(answer["rating"], ratings[user][item])
        for level, probability in zip(model.levels, p):
            close(answer[f"p_{level:g}"], probability)
        below = lambda value: sum(q for q, level in zip(p, model.levels) if level < value)
        above = lambda value: sum(q for q, level in zip(p, model.levels) if level > value)
        assert below(float(answer["low"])) <= 0.1 + 1e-6 and above(float(answer["high"])) <= 0.1 + 1e-6


def check_recommendations(model, ratings):
    answers = rows(gcmc("recommend", "--model", "run", "--all", "--top", TOP))
    titles = {answer["item"]: answer["title"] for answer in answers}
    for user, name in enumerate(model.users):
        own = [(a["item"], float(a["rating"])) for a in answers if a["user"] == name]
        held = {item for part in ("rated", "tested") for item, _ in model.part(part, user)}
        others = [item for item in range(len(model.items)) if item not in held]
        best = sorted(others, key=lambda item: -ratings[user][item])[:TOP]
        assert len(own) == len(best)
        for (item, rating), expected in zip(own, best):
            number = model.items.index(item)
            assert number not in held, (name, item)
            assert titles[item] == title_of(item), titles[item]
            close(rating, ratings[user][expected])
            close(rating, ratings[user][number])
    (WORK / "few.csv").write_text("item\ni1\ni2\ni3\nnothing\n")
    few = rows(gcmc("recommend", "--model", "run", "--user", "u5", "--only", "few.csv", "--include-rated"))
    assert {a["item"] for a in few} == {"i1", "i2", "i3"}
    less = rows(gcmc("recommend", "--model", "run", "--user", "u5", "--without", "few.csv", "--include-rated",
                     "--top", 100))
    assert {a["item"] for a in less} == set(model.items) - {"i1", "i2", "i3"}
    counts = model.item_counts()
    popular = rows(gcmc("recommend", "--model", "run", "--user", "u5", "--include-rated", "--top", 100,
                        "--min-ratings", sorted(counts)[20]))
    assert {a["item"] for a in popular} == {name for name, c in zip(model.items, counts) if c >= sorted(counts)[20]}
    as_json = json.loads(gcmc("recommend", "--model", "run", "--user", "u5", "--user", "u6", "--format", "json"))
    as_csv = rows(gcmc("recommend", "--model", "run", "--user", "u5", "--user", "u6"))
    assert [(a["user"], a["item"]) for a in as_json] == [(a["user"], a["item"]) for a in as_csv]
    awkward = 'a "quoted" \\ back\tslash, \u202eé'
    with open(WORK / "awkward.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["user", "item"], [awkward, "i1"]])
    assert json.loads(gcmc("predict", "--model", "run", "--format", "json", "awkward.csv"))[0]["user"] == awkward
    assert rows(gcmc("predict", "--model", "run", "awkward.csv"))[0]["user"] == awkward


def check_strangers(model):
    own = {"i3": 5.0, "i6": 5.0, "i7": 1.0}
    (WORK / "own.csv").write_text("rating,item\n" + "".join(f"{value:g},{item}\n" for item, value in own.items()))
    ratings = [(model.items.index(item), value) for item, value in own.items()]
    z = model.fold_in(ratings)
    off = [value - model.rating(model.fold_in([r for r in ratings if r[0] != item]), item) for item, value in ratings]
    shift = sum(off) / (len(off) + 10)
    answers = rows(gcmc("recommend", "--model", "run", "--new-user", "own.csv", "--top", 40))
    assert len(answers) == 40
    for answer in answers:
        assert answer["item"] not in own
        close(answer["rating"], min(max(model.rating(z, model.items.index(answer["item"])) + shift, 1), 5))
    item = model.items.index("i9")
    reasons = rows(gcmc("explain", "--model", "run", "--new-user", "own.csv", "--item", "i9"))
    assert len(reasons) == 3
    for answer in reasons:
        rest = [(k, value) for k, value in ratings if model.items[k] != answer["item"]]
        assert len(rest) == 2
        close(answer["effect"], model.rating(z, item) - model.rating(model.fold_in(rest), item))
    (WORK / "none.csv").write_text("item,rating\n")
    answers = rows(gcmc("recommend", "--model", "run", "--new-user", "none.csv"))
    assert len(answers) == 10
    for answer in answers:
        close(answer["rating"], model.baseline(None, model.items.index(answer["item"])))
        assert "baseline" in answer["note"]


def check_new_item(model):
    own = {"u3": 5.0, "u6": 4.0, "u7": 1.0}
    (WORK / "item.csv").write_text("user,rating\n" + "".join(f"{user},{value:g}\n" for user, value in own.items()) +
                                   "nobody,3\n")
    ratings = [(model.users.index(user), value) for user, value in own.items()]
    rating = lambda z, user: model.rating_of(model.row("user_embedding", user), z)
    off = [value - rating(model.fold_in([r for r in ratings if r[0] != user], "item"), user) for user, value in ratings]
    shift = sum(off) / (len(off) + 10)
    z = model.fold_in(ratings, "item")
    expected = {name: min(max(rating(z, k) + shift, 1), 5) for k, name in enumerate(model.users) if name not in own}
    answers = rows(gcmc("recommend", "--model", "run", "--new-item", "item.csv", "--top", 7))
    assert len(answers) == 7
    for answer, value in zip(answers, sorted(expected.values(), reverse=True)[:7], strict=True):
        close(answer["rating"], value)
        close(answer["rating"], expected[answer["user"]])
    (WORK / "users.csv").write_text("user\nu3\nu4\n")
    few = rows(gcmc("recommend", "--model", "run", "--new-item", "item.csv", "--only", "users.csv"))
    assert [a["user"] for a in few] == ["u4"]


def cosine(a, b):
    product = lambda x, y: sum(p * q for p, q in zip(x, y))
    return product(a, b) / math.sqrt(product(a, a) * product(b, b))


def check_similar_ratings(model):
    """Profiles of all log probabilities less their mean, of those who have ratings."""
    def profile(user, item):
        logs = [math.log(p) for p in model.probabilities(model.row("user_embedding", user), item)]
        return [value - sum(logs) / len(logs) for value in logs]

    table = [[profile(user, item) for item in range(len(model.items))] for user in range(len(model.users))]
    counts = {"user": model.user_counts(), "item": model.item_counts()}
    for side, names, own in (("item", model.items, "i4"), ("user", model.users, "u9")):
        others = [k for k, count in enumerate(counts["user" if side == "item" else "item"]) if count > 0]
        cell = lambda k, other: table[other][k] if side == "item" else table[k][other]
        profiles = [[x for other in others for x in cell(k, other)] for k in range(len(names))]
        expected = {name: cosine(profiles[names.index(own)], profiles[k]) for k, name in enumerate(names)
                    if name != own and counts[side][k] > 0}
        answers = rows(gcmc("similar", "--model", "run", f"--{side}", own, "--by", "ratings", "--top", 6))
        assert len(answers) == 6
        for answer, value in zip(answers, sorted(expected.values(), reverse=True)[:6], strict=True):
            close(answer["similarity"], value)
            close(answer["similarity"], expected[answer[side]])


def check_similar(model):
    own = model.row("item_embedding", model.items.index("i4"))
    expected = {name: cosine(own, model.row("item_embedding", k)) for k, name in enumerate(model.items)
                if name != "i4"}
    answers = rows(gcmc("similar", "--model", "run", "--item", "i4", "--top", 6))
    for answer, value in zip(answers, sorted(expected.values(), reverse=True)[:6], strict=True):
        close(answer["similarity"], value)
        close(answer["similarity"], expected[answer["item"]])
        assert answer["title"] == title_of(answer["item"])


def ranking(model, scores, relevant_of):
    """scores(user, item); ties by item. Means over the users that relevant_of names."""
    counts, sums, listed, novelty = model.item_counts(), [0.0] * 4, set(), []
    for user, relevant in relevant_of.items():
        trained = {item for item, _ in model.part("rated", user)}
        items = sorted((item for item in range(len(model.items)) if item not in trained),
                       key=lambda item: (-scores(user, item), item))[:TOP]
        hits = [place for place, item in enumerate(items) if item in relevant]
        ideal = sum(1 / math.log2(place + 2) for place in range(min(TOP, len(relevant))))
        sums[0] += sum(1 / math.log2(place + 2) for place in hits) / ideal
        sums[1] += len(hits) / len(relevant)
        sums[2] += len(hits) / TOP
        sums[3] += 1 / (hits[0] + 1) if hits else 0
        listed.update(items)
        novelty += [-math.log2(max(counts[item], 1) / len(model.users)) for item in items]
    names = ["ndcg", "recall", "precision", "reciprocal_rank"]
    result = {name: value / len(relevant_of) for name, value in zip(names, sums)}
    return {**result, "coverage": len(listed) / len(model.items), "novelty": sum(novelty) / len(novelty)}


def check_evaluation(model, ratings):
    answer = json.loads(gcmc("evaluate", "--model", "run", "--format", "json", "--top", TOP, "--relevant", 4))
    metrics = json.loads((WORK / "run/metrics.json").read_text())
    for name in ("rmse", "mae", "accuracy", "loss"):
        close(answer[name], metrics["best_test_" + name], 1e-6)
    close(answer["baseline_rmse"], metrics["baseline_test_rmse"], 1e-9)

    pairs = [(user, item, value) for user in range(len(model.users)) for item, value in model.part("tested", user)]
    assert answer["pairs"] == len(pairs) == metrics["test_ratings"]
    bins, counts = [[0, 0.0, 0] for _ in range(10)], model.item_counts()
    by_user, by_item = {}, {}
    group = lambda count: next(k for k, least in reversed(list(enumerate((0, 1, 5, 20, 100)))) if count >= least)
    for user, item, value in pairs:
        for level, p in zip(model.levels, model.probabilities(model.row("user_embedding", user), item)):
            one = bins[min(int(p * 10), 9)]
            one[0] += 1
            one[1] += p
            one[2] += level == value
        for groups, count in ((by_user, len(model.part("rated", user))), (by_item, counts[item])):
            groups.setdefault(group(count), []).append((ratings[user][item] - value) ** 2)
    for told, (count, predicted, observed) in zip(answer["reliability"], bins, strict=True):
        assert abs(told["count"] - count) <= 1
        if count > 1:
            close(told["predicted"], predicted / count, 1e-2)
            close(told["observed"], observed / count, 1e-2)
    close(answer["calibration_error"], sum(abs(p - o) for _, p, o in bins) / sum(c for c, _, _ in bins), 1e-4)
    for name, groups in (("by_user_ratings", by_user), ("by_item_ratings", by_item)):
        for told, (_, errors) in zip(answer[name], sorted(groups.items()), strict=True):
            assert told["pairs"] == len(errors)
            close(told["rmse"], math.sqrt(sum(errors) / len(errors)))

    relevant = {}
    for user, item, value in pairs:
        if value >= 4:
            relevant.setdefault(user, set()).add(item)
    assert answer["ranked_users"] == len(relevant)
    for name, scores in (("ranking", lambda user, item: ratings[user][item]),
                         ("baseline_ranking", model.baseline), ("popularity_ranking", lambda _, item: counts[item])):
        for figure, value in ranking(model, scores, relevant).items():
            close(answer[name][figure], value, 1e-9)


def check_own_file(model, ratings):
    """Other numbers than the model's, ids and values that it does not have."""
    lines = [("i7", "u20", 3.5), ("i1", "u3", 2), ("i2", "u3", 5), ("new", "u4", 4), ("i3", "nobody", 1)]
    (WORK / "own-test.csv").write_text("item,user,rating\n" + "".join(f"{i},{u},{v}\n" for i, u, v in lines))
    answer = json.loads(gcmc("evaluate", "--model", "run", "own-test.csv", "--format", "json", "--against", "other"))
    square = 0
    for item, user, value in lines:
        known = user in model.users and item in model.items
        u = model.users.index(user) if user in model.users else None
        i = model.items.index(item) if item in model.items else None
        square += ((ratings[u][i] if known else model.baseline(u, i)) - value) ** 2
    assert (answer["pairs"], answer["unknown"], answer["no_such_level"]) == (5, 2, 1)
    close(answer["rmse"], math.sqrt(square / 5))
    close(answer["comparison"]["rmse"], answer["rmse"], 1e-12)
    lines[1:1] = ["bad line"]
    text = "item,user,rating\n" + "".join(line if isinstance(line, str) else "{},{},{}".format(*line) + "\n" for line in lines)
    (WORK / "bad.csv").write_text(text.replace("bad line", "i1,u3,bad\n"))
    assert "bad_lines skip" in refused("evaluate", "--model", "run", "bad.csv")
    assert json.loads(gcmc("evaluate", "--model", "run", "bad.csv", "--format", "json", "--bad-lines", "skip"))["pairs"] == 5
    assert "name one" in refused("evaluate", "--model", "run", "--columns", "user=u")
    wide = "user;i1;i2\nu1;4,5;\nu2;;3,0\n"
    (WORK / "wide.csv").write_text(wide)
    answer = json.loads(gcmc("evaluate", "--model", "run", "wide.csv", "--format", "json", "--layout", "wide",
                             "--separator", ";", "--decimal", ",", "--rating-levels", "1,2,5"))
    assert answer["pairs"] == 2, answer
    assert "both be standard output" in refused("evaluate", "--model", "run", "--format", "json", "--svg", "-")
    assert gcmc("evaluate", "--model", "run", "--svg", "-").rstrip().endswith("</svg>")


def check_clusters(comparison, by_user):
    """Differences of squared errors by user, whose mean the comparison has with its standard error."""
    count = sum(map(len, by_user.values()))
    mean = sum(map(sum, by_user.values())) / count
    rest = sum((sum(d) - len(d) * mean) ** 2 for d in by_user.values())
    error = math.sqrt(rest * len(by_user) / (len(by_user) - 1)) / count
    close(comparison["squared_error_difference"], mean, 1e-5)
    close(comparison["standard_error"], error, 1e-5)
    close(comparison["p"], math.erfc(abs(mean) / error / math.sqrt(2)), 1e-3)


def check_unknown_users(model):
    """Users whom a model does not know are still users of their own."""
    other = Model(WORK / "other/model")
    lines = [(f"stranger {k % 4}", f"i{1 + k % 3}", 1 + k % 5) for k in range(11)] + [("u3", "i1", 2), ("u4", "i2", 4)]
    (WORK / "strangers.csv").write_text("user,item,rating\n" + "".join(f"{u},{i},{v}\n" for u, i, v in lines))
    by_user = {}
    for user, item, value in lines:
        first, second = ((one.rating_of_ids(user, item) - value) ** 2 for one in (model, other))
        by_user.setdefault(user, []).append(second - first)
    check_clusters(json.loads(gcmc("evaluate", "--model", "run", "strangers.csv", "--format", "json", "--against",
                                   "other"))["comparison"], by_user)


def check_comparison(model, ratings):
    other = Model(WORK / "other/model")
    answer = json.loads(gcmc("evaluate", "--model", "run", "--format", "json", "--against", "other"))["comparison"]
    by_user = {}
    for user in range(len(model.users)):
        for item, value in model.part("tested", user):
            a = (ratings[user][item] - value) ** 2
            b = (other.rating_of_ids(model.users[user], model.items[item]) - value) ** 2
            by_user.setdefault(user, []).append(b - a)
    check_clusters(answer, by_user)
    seen = {(other.users[user], other.items[item]) for user in range(len(other.users)) for item, _ in other.part("rated", user)}
    tested = [(model.users[user], model.items[item]) for user in range(len(model.users))
              for item, _ in model.part("tested", user)]
    assert answer["other_trained"] == len(seen & set(tested)) > 0 and answer["other_unknown"] == sum(
        user not in other.users or item not in other.items for user, item in tested)
    assert f"unfair, since the other model was trained on {answer['other_trained']} of" in gcmc(
        "evaluate", "--model", "run", "--against", "other")
    explained = json.loads(gcmc("explain", "--model", "run", "--user", model.users[0], "--item", model.items[0],
                                "--format", "json"))
    assert explained and all(isinstance(reason["rating"], (int, float)) for reason in explained)


def main():
    make_ratings()
    options = ("--gcn-agg-units", 24, "--gcn-out-units", 6, "--threads", 2, "--silent")
    gcmc("train", ".", *options, "--train-max-iter", 30, "--save-dir", "run")
    gcmc("train", "ratings.csv", *options, "--train-max-iter", 5, "--seed", 9, "--save-dir", "other")
    model = Model(WORK / "run/model")
    ratings = [[model.rating(model.row("user_embedding", user), item) for item in range(len(model.items))]
               for user in range(len(model.users))]
    check_predictions(model, ratings)
    check_recommendations(model, ratings)
    check_strangers(model)
    check_new_item(model)
    check_similar(model)
    check_similar_ratings(model)
    check_evaluation(model, ratings)
    check_own_file(model, ratings)
    check_unknown_users(model)
    check_comparison(model, ratings)
    print("all answers are those of plain Python")


try:
    main()
finally:
    shutil.rmtree(WORK, ignore_errors=True)
