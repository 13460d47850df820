"""What ratings may come in, and which ids go out."""

import numpy as np
import pytest

import gcmc

from test_model import SMALL, made_ratings

QUICK = {**SMALL, "train_max_iter": 5}


def predictions(table):
    return gcmc.Model(**QUICK).fit(table).predict([100, 101], [5, 6]).tolist()


@pytest.fixture(scope="module")
def expected():
    return predictions(made_ratings())


def test_a_tuple(expected):
    assert predictions(tuple(made_ratings().values())) == expected


def test_lists_of_numbers(expected):
    assert predictions({name: column.tolist() for name, column in made_ratings().items()}) == expected


def test_columns_are_found_by_name(expected):
    turned = dict(reversed(made_ratings().items()))
    assert predictions(turned) == expected


def test_the_first_three_columns_where_names_are_others(expected):
    named = dict(zip(("UserId", "MovieId", "Stars", "When"), (*made_ratings().values(), np.zeros(1200))))
    assert predictions(named) == expected


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames(library, expected):
    frames = pytest.importorskip(library)
    assert predictions(frames.DataFrame(made_ratings())) == expected


def test_arrow_tables(expected):
    arrow = pytest.importorskip("pyarrow")
    assert predictions(arrow.table(made_ratings())) == expected


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_text_ids_of_frames_come_back_as_text(library):
    module = pytest.importorskip(library)
    ratings = made_ratings()
    named = {"user": [f"u{one}" for one in ratings["user"]], "item": ratings["item"], "rating": ratings["rating"]}
    frame = module.table(named) if library == "pyarrow" else module.DataFrame(named)
    model = gcmc.Model(**QUICK).fit(frame)
    answer = model.recommend("u100", n=2)
    assert type(answer) is type(frame)
    assert np.asarray(answer["user"]).tolist() == ["u100"] * 2 and np.asarray(answer["item"]).dtype == np.int64


def test_text_that_looks_like_numbers_stays_text():
    ratings = made_ratings()
    model = gcmc.Model(**QUICK).fit((ratings["user"].astype(str), ratings["item"], ratings["rating"]))
    assert set(map(type, model.recommend(n=1)["user"])) == {str}


def test_ratings_are_merged_as_files_are():
    user, item, rating = made_ratings().values()
    twice = (np.append(user, user[0]), np.append(item, item[0]), np.append(rating, 6 - rating[0]))
    once = (user, item, np.append(6 - rating[0], rating[1:]))
    order = np.append(np.arange(1, 1200), 0)  # the later one stays in its place
    assert predictions(twice) == predictions(tuple(column[order] for column in once))


def test_a_split_by_time_tests_the_latest():
    user, item, rating = made_ratings().values()
    model = gcmc.Model(**QUICK, split="time").fit((user, item, rating, np.arange(1200)))
    assert model.metrics_["test_ratings"] == 120
    with pytest.raises(ValueError, match="no times"):
        gcmc.Model(**QUICK, split="time").fit((user, item, rating))


def test_a_bare_matrix_is_refused():
    sparse = pytest.importorskip("scipy.sparse")
    for matrix in (sparse.csr_matrix(np.eye(3)), np.eye(3)):
        with pytest.raises(ValueError, match="bare matrix"):
            gcmc.Model().fit(matrix)


def test_times_of_a_zone_and_missing_ones_of_pandas_without_arrow(monkeypatch):
    """Columns as pandas before 3, or without pyarrow, gives them."""
    pandas = pytest.importorskip("pandas")
    monkeypatch.delattr(pandas.Series, "__arrow_c_stream__", raising=False)
    seconds = np.arange(1200) * 3600
    times = pandas.Series(pandas.to_datetime(seconds, unit="s", utc=True)).dt.tz_convert("Asia/Tokyo")
    frame = pandas.DataFrame(made_ratings())
    zoned = gcmc.Model(**QUICK, split="time").fit(frame.assign(time=times))
    plain = gcmc.Model(**QUICK, split="time").fit(frame.assign(time=seconds))
    assert zoned.metrics_["best_test_rmse"] == plain.metrics_["best_test_rmse"]
    some = pandas.array([None, *seconds[1:]], dtype="Int64")
    assert gcmc.describe(frame.assign(time=some))["ratings"] == 1200
    for frame in (frame.assign(time=some), frame.assign(time=times.where(seconds > 0))):
        with pytest.raises(ValueError, match="at no time"):
            gcmc.Model(**QUICK, split="time").fit(frame)
    for name, wrong in (("rating", times), ("rating", some), ("user", some)):
        with pytest.raises(ValueError, match=f"{name}: "):
            gcmc.Model(**QUICK).fit(frame.assign(**{name: wrong}))


@pytest.mark.parametrize("make", [np.asarray, list, lambda ids: ids.astype(object)], ids=["uint64", "list", "objects"])
def test_ids_from_2_to_the_63rd_on_are_numbers(tmp_path, make):
    ratings = made_ratings()
    users = ratings["user"].astype(np.uint64) + np.uint64(2**63)
    model = gcmc.Model(**QUICK).fit({**ratings, "user": make(users)})
    model.save(tmp_path)
    for one in (model, gcmc.load(tmp_path)):
        assert one.user_ids_.dtype == np.uint64 and set(one.user_ids_) == set(users)
        assert one.recommend([2**63 + 100], n=1)["user"].tolist() == [2**63 + 100]


def test_ids_of_more_digits_than_numbers_have_are_text(tmp_path):
    ratings = {"user": ["9" * 5000, "7"], "item": [1, 2], "rating": [3, 4]}
    gcmc.Model(**QUICK).fit(ratings).save(tmp_path)
    assert gcmc.load(tmp_path).user_ids_.tolist() == ["7", "9" * 5000]


@pytest.mark.parametrize("table, sentence", [
    (([1, 2], [3], [4.0, 5.0]), "different lengths"),
    (([1.5], [2], [3]), "whole numbers or text"),
    (([1, None], [2, 3], [3, 4]), "row 1 is None"),
    (([True, False], [2, 3], [3, 4]), "row 0 is True"),
    (([1], [2], ["good"]), "rating: row 0 is"),
    (([1], [2]), "2 columns"),
    ({"a": [1]}, "were expected"),
    (5, "int is none of"),
    (([""], [2], [3]), "empty"),
    (([1], [""], [3]), "empty"),
    ((["a\nb"], [2], [3]), "line break"),
    ((["a\0b"], [2], [3]), "zero byte"),
    (([1, 2], [3, 4], np.array([True, False])), "bool is no number"),
    (([1, 2], [3, 4], np.array(["2020-01-01", "2020-01-02"], "datetime64[D]")), "is no number"),
    (([1, 2], [3, 4], np.array([1j, 2])), "complex128 is no number"),
    (([1, 2], [3, 4], np.ma.array([1.0, 2.0], mask=[False, True])), "rating: row 1 is masked"),
    ((np.ma.array([1, 2], mask=[True, False]), [3, 4], [1, 2]), "user: row 0 is masked"),
    (([1, 2], [3, 4], [5, 10**400]), "rating: row 1 "),
    (([], [], []), "rating"),
    (([1, 2], [3, 4], [5, None]), "rating: row 1 "),
    (([1, 2], [3, 4], [5, "x"]), "rating: row 1 is 'x'"),
    (([1, 2], [3, 4], [5, float("inf")]), "rating: row 1 "),
])
def test_what_is_no_ratings_is_refused(table, sentence):
    with pytest.raises(ValueError, match=sentence):
        gcmc.Model(**QUICK).fit(table)


def test_ids_of_two_kinds_in_training_and_validation_are_text():
    ratings = made_ratings()
    model = gcmc.Model(**QUICK).fit(ratings, valid=(["100", "new"], [5, 6], [3, 4]))
    assert model.user_ids_.dtype == object and {"100", "new"} <= set(model.user_ids_)
    assert model.item_ids_.dtype == np.int64 and len(model.recommend("new", n=3)["item"]) == 3


def test_wrong_numbers_and_several_ids_are_told():
    model = gcmc.Model(**QUICK).fit(made_ratings())
    for n in (2.0, "3", None, 2**31, -1, True):
        for ask in (lambda n: model.recommend([100], n), lambda n: model.similar_items(5, n), lambda n: model.evaluate(n=n),
                    lambda n: model.fold_in(([5], [4])).recommend(n)):
            with pytest.raises(ValueError, match="n is .*, a whole number"):
                ask(n)
    for ask in (lambda: model.similar_items([5, 6]), lambda: model.similar_items([]), lambda: model.explain([], 5),
                lambda: model.explain([100, 101], [5, 6])):
        with pytest.raises(ValueError, match="one id was expected"):
            ask()
