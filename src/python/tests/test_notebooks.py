"""The notebooks of examples/python, executed from start to end in the environment of the tests. compare.ipynb runs on made
sets in MovieLens' formats, since what it tells of the real ones takes an hour."""

import pathlib

import numpy as np
import pytest

from test_model import made_ratings

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
for library in ("ipykernel", "matplotlib", "pandas"):
    pytest.importorskip(library)

FOLDER = pathlib.Path(__file__).parents[1] / "examples" / "python"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def test_all_three_are_there_and_are_stored_without_outputs():
    assert [path.stem for path in NOTEBOOKS] == ["compare", "own_data", "train_and_ask"]
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            assert cell.cell_type == "markdown" or (cell.outputs == [] and cell.execution_count is None), path


@pytest.fixture
def small_movielens(tmp_path, monkeypatch):
    user, item, rating = (column.astype(int) for column in made_ratings(count=1500).values())
    rows = np.stack([user, item, rating], axis=1)
    for name in ("ml-100k", "ml-1m"):
        (tmp_path / name).mkdir()
    np.savetxt(tmp_path / "ml-100k" / "u1.base", rows[300:], fmt="%d\t%d\t%d\t0")
    np.savetxt(tmp_path / "ml-100k" / "u1.test", rows[:300], fmt="%d\t%d\t%d\t0")
    np.savetxt(tmp_path / "ml-1m" / "ratings.dat", rows, fmt="%d::%d::%d::0")
    monkeypatch.setenv("GCMC_DATA_DIR", str(tmp_path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_from_start_to_end(path, small_movielens):
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3",
                            resources={"metadata": {"path": str(FOLDER)}}).execute()
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
