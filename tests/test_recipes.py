"""CONTRIBUTING.md's recipes, followed in a copy of the package: one new file each, and it is there."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from checkout import ROOT

MAP = '''
"""`reparam=shear`: X = Z + slope Z_y e_x, a shear of the positions."""

from dataclasses import dataclass

from jax.tree_util import Partial

from nnrep.reparam.base import Reparametrization
from nnrep.reparam.settings import MapConfig


@dataclass(kw_only=True)
class ShearConfig(MapConfig):
    """Settings."""

    learning_rate_factor: float = 1.0
    slope: float = 0.5

    color, label = "#123456", "shear map"

    def build(self, system, modes, slow):
        """The shear."""
        return Reparametrization(Partial(_init, self.slope), Partial(_decode, self.slope))


def _init(slope, key, positions):
    return positions.at[:, 0].add(-slope * positions[:, 1])


def _decode(slope, latent):
    return latent.at[:, 0].add(slope * latent[:, 1])


CHOICE = ShearConfig
'''

TERM = '''
"""`system.force_field=tethered`: AMBER14, and harmonic tethers of all atoms to the origin."""

from dataclasses import dataclass

import jax.numpy as jnp

from nnrep.energies.energy import Energy
from nnrep.energies.sum import energy_sum, with_gradient
from nnrep.systems.force_fields import amber14
from nnrep.systems.force_fields.force_field import ForceField


@dataclass(kw_only=True)
class TetherConfig:
    """The group `system.tethered`: stiffness in kJ/mol/nm^2."""

    stiffness: float = 2.0


def _tether(stiffness, positions):
    return 0.5 * stiffness * jnp.sum(positions**2)


def _terms(stiffness, positions):
    return {"tether": _tether(stiffness, positions)}


def _build(topology, system, settings):
    amber = amber14.CHOICE.build(topology, system, None)
    tether = Energy(jnp.asarray(settings.stiffness), with_gradient(_tether), _terms)
    return energy_sum(amber, tether)


CHOICE = ForceField(_build, (*amber14.CHOICE.terms, "tether"), TetherConfig, in_openmm=False)
'''


OPTIMIZER = '''
"""`optimizer=descent`."""

from dataclasses import dataclass

import optax

from nnrep.minimization.optimizers.settings import OptimizerConfig


@dataclass(kw_only=True)
class DescentConfig(OptimizerConfig):
    """Settings."""

    color, label = "#234567", "plain descent"
    make = staticmethod(optax.sgd)


CHOICE = DescentConfig
'''

BASELINE = '''
"""`baseline=other_engine`."""

from nnrep.baselines.settings import BaselineConfig


class OtherConfig(BaselineConfig):
    """Settings."""

    color = "#345678"


CHOICE = OtherConfig
'''

LIST = """# @color #456789
# Plain descent.
name: staged
title: descents
stages:
  - {reparam: none, optimizer: sgd, max_steps: 10}
restarts: 0
min_contact_fraction: 0.5
"""

SHOWN = """
import pandas as pd
from nnrep.figures.analysis.labels import methods_of
from nnrep.records.palette import NEUTRAL, method_color

print(*map(method_color, ("shear", "descent", "other_engine", "descents")), method_color("mine") == NEUTRAL)
row = {"baseline": "none", "reparam": "none", "optimizer": "adam"}
own = ({"reparam": "shear"}, {"optimizer": "descent"}, {"baseline": "other_engine"}, {"schedule": "descents"})
print(*methods_of(pd.DataFrame([row | each for each in own])), sep=", ")
"""


@pytest.fixture
def checkout(tmp_path):
    """A copy of the package, to which a file can be added."""
    for folder in ("nnrep", "configs"):
        shutil.copytree(ROOT / folder, tmp_path / "checkout" / folder)
    return tmp_path / "checkout"


def run(checkout, *arguments):
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    command = [sys.executable, "-m", "nnrep", "run", *arguments, f"hydra.run.dir={checkout.parent / 'run'}"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=checkout.parent)
    return done, checkout.parent / "run"


def printed_by(checkout, code):
    """What some lines of Python print."""
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=checkout.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_map_is_one_file(checkout):
    (checkout / "nnrep" / "reparam" / "shear.py").write_text(MAP)
    small = ("system.n=20", "max_steps=40", "precision=float64", "reparam.slope=0.25")
    done, folder = run(checkout, "reparam=shear", *small)
    assert done.returncode == 0, done.stderr
    row = pd.read_csv(folder / "runs.csv").iloc[0]
    assert (row["reparam"], row["steps_coarse"], row["steps_fine"]) == ("shear", 20, 20)
    assert row["schedule"] == "paper"
    arrays = np.load(folder / "positions.npz")
    assert np.isfinite(arrays["final"]).all()
    refused, _ = run(checkout, "reparam=shear", "reparam.slop=1")
    assert refused.returncode == 2
    assert "reparam.slop: unknown key (did you mean slope?); choose from name" in refused.stderr
    keys = "from nnrep.config.meanings import known_keys; print(known_keys()['reparam.slope'][0].option)"
    assert printed_by(checkout, keys) == "reparam=shear"  # for completion, hints and nnrep show


def test_colours_and_labels_are_in_the_files_of_choices(checkout):
    package = checkout / "nnrep"
    (package / "reparam" / "shear.py").write_text(MAP)
    (package / "minimization" / "optimizers" / "descent.py").write_text(OPTIMIZER)
    (package / "baselines" / "other_engine.py").write_text(BASELINE)
    (checkout / "configs" / "schedule" / "descents.yaml").write_text(LIST)
    colors, labels = printed_by(checkout, SHOWN).splitlines()
    assert colors == "#123456 #234567 #345678 #456789 True"
    assert labels == "shear map, plain descent, other_engine, descents"


def test_an_energy_term_is_one_file(checkout):
    (checkout / "nnrep" / "systems" / "force_fields" / "tethered.py").write_text(TERM)
    protein = ("system=protein", "reparam=none", "max_steps=2", "precision=float64")
    done, folder = run(checkout, *protein, "system.force_field=tethered", "+system.tethered.stiffness=3")
    assert done.returncode == 0, done.stderr
    row = pd.read_csv(folder / "runs.csv").iloc[0]
    arrays = np.load(folder / "positions.npz")
    final = arrays["final"][0] - arrays["start"][0].mean(axis=0)  # energies are of positions about the centre
    assert row["energy_tether"] == pytest.approx(1.5 * np.sum(final**2), rel=1e-9)
    terms = ("bonds", "angles", "torsions", "lennard_jones", "coulomb", "tether")
    assert row["energy"] == pytest.approx(sum(row[f"energy_{name}"] for name in terms), rel=1e-9)
    assert "tethered" in (folder / "config.yaml").read_text()
    shown = "from nnrep.systems.registry import SYSTEMS; print('tethered' in SYSTEMS['protein'].energy_keys)"
    assert printed_by(checkout, shown) == "True"  # runs of another stiffness cannot be compared
    refused, _ = run(checkout, *protein, "baseline=openmm_minimizer", "system.force_field=tethered")
    assert refused.returncode == 2
    assert "OpenMM does not know system.force_field=tethered" in refused.stderr
