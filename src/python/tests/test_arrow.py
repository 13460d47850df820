"""Tables with the Arrow C stream interface: every type of ids, numbers and times, and what is missing."""

import numpy as np
import pytest

import gcmc

from test_columns import QUICK, predictions
from test_model import made_ratings

arrow = pytest.importorskip("pyarrow")

WHOLE = [arrow.int8(), arrow.uint8(), arrow.int16(), arrow.uint16(), arrow.int32(), arrow.uint32(), arrow.int64(),
         arrow.uint64()]
TEXT = [arrow.string(), arrow.large_string(), arrow.string_view()]
INDEX = [arrow.int8(), arrow.uint16(), arrow.int32(), arrow.int64()]


class Stream:
    """What is known of nobody's library."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


def small_ratings():
    """Ids below 128."""
    ratings = made_ratings()
    return {"user": ratings["user"] - 100, "item": ratings["item"], "rating": ratings["rating"]}


@pytest.fixture(scope="module")
def table():
    return arrow.table(small_ratings())


def answers(table, users, items):
    model = gcmc.Model(**QUICK).fit(Stream(table))
    return model.predict(users, items).tolist()


@pytest.fixture(scope="module")
def expected(table):
    return answers(table, [0, 1], [5, 6])


@pytest.fixture(scope="module")
def expected_of_texts():
    ratings = small_ratings()
    named = {**ratings, "user": [f"user {one}, long enough" if one % 2 else f"u{one}" for one in ratings["user"]]}
    model = gcmc.Model(**QUICK).fit(named)
    return named, model.predict(["u0", "user 1, long enough"], [5, 6]).tolist()


def with_column(table, name, column):
    return table.set_column(table.column_names.index(name), name, column)


@pytest.mark.parametrize("kind", WHOLE, ids=str)
def test_whole_numbers_as_ids_and_ratings(table, expected, kind):
    for name in ("user", "rating"):
        assert answers(with_column(table, name, table[name].cast(kind)), [0, 1], [5, 6]) == expected


@pytest.mark.parametrize("kind", [arrow.float32(), arrow.float64()], ids=str)
def test_floating_ratings(table, expected, kind):
    assert answers(with_column(table, "rating", table["rating"].cast(kind)), [0, 1], [5, 6]) == expected


@pytest.mark.parametrize("kind", TEXT, ids=str)
def test_texts_short_and_long(expected_of_texts, kind):
    named, expected = expected_of_texts
    named = arrow.table({**named, "user": arrow.array(named["user"], kind)})
    assert answers(named, ["u0", "user 1, long enough"], [5, 6]) == expected


@pytest.mark.parametrize("index", INDEX, ids=str)
@pytest.mark.parametrize("kind", [*TEXT[:2], arrow.int64()], ids=str)
def test_dictionaries(expected_of_texts, table, expected, index, kind):
    if kind == arrow.int64():
        named, users, expected = table, [0, 1], expected
    else:
        named, expected = arrow.table(expected_of_texts[0]), expected_of_texts[1]
        users = ["u0", "user 1, long enough"]
    plain = named["user"].combine_chunks().dictionary_encode()
    encoded = arrow.DictionaryArray.from_arrays(plain.indices.cast(index), plain.dictionary.cast(kind))
    assert answers(with_column(named, "user", encoded), users, [5, 6]) == expected


def test_chunks_of_their_own_and_slices(table, expected):
    pieces = arrow.concat_tables([table[:100], table[100:100], table[100:777], table[777:]])
    assert answers(pieces, [0, 1], [5, 6]) == expected
    batches = arrow.Table.from_batches([batch.slice(0) for batch in pieces.to_batches(max_chunksize=333)])
    assert answers(batches, [0, 1], [5, 6]) == expected
    padded = arrow.concat_tables([table[:7], table]).combine_chunks()
    assert answers(padded.slice(7), [0, 1], [5, 6]) == expected


def test_a_struct_that_begins_further_on(table, expected):
    structs = arrow.concat_tables([table[:7], table]).combine_chunks().to_struct_array()
    assert answers(arrow.chunked_array([chunk.slice(7) for chunk in structs.chunks]), [0, 1], [5, 6]) == expected


def test_texts_about_the_length_that_a_view_holds():
    ids = ["x" * length for length in range(1, 20)] + ["y" * length for length in range(1, 20)]
    views = arrow.table({"user": arrow.array(ids, arrow.string_view()), "item": [1] * 38, "rating": [1, 2] * 19})
    assert sorted(gcmc.Model(**QUICK).fit(views).user_ids_) == sorted(ids)


def test_chunks_with_dictionaries_of_their_own(table, expected):
    column = arrow.chunked_array([table["user"][:500].combine_chunks().dictionary_encode(),
                                  table["user"][500:].combine_chunks().dictionary_encode()])
    assert answers(with_column(table, "user", column), [0, 1], [5, 6]) == expected


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_split_as_seconds_do(table, unit):
    seconds = np.arange(1200) * 3600
    options = {**QUICK, "split": "time"}
    plain = gcmc.Model(**options).fit(table.append_column("time", arrow.array(seconds)))
    times = arrow.array(seconds).cast(arrow.timestamp("s", "UTC")).cast(arrow.timestamp(unit, "UTC"))
    stamped = gcmc.Model(**options).fit(table.append_column("time", times))
    assert stamped.metrics_["best_test_rmse"] == plain.metrics_["best_test_rmse"]


def with_null(column, row, *, kind=None):
    values = column.to_pylist()
    values[row] = None
    return arrow.array(values, kind or column.type)


@pytest.mark.parametrize("name", ["user", "item", "rating"])
def test_what_is_missing_is_named_by_column_and_row(table, name):
    pieces = arrow.concat_tables([table[:500], with_column(table, name, with_null(table[name], 34))])
    with pytest.raises(ValueError, match=f"{name}: row 534 has no value"):
        gcmc.Model(**QUICK).fit(pieces)
    encoded = with_null(table["user"], 34).dictionary_encode()
    with pytest.raises(ValueError, match="user: row 34 has no value"):
        gcmc.Model(**QUICK).fit(with_column(table, "user", encoded))


def test_not_a_number_is_named_too(table):
    ratings = table["rating"].to_numpy().copy()
    ratings[1100] = np.nan
    with pytest.raises(ValueError, match="rating: row 1100 is not a finite number"):
        gcmc.Model(**QUICK).fit(with_column(table, "rating", arrow.array(ratings)))


def test_other_types_are_refused_by_name(table):
    floats = with_column(table, "user", table["user"].cast(arrow.float64()))
    with pytest.raises(ValueError, match="user: ids are whole numbers or text, not Arrow's g"):
        gcmc.Model(**QUICK).fit(floats)
    texts = with_column(table, "rating", table["rating"].cast(arrow.string()))
    with pytest.raises(ValueError, match="rating: Arrow's u is no number"):
        gcmc.Model(**QUICK).fit(texts)
    with pytest.raises(ValueError, match="user: ids are whole numbers or text, not Arrow's tsu"):
        gcmc.Model(**QUICK).fit(with_column(table, "user", table["user"].cast(arrow.timestamp("us"))))


def test_a_stream_that_fails_says_why():
    schema = arrow.schema({"user": arrow.int64(), "item": arrow.int64(), "rating": arrow.float64()})

    def broken():
        raise ValueError("the disk is away")
        yield

    with pytest.raises(ValueError, match="the disk is away"):
        gcmc.Model(**QUICK).fit(Stream(arrow.RecordBatchReader.from_batches(schema, broken())))


def test_duckdb(expected):
    duckdb = pytest.importorskip("duckdb")
    ratings = arrow.table(small_ratings())
    relation = duckdb.sql('select rating, item, "user" from ratings')
    assert ratings.num_rows == 1200 and gcmc.Model(**QUICK).fit(relation).predict([0, 1], [5, 6]).tolist() == expected


def test_categories_of_polars(expected_of_texts):
    polars = pytest.importorskip("polars")
    named, expected = expected_of_texts
    frame = polars.DataFrame(named).with_columns(polars.col("user").cast(polars.Categorical))
    model = gcmc.Model(**QUICK).fit(frame)
    assert model.predict(["u0", "user 1, long enough"], [5, 6]).tolist() == expected


def test_categories_and_nullable_numbers_of_pandas(expected_of_texts, expected):
    pandas = pytest.importorskip("pandas")
    named, of_texts = expected_of_texts
    frame = pandas.DataFrame(named).astype({"user": "category"})
    assert gcmc.Model(**QUICK).fit(frame).predict(["u0", "user 1, long enough"], [5, 6]).tolist() == of_texts
    nullable = pandas.DataFrame(small_ratings()).astype({"user": "Int64", "rating": "Float64"})
    assert gcmc.Model(**QUICK).fit(nullable).predict([0, 1], [5, 6]).tolist() == expected
    nullable.loc[7, "user"] = None
    with pytest.raises(ValueError, match="user: row 7 "):
        gcmc.Model(**QUICK).fit(nullable)


def test_ratings_and_times_in_dictionaries_are_their_values(table):
    halves = with_column(table, "rating", arrow.array(np.asarray(table["rating"], float) / 2))
    plain = gcmc.Model(**QUICK).fit(halves)
    encoded = with_column(halves, "rating", halves["rating"].combine_chunks().dictionary_encode())
    assert gcmc.Model(**QUICK).fit(encoded).levels_.tolist() == plain.levels_.tolist()
    assert gcmc.Model(**QUICK).fit(encoded).predict([0, 1], [5, 6]).tolist() == plain.predict([0, 1], [5, 6]).tolist()
    missing = arrow.DictionaryArray.from_arrays(arrow.array([0, None, 1], arrow.int8()), arrow.array([4.0, 5.0]))
    nothing = arrow.DictionaryArray.from_arrays(arrow.array([0, 1, 0], arrow.int8()), arrow.array([4.0, None]))
    for ratings in (missing, nothing):
        with pytest.raises(ValueError, match="rating: row 1 has no value"):
            gcmc.Model(**QUICK).fit((arrow.array([1, 2, 3]), arrow.array([4, 5, 6]), arrow.chunked_array([ratings])))


def test_times_as_ratings_are_refused(table):
    times = with_column(table, "rating", table["rating"].cast(arrow.int64()).cast(arrow.timestamp("s")))
    with pytest.raises(ValueError, match="is no number"):
        gcmc.Model(**QUICK).fit(times)


def test_categories_of_pandas_as_ratings_are_their_values():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(small_ratings())
    frame["rating"] = frame["rating"] / 2 + 0.25
    categories = frame.assign(rating=frame["rating"].astype("category"))
    assert gcmc.Model(**QUICK).fit(categories).levels_.tolist() == sorted(set(frame["rating"]))


def test_missing_ids_of_pandas_are_named():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(small_ratings())
    frame.loc[9, "user"] = None
    with pytest.raises(ValueError, match="user: row 9 has no value"):
        gcmc.Model(**QUICK).fit(frame)


def test_mixed_ids_of_pandas_are_text():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"user": [1, "anna", 1, "anna"], "item": [1, 1, 2, 3], "rating": [1, 2, 3, 4]})
    assert gcmc.Model(**QUICK).fit(frame).user_ids_.tolist() == ["1", "anna"]
