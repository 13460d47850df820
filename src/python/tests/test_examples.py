"""The examples of docs/python.md."""

import doctest
import pathlib


def test_the_guides_examples_run():
    guide = pathlib.Path(__file__).parents[1] / "python.md"
    result = doctest.testfile(str(guide), module_relative=False)
    assert result.attempted > 10 and result.failed == 0
