"""The examples of docs/python.md and of the docstrings, and that every public name has one."""

import doctest
import inspect
import pathlib

import pytest

import gcmc

GUIDE = pathlib.Path(__file__).parents[1] / "python.md"


@pytest.fixture(scope="module", autouse=True)
def libraries():
    for name in ("pandas", "sklearn"):
        pytest.importorskip(name)
    pytest.importorskip("matplotlib").use("agg")


@pytest.fixture(scope="module")
def names_of_the_guide():
    """What the guide's examples have defined, once all have run."""
    guide = doctest.DocTestParser().get_doctest(GUIDE.read_text(), {}, "python.md", str(GUIDE), 0)
    runner = doctest.DocTestRunner()
    result = runner.run(guide, clear_globs=False)
    assert result.attempted > 10 and result.failed == 0
    return guide.globs


def public_objects():
    for name in gcmc.__all__:
        value = getattr(gcmc, name)
        if name.startswith("_"):
            continue
        yield name, value
        for member, of_class in vars(value).items() if inspect.isclass(value) else ():
            if not member.startswith("_"):
                yield f"{name}.{member}", of_class


@pytest.mark.parametrize("name, value", list(public_objects()))
def test_every_public_name_has_an_example_that_runs(name, value, names_of_the_guide):
    text = inspect.getdoc(value) or ""
    example = doctest.DocTestParser().get_doctest(text, dict(names_of_the_guide), name, None, 0)
    assert example.examples and doctest.DocTestRunner().run(example).failed == 0
