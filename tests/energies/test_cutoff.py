"""Pairs with a cutoff against OpenMM's Reference platform, whichever way near atoms are found."""

import jax
import jax.numpy as jnp
import numpy as np
import openmm
import pytest
from openmm import app, unit
from pair_sum import pair_energy
from structure_texts import tripeptide

from nnrep.choices.identity import hash_of
from nnrep.choices.settings import build
from nnrep.energies import cutoff as cut
from nnrep.energies.amber import amber_energy_and_gradient, amber_terms
from nnrep.errors import ConfigError
from nnrep.structures.force_field import force_field, vacuum_system
from nnrep.structures.molecule import Molecule
from nnrep.structures.preparation import Preparation
from nnrep.structures.prepare import prepared
from nnrep.systems.force_fields.parameters import Cutoff, amber_parameters_with_cutoff
from nnrep.systems.protein import ProteinConfig, protein_system

CUTOFFS = [Cutoff(0.7, None, 78.3), Cutoff(0.9, 0.7, 78.3), Cutoff(1.1, 0.0, 4.0), Cutoff(50.0, None, 78.3)]
evaluate = jax.jit(amber_energy_and_gradient)
terms_of = jax.jit(amber_terms)


def embedded() -> Molecule:
    return prepared(None, [], Preparation())


def openmm_values(molecule: Molecule, cutoff: Cutoff, positions: np.ndarray) -> tuple[float, np.ndarray]:
    system = force_field().createSystem(
        molecule.topology,
        nonbondedMethod=app.CutoffNonPeriodic,
        nonbondedCutoff=cutoff.distance,
        constraints=None,
        rigidWater=False,
        removeCMMotion=False,
    )
    (pairs,) = (force for force in system.getForces() if isinstance(force, openmm.NonbondedForce))
    pairs.setReactionFieldDielectric(cutoff.dielectric)
    pairs.setUseDispersionCorrection(False)
    if cutoff.switch is not None:
        pairs.setUseSwitchingFunction(True)
        pairs.setSwitchingDistance(cutoff.switch)
    platform = openmm.Platform.getPlatform("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    context.setPositions(positions)
    state = context.getState(energy=True, forces=True)
    forces = state.getForces(asNumpy=True).value_in_unit_system(unit.md_unit_system)
    return state.getPotentialEnergy()._value, -forces


@pytest.mark.parametrize("cutoff", CUTOFFS, ids=str)
def test_energy_and_forces_are_those_of_openmm(cutoff):
    molecule = embedded()
    parameters = amber_parameters_with_cutoff(vacuum_system(molecule.topology), cutoff)
    rng = np.random.default_rng(0)
    for noise in (0.0, 0.02):
        x = molecule.positions + noise * rng.normal(size=molecule.positions.shape)
        expected, slope = openmm_values(molecule, cutoff, x)
        energy, gradient = evaluate(parameters, jnp.asarray(x))
        assert float(energy) == pytest.approx(expected, rel=1e-9)
        assert np.linalg.norm(gradient - slope) < 1e-9 * np.linalg.norm(slope)
        assert sum(map(float, terms_of(parameters, jnp.asarray(x)).values())) == pytest.approx(
            expected, rel=1e-9
        )


@pytest.mark.parametrize("spread", [0.1, 1.0, 8.0], ids=["crowded", "dense", "thin"])
@pytest.mark.parametrize("room", [1, 96])
def test_tiles_rows_and_lists_of_pairs_have_one_energy(monkeypatch, spread, room):
    """Also where the atoms have more near blocks than there is room for."""
    monkeypatch.setattr(cut, "MOST_NEIGHBOURS", room)
    monkeypatch.setattr(cut, "TILE", 8)
    monkeypatch.setattr(cut, "STRIP", 2)
    molecule, cutoff = embedded(), Cutoff(0.6, 0.4, 78.3)
    parameters = amber_parameters_with_cutoff(vacuum_system(molecule.topology), cutoff)
    x = jnp.asarray(spread * molecule.positions).T
    tiles = cut._tiles(x, cutoff.distance)
    assert (int(tiles.needed) <= len(tiles.rows)) == (room == 96)
    energy, gradient = jax.jit(cut.cutoff_energy_and_gradient)(parameters.pairs, x)
    rows = sum(jax.jit(cut.cutoff_energies)(parameters.pairs, x))
    terms = cut.cutoff_pair_terms(parameters.pairs)
    listed, slope = jax.value_and_grad(lambda x: pair_energy(terms, x))(x.T)
    for other in (rows, listed):
        assert float(energy) == pytest.approx(float(other), rel=1e-10)
    np.testing.assert_allclose(gradient.T, slope, atol=1e-10 * abs(slope).max())


def test_its_hessian_is_that_of_its_gradient():
    molecule = tripeptide()
    config = build(ProteinConfig, {"name": "protein", "cutoff_nm": 0.52, "switch_nm": 0.35})
    system = protein_system(config, molecule, padded=True)
    x = system.positions
    direction = jax.random.normal(jax.random.key(0), x.shape)
    gradient = jax.jit(jax.grad(system.energy))
    product = jax.jit(lambda x, u: jax.jvp(jax.grad(system.energy), (x,), (u,))[1])(x, direction)
    step = 1e-6
    numeric = (gradient(x + step * direction) - gradient(x - step * direction)) / (2 * step)
    assert float(jnp.linalg.norm(product - numeric)) < 1e-5 * float(jnp.linalg.norm(product))


def test_no_cutoff_leaves_the_name_of_a_run_as_it_was_and_a_cutoff_does_not():
    plain, cutoff = (build(ProteinConfig, {"name": "protein", "cutoff_nm": d}) for d in (None, 1.0))
    assert hash_of(plain) != hash_of(cutoff)
    assert hash_of(cutoff) != hash_of(
        build(ProteinConfig, {"name": "protein", "cutoff_nm": 1.0, "switch_nm": 0.8})
    )


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"cutoff_nm": 0}, "cutoff_nm"),
        ({"cutoff_nm": 1.0, "force_field": "classical"}, "cutoff_nm"),
        ({"cutoff_nm": 1.0, "switch_nm": 1.0}, "switch_nm"),
        ({"cutoff_nm": 1.0, "reaction_field_dielectric": 0.5}, "reaction_field_dielectric"),
    ],
)
def test_keys_that_cannot_be_used_are_refused(given, key):
    with pytest.raises(ConfigError, match=f"^{key}: must be"):
        build(ProteinConfig, {"name": "protein", **given})
