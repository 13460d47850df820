#!python
"""The program gcmc out of the module. The package is not imported: NumPy's threads would take the signals that end a
training."""

import importlib.util
import pathlib
import signal
import sys

for number, of_python in ((signal.SIGINT, signal.default_int_handler), (signal.SIGPIPE, signal.SIG_IGN)):
    if signal.getsignal(number) is of_python:
        signal.signal(number, signal.SIG_DFL)
folder = pathlib.Path(importlib.util.find_spec("gcmc").origin).parent
spec = importlib.util.spec_from_file_location("_gcmc", folder / "_gcmc.abi3.so")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
sys.exit(module.run_program(["gcmc", *sys.argv[1:]]))
