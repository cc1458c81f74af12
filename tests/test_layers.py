"""The structure of the package: who imports whom, and one meaning a name."""

import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT

import nnrep
from nnrep.errors import UserError

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(nnrep.__path__, "nnrep.")
    if not module.name.startswith(("nnrep.__main__", "nnrep.plugins"))
)


def test_rooms_import_downwards_only():
    """The contracts in pyproject.toml."""
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", [name for name in MODULES if "." in name])
def test_no_function_shadows_its_module(name):
    """`import nnrep.a.b as b` gives the module b, whatever the package nnrep.a exports."""
    try:
        module = importlib.import_module(name)
    except UserError as error:
        pytest.skip(str(error))  # an engine whose package is not installed
    parent, _, last = name.rpartition(".")
    assert getattr(importlib.import_module(parent), last) is module


# Names that say nothing to a chemist or to an engineer.
PRIVATE = {
    *("look", "ends", "there", "judged", "again", "alone"),
    *("followed", "told", "found", "shaken", "greasy"),
}
DEFINITION = re.compile(
    r"^\s*(?:def|class)\s+(?P<defined>\w+)|^\s*(?P<assigned>\w+)(?:\s*:[^=]+)?\s*=(?!=)|^(?P<key>\w+):", re.M
)


SOURCES = [*ROOT.glob("nnrep/**/*.py"), *ROOT.glob("configs/**/*.yaml")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_has_a_private_name(path):
    names = {name for match in DEFINITION.finditer(path.read_text()) for name in match.groups() if name}
    assert not names & PRIVATE
