"""What a command has loaded when it answers: nobody waits for modules that are not needed yet."""

import os
import subprocess
import sys

import pytest

from nnrep.structures.preparation import Preparation
from nnrep.structures.prepare import prepared

# What takes long to load, and is for pictures, structures or tables.
HEAVY = ("jax", "numpy", "pandas", "scipy", "openmm", "matplotlib", "Bio", "gemmi", "PeptideBuilder", "hydra")
LATER = ("matplotlib", "Bio", "gemmi", "PeptideBuilder", "scipy.spatial")

# Runs a command until `moment` is called, and prints which modules are loaded then.
UNTIL = """
import os, sys
from importlib import import_module

moment, modules, arguments = sys.argv[1], sys.argv[2].split(), sys.argv[3:]

def report(*ignored, **others):
    print("loaded:", *[name for name in modules if name in sys.modules], flush=True)
    os._exit(0)

if moment == "end":
    import atexit
    atexit.register(report)
else:
    import nnrep.commands.hydra_app as app
    module, _, name = moment.rpartition(".")
    imported = app.import_module

    def patched(job):
        loaded = imported(job)
        owner = getattr(import_module("nnrep.host.terminal"), "ProgressBar") if name == "update" else loaded
        setattr(owner, name, report)
        return loaded

    app.import_module = patched
sys.argv = ["nnrep", *arguments]
import nnrep.cli
nnrep.cli.main()
"""


def loaded(tmp_path, moment: str, modules: tuple[str, ...], *arguments: str) -> set[str]:
    command = [sys.executable, "-c", UNTIL, moment, " ".join(modules), *arguments]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    line = result.stdout.splitlines()[-1] if result.stdout else ""
    assert line.startswith("loaded:"), result.stderr
    return set(line.split()[1:])


@pytest.mark.parametrize("verb", ["", "doctor", "collect", "compare", "report", "structures"])
def test_help_loads_nothing_heavy(tmp_path, verb):
    assert loaded(tmp_path, "end", (*HEAVY, "rich"), *filter(None, (verb, "--help"))) == set()


def test_help_of_a_run_loads_hydra_alone(tmp_path):
    assert loaded(tmp_path, "end", HEAVY, "run", "--help") <= {"hydra"}


def test_a_run_of_beads_takes_its_first_steps_before_pictures_and_molecules_are_loaded(tmp_path):
    small = ("system=loop", "system.n=20", "system.loop_length=5", "reparam=none", "max_steps=50")
    small += ("record.pictures=false",)  # else Matplotlib is loaded beside the steps
    assert loaded(tmp_path, "progress.update", ("openmm", *LATER, "jax"), "run", *small) == {"jax"}


def test_a_stored_molecule_is_minimised_without_what_prepares_one(tmp_path):
    prepared(None, (), Preparation())  # the one of system=protein, into the cache
    assert loaded(tmp_path, "job.minimized", (*LATER, "jax"), "run", "system=protein", "reparam=none") == {
        "jax"
    }


def test_a_run_without_a_report_loads_nothing_of_it(tmp_path):
    small = ("system=loop", "system.n=20", "reparam=none", "max_steps=20", "record.pictures=false")
    modules = ("nnrep.records.report", "nnrep.records.runs_below", "nnrep.figures", "jax")
    assert loaded(tmp_path, "end", modules, "run", *small) == {"jax"}


def test_a_folder_with_results_is_refused_before_tables_and_pictures_are_loaded(tmp_path):
    (tmp_path / "runs.csv").touch()
    arguments = ("run", "system=loop", f"hydra.run.dir={tmp_path}")
    assert loaded(tmp_path, "end", ("openmm", "pandas", *LATER), *arguments) == set()
    assert os.listdir(tmp_path) == ["runs.csv"]
