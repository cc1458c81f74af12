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


def test_a_map_is_one_file(checkout):
    (checkout / "nnrep" / "reparam" / "shear.py").write_text(MAP)
    small = ("system.n=20", "max_steps=40", "precision=float64", "reparam.slope=0.25")
    done, folder = run(checkout, "reparam=shear", *small)
    assert done.returncode == 0, done.stderr
    row = pd.read_csv(folder / "runs.csv").iloc[0]
    assert (row["reparam"], row["steps_coarse"], row["steps_fine"]) == ("shear", 20, 20)
    arrays = np.load(folder / "positions.npz")
    assert np.isfinite(arrays["final"]).all()
    refused, _ = run(checkout, "reparam=shear", "reparam.slop=1")
    assert refused.returncode == 2
    assert "reparam.slop: unknown key (did you mean slope?); choose from name" in refused.stderr


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
    refused, _ = run(checkout, *protein, "baseline=openmm_minimizer", "system.force_field=tethered")
    assert refused.returncode == 2
    assert "OpenMM does not know system.force_field=tethered" in refused.stderr
