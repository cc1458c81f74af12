"""A mass matrix slows stiff modes, leaves soft ones as they are, and changes no static property."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy
from jax.tree_util import Partial
from structure_texts import tripeptide

from nnrep.choices.settings import build
from nnrep.dynamics.masses import holds_centre, mass_matrix
from nnrep.dynamics.replica_exchange import advance, start_ladder
from nnrep.dynamics.settings import Constraints, DynamicsSettings, MassRule
from nnrep.energies.restraints import positional_restraints
from nnrep.errors import ConfigError
from nnrep.modes.assembled import hessian_of
from nnrep.systems.protein import ProteinConfig, protein_system
from nnrep.systems.system import System, with_energy

CHAINS, LENGTH, STIFF, SOFT = 20, 6, 1000.0, 1.0


def _chains(positions):
    """Chains of stiff springs of no length, each held by a soft one to the origin."""
    chains = positions.reshape(CHAINS, LENGTH, 3)
    return 0.5 * STIFF * jnp.sum(jnp.diff(chains, axis=1) ** 2) + 0.5 * SOFT * jnp.sum(chains[:, 0] ** 2)


def chains(**more) -> System:
    size = CHAINS * LENGTH
    return System(energy=Partial(_chains), positions=np.zeros((size, 3)), masses=np.ones(size), **more)


def settings(**changed) -> DynamicsSettings:
    usual = {
        "time_step_fs": 500.0,
        "outer_every": 1,
        "friction_per_ps": 1.0,
        "temperatures_k": [2.0] * 6,
        "exchange_every": 20,
        "hydrogen_mass_dalton": None,
        "mass_rule": MassRule.repartitioned,
        "fastest_period_fs": 2500.0,
        "constraints": Constraints.none,
    }
    return DynamicsSettings(**usual | changed)


def test_no_mode_is_faster_than_the_period_and_slow_ones_keep_their_masses():
    system = chains()
    matrix = mass_matrix(system, np.ones(system.n), 2.5)
    assert np.sum(matrix) == pytest.approx(system.n)
    springs = np.kron(np.eye(CHAINS), _stiffness())
    squares = np.linalg.eigvals(np.linalg.solve(matrix, springs)).real
    assert np.sqrt(squares.max()) < 1.2 * 2 * np.pi / 2.5
    assert squares.min() == pytest.approx(np.linalg.eigvalsh(springs).min(), rel=0.02)


def test_vibrations_of_a_molecule_are_no_faster_than_the_period():
    """In its solvent, with its whole Hessian; the pairs that the mass matrix does not know are soft."""
    config = build(ProteinConfig, {"name": "protein", "solvent": "gbn2"})
    system = protein_system(config, tripeptide())
    matrix = mass_matrix(system, system.masses, 0.06)
    assert np.sum(matrix) == pytest.approx(system.masses.sum())
    hessian = np.asarray(jax.jit(hessian_of(system))(system.positions))
    squares = scipy.linalg.eigh(hessian, np.kron(matrix, np.eye(3)), eigvals_only=True)
    usual = scipy.linalg.eigh(hessian, np.kron(np.diag(system.masses), np.eye(3)), eigvals_only=True)
    assert 2 * np.pi / np.sqrt(usual.max()) < 0.01
    assert 2 * np.pi / np.sqrt(squares.max()) > 0.05


def _stiffness() -> np.ndarray:
    bends = np.diff(np.eye(LENGTH), axis=0)
    matrix = STIFF * bends.T @ bends
    matrix[0, 0] += SOFT
    return matrix


@pytest.mark.slow
def test_positions_have_the_distribution_that_they_have_with_any_masses():
    """At a step of five times the fastest period of the masses of particles."""
    chosen, system = settings(), chains()
    ladder, _ = advance(system, chosen, start_ladder(system, chosen, 0), 400)
    stretches, places, kinetic = [], [], []
    for _ in range(120):
        ladder, observed = advance(system, chosen, ladder, 20)
        positions = np.asarray(ladder.positions).reshape(-1, CHAINS, LENGTH, 3)
        stretches.append(np.mean(np.diff(positions, axis=2) ** 2))
        places.append(np.mean(positions[:, :, 0] ** 2))
        kinetic.append(np.mean(observed.mean_kinetic_temperatures))
    assert STIFF * np.mean(stretches) == pytest.approx(2.0, rel=0.01)
    assert SOFT * np.mean(places) == pytest.approx(2.0, rel=0.05)
    assert np.mean(kinetic) == pytest.approx(2.0, rel=0.01)


def test_frozen_particles_stay_and_momentum_is_held():
    still = chains(frozen=np.arange(CHAINS * LENGTH) < 3)
    ladder, _ = advance(still, settings(), start_ladder(still, settings(), 0), 100)
    assert not np.any(np.asarray(ladder.positions)[:, :3])
    assert np.all(np.asarray(ladder.positions)[:, 3:])
    chosen, system = settings(hold_centre=True), chains()
    ladder, _ = advance(system, chosen, start_ladder(system, chosen, 0), 100)
    np.testing.assert_allclose(np.mean(np.asarray(ladder.positions), axis=1), 0, atol=1e-10)


def test_the_centre_of_a_molecule_is_held_unless_something_holds_it_elsewhere():
    system = protein_system(build(ProteinConfig, {"name": "protein"}), tripeptide())
    tether = positional_restraints(np.asarray(system.positions), 100.0)
    assert holds_centre(system, settings())
    assert not holds_centre(with_energy(system, tether), settings())
    assert holds_centre(with_energy(system, tether), settings(hold_centre=True))


def test_constraints_need_masses_of_atoms():
    with pytest.raises(ConfigError, match="constraints"):
        settings(constraints=Constraints.hydrogen_bonds)
