"""Modules loaded ahead of their use."""

import subprocess
import sys

SCRIPT = """
import sys
from nnrep.host.imports import load_ahead
load_ahead("nnrep.records.pictures").join()
assert "matplotlib.figure" in sys.modules
load_ahead("nnrep.no_such_module").join()
try:
    import nnrep.no_such_module
except ModuleNotFoundError:
    print("raised where it is needed")
"""


def test_a_module_is_there_when_it_is_needed():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("raised where it is needed\n", "")
