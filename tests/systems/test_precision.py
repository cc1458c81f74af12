"""Energies of runs in single precision: as exact as its positions, whatever the terms cancel to."""

from dataclasses import replace

import jax
import numpy as np
import openmm
import pytest
from checkout import SHARED_STRUCTURES
from structure_texts import tripeptide

import nnrep
from nnrep.choices.settings import build
from nnrep.energies.amber import amber_energy_and_gradient
from nnrep.energies.arrays import on_device
from nnrep.records.rows import described
from nnrep.structures.force_field import vacuum_system
from nnrep.structures.molecule import Molecule
from nnrep.systems.force_fields.parameters import amber_parameters
from nnrep.systems.protein import ProteinConfig, protein_system
from nnrep.systems.system import System

NEAR_ZERO = SHARED_STRUCTURES.parent / "inputs" / "energy_near_zero.pdb"
# Of the sum of the sizes of all terms: docs/minimise-a-protein.md states both.
OF_STEPS, OF_REPORTED = 2e-6, 1e-11


@pytest.fixture(autouse=True)
def _single() -> None:
    jax.config.update("jax_enable_x64", False)


def molecules() -> list[Molecule]:
    here = tripeptide()
    return [here, replace(here, positions=here.positions + np.array([2.9, -1.7, 30.0]))]


def system_of(molecule: Molecule, force_field: str = "amber14", padded: bool = True) -> System:
    config = build(ProteinConfig, {"name": "protein", "force_field": force_field})
    return protein_system(config, molecule, padded=padded)


def reference(molecule: Molecule, positions: np.ndarray) -> float:
    """The energy that OpenMM's Reference platform has."""
    platform = openmm.Platform.getPlatform("Reference")
    context = openmm.Context(vacuum_system(molecule.topology), openmm.VerletIntegrator(0.001), platform)
    context.setPositions(positions)
    return context.getState(energy=True).getPotentialEnergy()._value


def assert_exact(molecule: Molecule, steps: int) -> None:
    system = system_of(molecule)
    result = nnrep.minimize(system, max_steps=steps)
    assert result.energy.dtype == np.float64
    for energy, positions in (
        (result.energy, result.positions),
        (result.energy_start, result.positions_start),
    ):
        terms, _ = described(system, positions[0])
        scale = sum(map(abs, terms.values()))
        assert energy[0] == pytest.approx(reference(molecule, positions[0]), abs=OF_REPORTED * scale)
        assert sum(terms.values()) == pytest.approx(energy[0], abs=OF_REPORTED * scale)
        own = system.with_dummies(system.from_file_frame(positions[0]))
        assert float(system.energy(own)) == pytest.approx(energy[0], abs=OF_STEPS * scale)


@pytest.mark.parametrize("molecule", molecules(), ids=["near", "far"])
def test_reported_energies_are_those_of_openmm_at_the_positions_that_are_written(molecule):
    assert_exact(molecule, 20)


@pytest.mark.skipif(not NEAR_ZERO.is_file(), reason="no inputs beside the checkout")
def test_so_they_are_where_the_terms_cancel():
    from nnrep.structures.preparation import Preparation
    from nnrep.structures.prepare import prepared

    assert_exact(prepared(str(NEAR_ZERO), [], Preparation()), 0)


@pytest.mark.parametrize("force_field", ["amber14_uncorrected", "classical"])
def test_terms_of_every_force_field_add_up(force_field):
    system = system_of(tripeptide(), force_field)
    result = nnrep.minimize(system, max_steps=0)
    terms, _ = described(system, result.positions[0])
    scale = sum(map(abs, terms.values()))
    assert sum(terms.values()) == pytest.approx(result.energy[0], abs=OF_REPORTED * scale)


def test_forces_do_not_depend_on_where_the_file_lies():
    here, far = molecules()
    with jax.enable_x64(True):
        parameters = amber_parameters(vacuum_system(here.topology))
        _, exact = amber_energy_and_gradient(on_device(parameters), here.positions)
    for molecule in (here, far):
        system = system_of(molecule, padded=False)
        forces = np.asarray(jax.grad(system.energy)(system.positions), float)
        assert np.linalg.norm(forces - exact) < 1e-4 * np.linalg.norm(exact)


@pytest.mark.parametrize("molecule", molecules(), ids=["near", "far"])
def test_results_are_in_the_frame_of_the_file(molecule):
    result = nnrep.minimize(system_of(molecule), max_steps=0)
    # Half a unit in the last place of a nanometre.
    np.testing.assert_allclose(result.positions_start[0], molecule.positions, atol=6e-8)
    monitor = nnrep.Monitor(record_every=20)
    frames = nnrep.minimize(system_of(molecule), max_steps=20, monitor=monitor).frames
    np.testing.assert_allclose(frames.positions[0], molecule.positions, rtol=2e-7, atol=1e-7)
