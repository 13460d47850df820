"""Features and graphs beside the ratings, as the program takes them."""

import csv
import os
import subprocess

import numpy as np
import pytest

import gcmc

from test_model import SMALL, made_ratings

QUICK = {**SMALL, "train_max_iter": 8, "seed": 1}


def side_tables():
    random = np.random.default_rng(3)
    users, items = np.arange(100, 160), np.arange(5, 45)
    return {
        "user_features": {"user": users, "age": random.integers(18, 80, 60), "trade": random.choice(["a", "b"], 60)},
        "item_features": {"item": items, "year": random.integers(1950, 2000, 40) + 0.5,
                          "genres": [["war"], ["war", "love"]] * 20},
        "user_graph": {"source": random.choice(users, 90), "target": random.choice(users, 90)},
        "item_graph": {"source": random.choice(items, 90), "target": random.choice(items, 90),
                       "weight": random.integers(1, 5, 90)},
    }


def written(table, path):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(zip(*(["|".join(one) if isinstance(one, list) else one for one in column]
                               for column in table.values())))
    return path


@pytest.fixture(scope="module")
def ratings():
    return made_ratings()


@pytest.fixture(scope="module")
def model(ratings):
    return gcmc.Model(**QUICK).fit(ratings, **side_tables())


def bits(model, ratings):
    return model.predict(ratings["user"], ratings["item"]).tobytes()


def test_they_change_what_is_predicted_each_alone(ratings, model):
    seen = {bits(model, ratings), bits(gcmc.Model(**QUICK).fit(ratings), ratings)}
    for name, table in side_tables().items():
        seen.add(bits(gcmc.Model(**QUICK).fit(ratings, **{name: table}), ratings))
    assert len(seen) == 6


def test_the_program_gets_the_same_bits_from_the_same_tables(ratings, model, tmp_path):
    program = os.environ.get("GCMC_PROGRAM")
    if not program:
        pytest.skip("GCMC_PROGRAM is not set")
    rows = "".join(f"{u},{i},{r}\n" for u, i, r in zip(*ratings.values()))
    (tmp_path / "ratings.csv").write_text("user,item,rating\n" + rows)
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in QUICK.items()]
    flags += [f"--{name.replace('_', '-')}={written(table, tmp_path / f'{name}.csv')}"
              for name, table in side_tables().items()]
    kernels = {**os.environ, "GCMC_CPU_ISA": model.metrics_["backend"].removeprefix("cpu-")}
    subprocess.run([program, "train", tmp_path / "ratings.csv", *flags, "--save-dir", tmp_path / "run"], check=True,
                   env=kernels, capture_output=True)
    assert bits(gcmc.load(tmp_path / "run"), ratings) == bits(model, ratings)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_frames_and_files_are_as_dicts(ratings, model, tmp_path, library):
    module = pytest.importorskip(library)
    make = module.table if library == "pyarrow" else module.DataFrame
    frames = {name: make({key: list(column) for key, column in table.items()})
              for name, table in side_tables().items()}
    assert bits(gcmc.Model(**QUICK).fit(ratings, **frames), ratings) == bits(model, ratings)
    files = {name: written(table, tmp_path / f"{name}.csv") for name, table in side_tables().items()}
    assert bits(gcmc.Model(**QUICK).fit(ratings, **files), ratings) == bits(model, ratings)


@pytest.mark.parametrize("preset", ["paper", "auto"])
def test_they_are_used_whatever_the_preset_says(ratings, preset):
    options = {"train_max_iter": 2, "gcn_agg_units": 20, "gcn_out_units": 8}
    table = {"user_features": side_tables()["user_features"]}
    assert "features.user.dense" in gcmc.Model(preset, **options).fit(ratings, **table).tensors_[0]
    unused = gcmc.Model(preset, **options, use_one_hot_fea=True).fit(ratings, **table)
    assert "features.user.dense" not in unused.tensors_[0]


def test_notes_name_the_table(ratings):
    table = side_tables()["user_features"]
    some = {name: column[:50] for name, column in table.items()}
    notes = gcmc.Model(**QUICK).fit(ratings, user_features=some).notes_
    assert notes == ["user_features.csv: 10 of 60 users have no line: their features are zeros"]


@pytest.mark.parametrize("table, sentence", [
    ({"user": [1, 2], "age": [3, 4]}, "user_features.csv: no line is of a user"),
    ("nowhere.csv", "nowhere.csv"),
    ({"user": [100, 101]}, "no column besides"),
    ({"user": [100, 101], "age": [3]}, "different lengths: .2, 1."),
    ({"user": [100, 101], "age": 5}, "age: a column was expected, not 5"),
    (np.eye(3), "bare matrix"),
])
def test_a_table_of_no_use_is_an_error(ratings, table, sentence):
    with pytest.raises(ValueError, match=sentence) as raised:
        gcmc.Model(**QUICK).fit(ratings, user_features=table)
    assert "/tmp" not in str(raised.value)


@pytest.mark.parametrize("good", ["item_features", "user_graph"])
def test_the_table_of_no_use_is_the_one_that_is_named(ratings, tmp_path, good):
    """Whatever there is to say of the others, and however many files they are."""
    table = {name: column[:30] for name, column in side_tables()[good].items()}
    files = ",".join(str(written(table, tmp_path / f"{k}.csv")) for k in range(2 if good == "user_graph" else 1))
    with pytest.raises(ValueError, match="user_features.csv: no line is of a user"):
        gcmc.Model(**QUICK).fit(ratings, user_features={"user": [1, 2], "age": [3, 4]}, **{good: files})


def test_a_model_with_features_is_saved_and_trained_on(ratings, model, tmp_path):
    model.save(tmp_path)
    assert bits(gcmc.load(tmp_path), ratings) == bits(model, ratings)
    assert "user_graph.csv" in (tmp_path / "config.json").read_text()
    more = gcmc.load(tmp_path).continue_fit(ratings, **side_tables())
    assert more.metrics_["best_valid_rmse"] <= model.metrics_["best_valid_rmse"] + 0.02


def test_names_that_are_numbers_are_no_line_of_the_table(ratings):
    """Users 0 and 1 are there, of whom a line "0,1" would tell."""
    from_zero = {**ratings, "user": ratings["user"] - 100}
    ages = side_tables()["user_features"]["age"]
    tables = {"user_features": {"user": np.arange(60), "age": ages},
              "user_graph": {"source": np.arange(10, 50), "target": np.arange(11, 51)}}
    named = bits(gcmc.Model(**QUICK).fit(from_zero, **tables), from_zero)
    numbered = {name: dict(enumerate(table.values())) for name, table in tables.items()}
    as_text = {name: {str(k): column for k, column in table.items()} for name, table in numbered.items()}
    bare = {name: tuple(table.values()) for name, table in tables.items()}
    for sides in (numbered, as_text, bare):
        assert bits(gcmc.Model(**QUICK).fit(from_zero, **sides), from_zero) == named


def test_missing_values_of_pandas_are_missing(ratings):
    pandas = pytest.importorskip("pandas")
    users = side_tables()["user_features"]
    ages = [None if k % 7 == 0 else int(age) for k, age in enumerate(users["age"])]
    frame = pandas.DataFrame({"user": users["user"], "age": pandas.array(ages, dtype="Int64")})
    plain = {"user": users["user"], "age": ages}
    assert (bits(gcmc.Model(**QUICK).fit(ratings, user_features=frame), ratings)
            == bits(gcmc.Model(**QUICK).fit(ratings, user_features=plain), ratings))


def test_arrays_in_a_cell_are_lists(ratings):
    lists = side_tables()["item_features"]
    arrays = {**lists, "genres": [np.array(one) for one in lists["genres"]]}
    pandas = pytest.importorskip("pandas")
    expected = bits(gcmc.Model(**QUICK).fit(ratings, item_features=lists), ratings)
    for table in (arrays, pandas.DataFrame(arrays)):
        assert bits(gcmc.Model(**QUICK).fit(ratings, item_features=table), ratings) == expected


def test_relations_of_duckdb_and_other_streams(ratings, model):
    duckdb, arrow = pytest.importorskip("duckdb"), pytest.importorskip("pyarrow")
    sides = side_tables()
    graph = arrow.table(sides["user_graph"])

    class Stream:
        def __arrow_c_stream__(self, requested_schema=None):
            return graph.__arrow_c_stream__(requested_schema)

    for other in (Stream(), duckdb.sql("select * from graph")):
        assert bits(gcmc.Model(**QUICK).fit(ratings, **{**sides, "user_graph": other}), ratings) == bits(model, ratings)
