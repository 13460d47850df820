"""What the wheel holds, and what it asks of the machine."""

import json
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import urllib.request

import pytest

import gcmc

MODULE = pathlib.Path(gcmc._gcmc.__file__)
PROGRAM = pathlib.Path(sysconfig.get_path("scripts")) / "gcmc"


def highest(file, name):
    """The highest version of a library's symbols that a file names."""
    versions = re.findall(rb"\0" + name + rb"_([0-9.]+)(?=\0)", file.read_bytes())
    return max((tuple(int(part) for part in version.split(b".")) for version in versions), default=(0,))


def test_one_module_is_for_every_interpreter():
    assert MODULE.name == "_gcmc.abi3.so"


def test_it_has_types_for_checkers():
    folder = MODULE.parent
    assert (folder / "py.typed").exists() and "class Predictor" in (folder / "_gcmc.pyi").read_text()


def test_it_runs_with_the_libraries_of_manylinux_2_34():
    assert (2, 17) <= highest(MODULE, b"GLIBC") <= (2, 34)
    assert (3, 4) <= highest(MODULE, b"GLIBCXX") <= (3, 4, 29)


def test_the_program_is_in_it_and_is_the_same_version():
    said = subprocess.run([PROGRAM, "--version"], check=True, capture_output=True, text=True).stdout
    assert said == f"gcmc {gcmc.__version__}\n"


def test_the_program_asks_a_model_of_the_package(tmp_path):
    model = gcmc.Model("dgl", train_max_iter=2, gcn_agg_units=10, gcn_out_units=4)
    model.fit(([1, 2, 2], [7, 7, 8], [3, 4, 5])).save(tmp_path / "model")
    said = subprocess.run([PROGRAM, "recommend", "--model", tmp_path / "model", "--user", "1"], check=True,
                          capture_output=True, text=True).stdout
    assert "8" in said
    absent = subprocess.run([PROGRAM, "recommend", "--model", tmp_path / "none", "--user", "1"], capture_output=True)
    assert absent.returncode == 2 and str(tmp_path / "none").encode() in absent.stderr


def test_ctrl_c_ends_the_programs_training_and_saves(tmp_path):
    pairs = [(user, item) for user in range(30) for item in range(20)]
    (tmp_path / "ratings.csv").write_text("".join(f"{u},{i},{1 + (u * i) % 5}\n" for u, i in pairs))
    training = subprocess.Popen(
        [PROGRAM, "train", tmp_path / "ratings.csv", "--preset", "dgl", "--train-max-iter", "1000000",
         "--train-early-stopping-patience", "1000000", "--save-dir", tmp_path / "run"], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    for line in training.stdout:
        if line.startswith("Iter=100,"):
            training.send_signal(signal.SIGINT)
            break
    rest = training.communicate(timeout=60)[0]
    assert training.returncode == 0 and (tmp_path / "run" / "metrics.json").exists(), rest


def test_the_program_serves_a_model(tmp_path):
    model = gcmc.Model("dgl", train_max_iter=2, gcn_agg_units=10, gcn_out_units=4)
    model.fit(([1, 2, 2], [7, 7, 8], [3, 4, 5])).save(tmp_path / "model")
    server = subprocess.Popen([PROGRAM, "serve", "--model", tmp_path / "model", "--port", "0"], stderr=subprocess.PIPE,
                              text=True)
    try:
        address = re.search(r"http://[0-9.:]+", server.stderr.readline()).group()
        assert "2 users" in server.stderr.readline()  # it is loaded
        with urllib.request.urlopen(f"{address}/v1/recommend/1?n=1", timeout=60) as answer:
            assert "8" in answer.read().decode()
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)
    assert server.returncode == 0


TRAINS = """
import json, gcmc
model = gcmc.Model("dgl", train_max_iter=3, gcn_agg_units=10, gcn_out_units=4).fit(([1, 2, 2], [7, 7, 8], [3, 4, 5]))
print(json.dumps([model.metrics_["backend"], *model.predict([1, 2], [8, 7])]))
"""


@pytest.mark.skipif(platform.machine() != "x86_64" or shutil.which("qemu-x86_64") is None,
                    reason="needs qemu-x86_64 (Debian: qemu-user)")
def test_it_trains_on_a_processor_without_avx():
    def run(*emulator):
        said = subprocess.run([*emulator, sys.executable, "-c", TRAINS], check=True, capture_output=True, text=True)
        return json.loads(said.stdout)

    backend, *ratings = run("qemu-x86_64", "-cpu", "Nehalem")
    assert backend == "cpu-portable"
    assert ratings == pytest.approx(run()[1:], abs=1e-4)
